//go:build torch

package train

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// samplesPerFile is the number of samples after which a killed stage of sampling goes on.
var samplesPerFile = 500

// PosttrainResult is what post-training has come to.
type PosttrainResult struct {
	Weights  string  `json:"weights"` // those of the best round
	Best     int     `json:"best"`
	Rounds   []Round `json:"rounds"`
	Finished bool    `json:"finished"`
}

func (r *PosttrainResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b,
		"round  score   stable %%  valid %%  unique %%  plausible %%  aromatic %%  distances JS  angles JS\n")
	for _, x := range r.Rounds {
		if m := x.Measures; m != nil {
			fmt.Fprintf(&b, "%-5d  %.4f  %-8.2f  %-7.2f  %-8.2f  %-11.2f  %-10.2f  %-12.5f  %.5f\n", x.Round,
				m.Score, 100*m.StableMolecules, 100*m.Valid, 100*m.Unique, 100*m.Sound, 100*m.Aromatic,
				m.Distances, m.Angles)
		}
	}
	fmt.Fprintf(&b, "%s: the weights of round %d", r.Weights, r.Best)
	return b.String()
}

// posttraining is the state of a run.
type posttraining struct {
	Posttraining
	state  *posttrainState
	reward rewarder // nil: none
	group  grouper  // nil: none

	data, val *dataset.Set
	valGroups []string // of val; nil: not yet known
	status    io.Writer
	log       *runLog
	tty       bool
}

// Posttrain makes rounds until their score has not been better for some of them, or until ctx is
// cancelled. With resume it goes on where it was stopped, or killed; the bits are those of a run
// that was left alone. The folder gets posttrain.json, the state; roundK, the samples, the log and
// the weights of each round; and model.safetensors, the weights of the best one.
func Posttrain(ctx context.Context, p Posttraining, resume bool, status io.Writer,
	terminal bool) (_ *PosttrainResult, err error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Train.Threads == 0 {
		p.Train.Threads = runtime.NumCPU()
	}
	out := p.Train.Out
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, err
	}
	unlock, err := lock(out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	r := &posttraining{Posttraining: p, status: status, tty: terminal}
	meta := p.Train.Meta()
	if r.reward, err = newRewarder(p.Reward, meta.Rule()); err != nil {
		return nil, err
	}
	if r.group, err = newGrouper(p.Group, meta.Rule()); err != nil {
		return nil, err
	}
	if r.log, err = openLog("", 0, status, terminal); err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	if err := r.enter(resume); err != nil {
		return nil, err
	}
	if err := r.run(ctx); err != nil {
		if ctx.Err() != nil { // whatever that ended, such as the program of a reward
			err = r.interrupted()
		}
		return nil, err
	}
	return &PosttrainResult{filepath.Join(out, modelName), r.state.Best, r.state.Rounds, r.state.Done},
		nil
}

// modelName is the file of weights of a round, and of the best one.
const modelName = "model.safetensors"

// load reads the molecules of the data, and those that samples are compared with.
func (r *posttraining) load() (err error) {
	if r.data, err = r.Train.Reader.Load(r.Train.Data, r.Train.elements(), r.Train.Limit); err != nil {
		return err
	}
	r.val, err = r.Train.Reader.Load(r.Train.Val, r.Train.elements(), 0)
	return err
}

// enter reads the state of a run that is to go on, or begins one.
func (r *posttraining) enter(resume bool) error {
	path := filepath.Join(r.Train.Out, posttrainName)
	state, err := readPosttrainState(r.Train.Out)
	switch {
	case err == nil && !resume:
		return fmt.Errorf("%s is there already: --resume %s goes on with it, or choose another --out",
			path, r.Train.Out)
	case err == nil:
		if said := cmp.Or(changed(state.Options.settled(), r.settled()), changedData("data", state.Data,
			r.data.Sources), changedData("val", state.Val, r.val.Sources)); said != "" {
			return fmt.Errorf("--resume %s: %s; choose another --out", r.Train.Out, said)
		}
		r.state = state
		r.state.Options, r.state.Done = r.Posttraining, false
		r.state.Commands = append(r.state.Commands, r.Train.Command)
		r.state.Rounds[0].Weights = r.Train.Init // it may have been moved
		sum, err := hashOf(r.Train.Init)
		if err == nil && sum != state.Rounds[0].SHA256 {
			err = fmt.Errorf("%s: not the weights that %s started from", r.Train.Init, r.Train.Out)
		}
		return err
	case resume || exists(path):
		return err
	}
	sum, err := hashOf(r.Train.Init)
	if err != nil {
		return err
	}
	r.state = &posttrainState{Options: r.Posttraining, Commands: []string{r.Train.Command},
		Data: r.data.Sources, Val: r.val.Sources,
		Rounds: []Round{{Weights: r.Train.Init, SHA256: sum, Threads: r.Train.Threads}}}
	return r.state.write(r.Train.Out)
}

// run makes rounds to the end.
func (r *posttraining) run(ctx context.Context) error {
	for {
		k := len(r.state.Rounds) - 1
		at := &r.state.Rounds[k]
		if at.Measures == nil {
			if err := r.measure(ctx, k); err != nil {
				return err
			}
			m := at.Measures
			r.log.note("round %d: score %.4f; of %d samples %.1f %% are stable, %.1f %% valid, %.1f %% "+
				"of these unique, %.1f %% plausible, %.1f %% with an aromatic ring; "+
				"Jensen-Shannon of distances %.5f, of angles %.5f%s", k, m.Score, m.Molecules, 100*m.StableMolecules,
				100*m.Valid, 100*m.Unique, 100*m.Sound, 100*m.Aromatic,
				m.Distances, m.Angles, r.told(m))
		}
		best, over := r.state.choose()
		r.state.Best = best
		if err := r.bring(best); err != nil {
			return err
		}
		if r.state.Done = over; over {
			r.log.note("done: round %d is the best", best)
			return r.state.write(r.Train.Out)
		}
		if err := r.state.write(r.Train.Out); err != nil {
			return err
		}
		next, err := r.train(ctx, r.state.base())
		if err != nil {
			return err
		}
		r.state.Rounds = append(r.state.Rounds, next)
		if err := r.state.write(r.Train.Out); err != nil {
			return err
		}
	}
}

// told is the reward, where there is one.
func (r *posttraining) told(m *Measures) string {
	if r.reward == nil {
		return ""
	}
	return fmt.Sprintf("; mean reward %.4f", m.Reward)
}

// sampleFiles are the files of the samples of round k.
func (r *posttraining) sampleFiles(k int) (files []string) {
	for i := 0; i*samplesPerFile < r.Samples; i++ {
		files = append(files, filepath.Join(r.folder(k), "samples", fmt.Sprintf("%03d.xyz", i)))
	}
	return files
}

// moleculeFile is a file of molecules of round k.
func (r *posttraining) moleculeFile(k int, name string) string {
	return filepath.Join(r.folder(k), name+".xyz")
}

// measure samples from the network of round k, and measures the samples.
func (r *posttraining) measure(ctx context.Context, k int) error {
	at := &r.state.Rounds[k]
	files := r.sampleFiles(k)
	if err := os.MkdirAll(filepath.Dir(files[0]), 0o777); err != nil {
		return err
	}
	net, err := symdiff.Open(at.Weights)
	if err != nil {
		return err
	}
	for i, file := range files {
		if exists(file) {
			continue
		}
		from := time.Now()
		first := i * samplesPerFile
		if err := r.sampleTo(ctx, file, net, r.Train.Seed+uint64(k), first, min(samplesPerFile,
			r.Samples-first)); err != nil {
			return err
		}
		at.Sampling = round(at.Sampling+time.Since(from).Hours(), 1e5)
		if err := r.state.write(r.Train.Out); err != nil {
			return err
		}
		r.log.progress(time.Now(), func() string {
			return fmt.Sprintf("round %d  %d of %d samples", k, min(first+samplesPerFile, r.Samples),
				r.Samples)
		})
	}
	samples, err := readMolecules(files)
	if err != nil {
		return err
	}
	e, err := evaluation.Run(ctx, listed(samples), evaluation.Options{Name: r.folder(k),
		Threads: r.Train.Threads, RefName: r.Train.Val[0], Reference: listed(r.validation())})
	if err != nil {
		return err
	}
	m := measuresOf(e)
	if r.reward != nil {
		if m.Reward, m.Below, err = r.rewards(ctx, k, samples); err != nil {
			return err
		}
	}
	m.Score = m.score(r.reward != nil)
	at.Measures = &m
	return nil
}

func readMolecules(files []string) (all []*molecule.Molecule, err error) {
	for _, file := range files {
		for m, err := range dataset.Open(file) {
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// rewards is the mean reward of the samples of round k and how many are below it, and writes what
// the round takes from that. A sample that cannot be judged is below the mean.
func (r *posttraining) rewards(ctx context.Context, k int,
	samples []*molecule.Molecule) (mean float64, below int, err error) {
	values, err := r.reward(ctx, samples)
	if err != nil {
		return 0, 0, err
	}
	mean = meanReward(values)
	poor := make([]bool, len(values))
	for i, v := range values {
		poor[i] = !(v >= mean)
	}
	if r.Method == TaskVector {
		err = r.poorMolecules(ctx, k, samples, poor)
	} else {
		err = r.weighSamples(ctx, k, samples, values)
	}
	return round(mean, 1e5), countOf(poor, true), err
}

// dataMolecules writes n training molecules for round k, in that round's order. With a reward they
// are those that are not below the mean of the samples, and as many as there are up to n.
func (r *posttraining) dataMolecules(ctx context.Context, k int, file string, n int) error {
	if exists(file) {
		return nil
	}
	order := rand.New(rand.NewPCG(r.Train.Seed+uint64(k), 0xDA7A)).Perm(r.data.Len())
	var good []*molecule.Molecule
	for len(order) > 0 && len(good) < n {
		part := order[:min(max(n-len(good), 1000), len(order))]
		order = order[len(part):]
		var molecules []*molecule.Molecule
		for _, place := range part {
			molecules = append(molecules, r.data.Molecule(place))
		}
		if r.reward != nil {
			values, err := r.reward(ctx, molecules)
			if err != nil {
				return err
			}
			molecules = notBelow(molecules, values, r.state.Rounds[k].Measures.Reward)
		}
		good = append(good, molecules[:min(len(molecules), n-len(good))]...)
	}
	if len(good) == 0 {
		return fmt.Errorf("--reward: no training molecule has the samples' mean reward, %g",
			r.state.Rounds[k].Measures.Reward)
	}
	return writeMolecules(file, good)
}

// notBelow are the molecules whose value is not below least; NaN is.
func notBelow(molecules []*molecule.Molecule, values []float64,
	least float64) (out []*molecule.Molecule) {
	for i, v := range values {
		if v >= least {
			out = append(out, molecules[i])
		}
	}
	return out
}

// writeMolecules writes a file of molecules, whole at any time.
func writeMolecules(file string, molecules []*molecule.Molecule) error {
	var b bytes.Buffer
	for i, m := range molecules {
		if err := molecule.WriteXYZ(&b, m); err != nil {
			return fmt.Errorf("%s: molecule %d: %w", file, i+1, err)
		}
	}
	return writeWhole(file, b.Bytes())
}

// sampleTo writes n samples of a seed from the first one on.
func (r *posttraining) sampleTo(ctx context.Context, file string, by *symdiff.Model, seed uint64,
	first, n int) error {
	o := symdiff.Options{Seed: seed, First: first, N: n, Threads: r.Train.Threads}
	var molecules []*molecule.Molecule
	for m, err := range by.Generate(ctx, o) {
		if err != nil && ctx.Err() != nil {
			return r.interrupted()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", by.Name, err)
		}
		molecules = append(molecules, m)
	}
	return writeMolecules(file, molecules)
}

func (r *posttraining) interrupted() error {
	return &Interrupted{r.Train.Out}
}

// train makes the next round, from the network of round k.
func (r *posttraining) train(ctx context.Context, k int) (next Round, err error) {
	next = Round{Round: len(r.state.Rounds), Threads: r.Train.Threads}
	next.Weights = filepath.Join(r.folder(next.Round), modelName)
	method := r.contrast
	if r.Method == TaskVector {
		method, next.Scale = r.addTaskVector, r.state.scale()
	}
	w, seconds, err := method(ctx, k)
	if err != nil {
		return next, err
	}
	if next.Round == k+1 { // else the copies were trained before
		next.Hours = round(seconds/3600, 1e5)
	}
	if err := os.MkdirAll(r.folder(next.Round), 0o777); err != nil {
		return next, err
	}
	if err := r.write(next, w); err != nil {
		return next, err
	}
	next.SHA256, err = hashOf(next.Weights)
	return next, err
}

// tune does one of the trainings of a round, or goes on with it.
func (r *posttraining) tune(ctx context.Context, o Options) (c *Checkpoint, seconds float64, err error) {
	o.Command = r.Train.Command
	if exists(CheckpointPath(o.Out)) {
		o.Resume = o.Out
	}
	result, err := Run(ctx, o, r.status, r.tty)
	if interrupted, ok := errors.AsType[*Interrupted](err); ok && interrupted != nil {
		return nil, 0, r.interrupted()
	}
	if err != nil {
		return nil, 0, err
	}
	c, err = ReadCheckpoint(o.Out)
	return c, result.Seconds, err
}

// write writes the weights of the next round, which say how they came about.
func (r *posttraining) write(next Round, w Weights) error {
	start, err := safetensors.Open(r.state.Rounds[0].Weights)
	if err != nil {
		return err
	}
	meta, err := encoding.Parse(start.Name, start.Metadata)
	if err != nil {
		return err
	}
	s := *r.state
	s.Rounds = append(slices.Clone(s.Rounds), next)
	if meta.Training, err = r.provenance(meta.Training, &s, next.Round); err != nil {
		return err
	}
	meta.Describe(w.Metadata)
	temp := next.Weights + ".new"
	if err := safetensors.WriteFile(temp, w.Tensors, w.Metadata); err != nil {
		return err
	}
	return os.Rename(temp, next.Weights)
}

// bring puts the weights of a round in their place at the top of the folder.
func (r *posttraining) bring(k int) error {
	return second(r.state.Rounds[k].Weights, filepath.Join(r.Train.Out, modelName))
}
