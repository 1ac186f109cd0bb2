//go:build torch && unix

package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// testSamplesPerFile is small, so that kills fall between files.
const testSamplesPerFile = 3

// posttrainProcess is post-training in a separate process, which tests kill.
func posttrainProcess(text string) int {
	samplesPerFile = testSamplesPerFile
	var p Posttraining
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	if _, err := Posttrain(context.Background(), p, exists(filepath.Join(p.Train.Out, posttrainName)),
		os.Stderr, false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// smallPosttraining goes on from a network that trained for a moment.
func smallPosttraining(t *testing.T, method string) Posttraining {
	t.Helper()
	p, err := PosttrainDefaults(trained(t, 3, 30), method)
	if err != nil {
		t.Fatal(err)
	}
	p.Rounds, p.Patience, p.Samples, p.Positives = 2, 2, 8, 20
	o := &p.Train
	o.Data, o.Val, o.ValMolecules = []string{molecules(t, 60)}, []string{molecules(t, 20)}, 20
	o.Out, o.Steps, o.BatchAtoms, o.Threads, o.Seed, o.CheckpointEvery, o.LogEvery,
		o.Warmup = filepath.Join(t.TempDir(), "out"), 12, 40, 2, 5, Duration(time.Nanosecond), 1, 2
	return p
}

func mustPosttrain(t *testing.T, p Posttraining, resume bool) *PosttrainResult {
	t.Helper()
	result, err := Posttrain(context.Background(), p, resume, io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// weightsOf are all values of a weights file, by tensor.
func weightsOf(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, name := range f.Names() {
		if all[name], err = f.Float32(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Post-training that is killed again and again, while it samples and while it trains, ends with the
// bits of one that was left alone.
func TestKilledPosttrainingEndsAlike(t *testing.T) {
	for _, method := range []string{TaskVector, DiffusionNFT} {
		t.Run(method, func(t *testing.T) { killPosttraining(t, method) })
	}
}

func killPosttraining(t *testing.T, method string) {
	defer func(n int) { samplesPerFile = n }(samplesPerFile)
	samplesPerFile = testSamplesPerFile
	p := smallPosttraining(t, method)
	p.Reward = "stable_atoms"
	whole := p
	whole.Train.Out = filepath.Join(t.TempDir(), "whole")
	want := mustPosttrain(t, whole, false)
	if len(want.Rounds) != 3 || !want.Finished {
		t.Fatalf("%d rounds, finished %v", len(want.Rounds), want.Finished)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for ; ; kills++ {
		if kills > 60 {
			t.Fatal("60 kills without an end")
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SYMDIFF_TEST_POSTTRAIN="+string(text))
		var status strings.Builder
		cmd.Stderr = &status
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		longest := 400 * math.Pow(1.1, float64(kills)) // ms; on a busy machine early kills come before the first step
		timer := time.AfterFunc(time.Duration(100+r.IntN(int(longest)))*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		if timer.Stop() && err != nil {
			t.Fatalf("after %d kills: %v\n%s", kills, err, status.String())
		}
		if err == nil {
			break
		}
	}
	t.Logf("%d kills", kills)
	state, err := readPosttrainState(p.Train.Out)
	if err != nil {
		t.Fatal(err)
	}
	if !state.Done || state.Best != want.Best || len(state.Rounds) != len(want.Rounds) {
		t.Fatalf("best %d of %d, done %v; want %d of %d", state.Best, len(state.Rounds), state.Done, want.Best,
			len(want.Rounds))
	}
	for k, r := range state.Rounds {
		if *r.Measures != *want.Rounds[k].Measures {
			t.Errorf("round %d: %+v, want %+v", k, *r.Measures, *want.Rounds[k].Measures)
		}
		got := weightsOf(t, r.Weights)
		for name, v := range weightsOf(t, want.Rounds[k].Weights) {
			if !slices.Equal(got[name], v) {
				t.Errorf("round %d: %s differs", k, name)
			}
		}
	}
}

// The weights say which rounds they come from, on which data, from which weights, and how long that
// took.
func TestPosttrainingTellsItsProvenance(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	p.Train.Command = "symdiff posttrain"
	result := mustPosttrain(t, p, false)
	f, err := safetensors.Open(result.Rounds[2].Weights)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := encoding.Parse(f.Name, f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	var all Provenance
	if err := json.Unmarshal(meta.Training, &all); err != nil {
		t.Fatal(err)
	}
	if all.Steps != 30 || len(all.Posttraining) != 1 {
		t.Fatalf("%d steps and %d stages after them, want 30 and 1", all.Steps, len(all.Posttraining))
	}
	s := all.Posttraining[0]
	sum, err := hashOf(p.Train.Init)
	if err != nil {
		t.Fatal(err)
	}
	if s.From != sum || len(s.Rounds) != 3 || s.Command != "symdiff posttrain" || len(s.Data) != 1 ||
		len(s.Data[0].SHA256) != 64 || len(s.Val) != 1 || s.Options.Samples != 8 {
		t.Errorf("%+v", s)
	}
	if s.Rounds[1].Hours <= 0 || s.Rounds[1].Measures == nil {
		t.Errorf("%+v", s.Rounds)
	}
	if meta.Moments == nil || len(meta.Histogram) == 0 {
		t.Error("what the weights said of their data is lost")
	}
	if got, want := weightsOf(t, result.Weights), weightsOf(t, result.Rounds[result.Best].Weights); len(got) != len(want) {
		t.Errorf("%s has %d tensors, round %d has %d", result.Weights, len(got), result.Best, len(want))
	}
	if _, err := Posttrain(context.Background(), p, false, nil, false); err == nil ||
		!strings.Contains(err.Error(), "--resume") {
		t.Errorf("a second run in the folder: %v", err)
	}
}

// A round adds w times the difference of its copies to the best one, each of which learned its own molecules:
// the weak one the samples below the mean reward, the expert data that are not below it.
func TestRoundAddsItsTaskVector(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	p.Reward, p.Rounds, p.Patience, p.Scale, p.Positives = `-number_of("N")`, 4, 4, 0.5, 10
	result := mustPosttrain(t, p, false)
	m := result.Rounds[0].Measures
	folder := p.folder(0)
	values := func(file string) (list []float64) {
		all, err := readMolecules([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			list = append(list, -float64(countOf(m.Elements, molecule.N)))
		}
		return list
	}
	poor, good := values(filepath.Join(folder, "weak.xyz")), values(filepath.Join(folder, "expert.xyz"))
	if len(poor) == 0 || len(poor) != m.Below || slices.Max(poor) >= m.Reward {
		t.Errorf("rewards of the weak copy's %d molecules %v, want %d below %g", len(poor), poor, m.Below, m.Reward)
	}
	if len(good) != p.Positives || slices.Min(good) < m.Reward {
		t.Errorf("rewards of the expert's molecules %v, want %d from %g on", good, p.Positives, m.Reward)
	}
	best, again := 0, 0
	for _, r := range result.Rounds[1:] {
		if before := result.Rounds[r.Round-1]; before.Measures.Score > result.Rounds[best].Measures.Score {
			best = before.Round
		}
		if r.Round != best+1 {
			again++
		}
		w := 0.5 * float64(result.Rounds[best].Measures.Below) / float64(m.Below) / math.Pow(2, float64(r.Round-best-1))
		if math.Abs(r.Scale-w) > 1e-12 || (r.Hours > 0) != (r.Round == best+1) {
			t.Errorf("round %d, from %d: w %g and %g h, want w %g", r.Round, best, r.Scale, r.Hours, w)
		}
		checkTaskVector(t, p.folder(best), result.Rounds[best].Weights, r.Weights, w)
	}
	if again == 0 {
		t.Error("no round was worse, so that w was never halved")
	}
}

// checkTaskVector checks that one file of weights is another with w times the task vector of the
// copies in a folder.
func checkTaskVector(t *testing.T, folder, from, to string, w float64) {
	t.Helper()
	var copies [2]map[string][]float32
	for i, name := range []string{expert, weak} {
		c, _, err := ReadWeights(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		copies[i] = map[string][]float32{}
		for _, tensor := range c.Tensors {
			copies[i][tensor.Name] = tensor.Data
		}
	}
	moved := 0
	got := weightsOf(t, to)
	for name, before := range weightsOf(t, from) {
		for i, v := range before {
			difference := copies[0][name][i] - copies[1][name][i]
			if want := v + float32(w)*difference; math.Abs(float64(got[name][i]-want)) > 1e-6 {
				t.Fatalf("%s: %s[%d] is %g, want %g", to, name, i, got[name][i], want)
			}
			if difference != 0 {
				moved++
			}
		}
	}
	if moved < 100 {
		t.Errorf("%s: %d values moved", to, moved)
	}
}

// With RewardBelow the weak copy sees the poor samples alone below it, all samples above it, and so
// many of the poor ones that its times are uniform.
func TestPoorSamplesBelowATime(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	p.Reward, p.Rounds, p.RewardBelow = `-number_of("N")`, 1, 0.6
	result := mustPosttrain(t, p, false)
	state, err := readPosttrainState(p.Train.Out)
	if err != nil {
		t.Fatal(err)
	}
	r := &posttraining{Posttraining: p, state: state}
	files, spans := r.poorFiles(0)
	poor, err := readMolecules(files[:1])
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || len(poor) != 12 || result.Rounds[0].Measures.Below >= 8 {
		t.Fatalf("files %q, %d poor molecules of %d samples; want 12, which are 0.6 of all", files, len(poor), p.Samples)
	}
	for i, m := range poor {
		if -float64(countOf(m.Elements, molecule.N)) >= result.Rounds[0].Measures.Reward ||
			m.Formula() != poor[i%result.Rounds[0].Measures.Below].Formula() {
			t.Errorf("molecule %d of the weak copy is %s", i, m.Formula())
		}
	}
	o := p.copy(0, weak, p.Train.Init, files)
	o.Out, o.Spans = t.TempDir(), spans
	run, err := prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.team.close()
	least, most := [2]int{1000, 1000}, [2]int{-1, -1}
	for step := range 200 {
		b := run.draw(step)
		for i, index := range b.indices {
			source := 0
			if index >= len(poor) {
				source = 1
			}
			least[source], most[source] = min(least[source], b.times[i]), max(most[source], b.times[i])
		}
	}
	T := float64(run.batcher.T())
	for source, span := range [][2]float64{{0, 0.6}, {0.6, 1}} {
		from, to := int(span[0]*T), int(span[1]*T)
		if least[source] < from || most[source] > to || least[source] > from+to/10 || most[source] < to-to/10 {
			t.Errorf("file %d is noised to t in %d to %d, want %d to %d", source, least[source], most[source], from, to)
		}
	}
}

// With groups, each has its share of all samples among the molecules of the weak copy.
func TestPoorSamplesByGroup(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	p.Group, p.RewardBelow = `number_of("H")`, 0.5
	r := &posttraining{Posttraining: p}
	var err error
	if r.group, err = newGrouper(p.Group, molecule.QM9Rule); err != nil {
		t.Fatal(err)
	}
	var samples []*molecule.Molecule
	var poor []bool
	for i := range 100 {
		samples, poor = append(samples, water(i%4 > 0)), append(poor, i%4 == 0 || i == 1)
	}
	if err := os.MkdirAll(p.folder(0), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := r.poorMolecules(context.Background(), 0, samples, poor); err != nil {
		t.Fatal(err)
	}
	all, err := readMolecules([]string{r.moleculeFile(0, weak)})
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, m := range all {
		whole += countOf(m.Elements, molecule.H) - 1
	}
	if len(all) != 100 || whole != 75 {
		t.Errorf("%d molecules of the weak copy, %d of them water; want 100 and 75", len(all), whole)
	}
}

// The task vector of a round by a reward is scaled by the share of poor samples, relative to the
// first round's; without a reward it is not. A round that is no better than the best one is followed
// by one from the best, with half of its w.
func TestScaleFalls(t *testing.T) {
	below, scores := []int{100, 20, 120, 30}, []float64{1, 2, 0, 2}
	for reward, want := range map[string][]float64{"stable": {0.5, 0.1, 0.05, 0.025}, "": {0.5, 0.5, 0.25, 0.125}} {
		s := &posttrainState{Options: Posttraining{Method: TaskVector, Scale: 0.5, Reward: reward, Rounds: 9, Patience: 9}}
		for k, w := range want {
			s.Rounds = append(s.Rounds, Round{Measures: &Measures{Below: below[k], Score: scores[k]}})
			s.Best, _ = s.choose()
			if got := s.scale(); math.Abs(got-w) > 1e-12 {
				t.Errorf("reward %q, after round %d: %g, want %g", reward, k, got, w)
			}
			if want := min(k, 1); s.base() != want {
				t.Errorf("after round %d: from round %d, want %d", k, s.base(), want)
			}
		}
		if s.Options.Method = DiffusionNFT; s.base() != 3 {
			t.Errorf("by DiffusionNFT from round %d, want the last one", s.base())
		}
	}
}

// Without a sample below the mean reward there is nothing to learn, and post-training ends.
func TestPosttrainingEndsWithoutPoorSamples(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	p.Reward = "1"
	if result := mustPosttrain(t, p, false); len(result.Rounds) != 1 || !result.Finished {
		t.Errorf("%d rounds, finished %v", len(result.Rounds), result.Finished)
	}
	p = smallPosttraining(t, TaskVector)
	p.Reward = `atoms > 5 ? 1 : 2` // of the samples
	r := &posttraining{Posttraining: p, state: &posttrainState{Rounds: []Round{{Measures: &Measures{Reward: 3}}}}}
	var err error
	if r.reward, err = newRewarder(p.Reward, molecule.QM9Rule); err != nil {
		t.Fatal(err)
	}
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	err = r.dataMolecules(context.Background(), 0, filepath.Join(t.TempDir(), "data.xyz"), 5)
	if err == nil || !strings.Contains(err.Error(), "--reward: no training") {
		t.Errorf("a reward that no molecule has: %v", err)
	}
}

// A folder of an earlier version, which lacks a setting, is named as such.
func TestOldPosttrainingCannotGoOn(t *testing.T) {
	folder := t.TempDir()
	text := `{"options":{"rounds":4,"scale":1},"rounds":[]}`
	if err := os.WriteFile(filepath.Join(folder, posttrainName), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPosttraining(folder); err == nil ||
		!strings.Contains(err.Error(), "posttrain.json: method: ") {
		t.Errorf("error %v, want one about the method", err)
	}
}

// A round of DiffusionNFT trains on as many training molecules as samples, in each round others,
// and moves the network.
func TestRoundOfDiffusionNFT(t *testing.T) {
	p := smallPosttraining(t, DiffusionNFT)
	p.Reward, p.Group = `-number_of("N")`, "atoms > 3"
	result := mustPosttrain(t, p, false)
	seen := map[string]int{}
	for k := range 2 {
		c, err := ReadCheckpoint(filepath.Join(p.folder(k), "train"))
		if err != nil {
			t.Fatal(err)
		}
		data := c.Provenance.Data
		if data[0].Molecules != 10 || c.Provenance.Molecules != 10+2*p.Samples {
			t.Errorf("round %d: %d training molecules of %d, want 10 of 26", k, data[0].Molecules,
				c.Provenance.Molecules)
		}
		all, err := readMolecules([]string{filepath.Join(p.folder(k), "data.xyz")})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if v := -float64(countOf(m.Elements, molecule.N)); v < result.Rounds[k].Measures.Reward {
				t.Errorf("round %d: a molecule of reward %g, below the samples' mean", k, v)
			}
			seen[fmt.Sprint(m.Positions)]++
		}
		before, after := weightsOf(t, result.Rounds[k].Weights), weightsOf(t, result.Rounds[k+1].Weights)
		moved := 0
		for name := range before {
			if !slices.Equal(before[name], after[name]) {
				moved++
			}
		}
		if moved < len(before)/2 {
			t.Errorf("round %d: %d of %d tensors moved", k, moved, len(before))
		}
	}
	if len(seen) < 12 {
		t.Errorf("both rounds have the same %d training molecules", len(seen))
	}
	p.Mix, p.Rounds, p.Train.Out = 0, 1, filepath.Join(t.TempDir(), "samples")
	mustPosttrain(t, p, false)
	c, err := ReadCheckpoint(filepath.Join(p.folder(0), "train"))
	if err != nil || c.Provenance.Molecules != p.Samples {
		t.Errorf("without the data: %v, %d molecules, want %d", err, c.Provenance.Molecules, p.Samples)
	}
}

func TestPosttrainingEndsByItsRule(t *testing.T) {
	state := func(patience, most int, scores ...float64) *posttrainState {
		s := &posttrainState{Options: Posttraining{Patience: patience, Rounds: most}}
		for k, v := range scores {
			s.Rounds = append(s.Rounds, Round{Round: k, Measures: &Measures{Score: v}})
		}
		return s
	}
	for _, c := range []struct {
		state *posttrainState
		best  int
		over  bool
	}{
		{state(2, 9, 0.5), 0, false},
		{state(2, 9, 0.5, 0.6, 0.59), 1, false},
		{state(2, 9, 0.5, 0.6, 0.59, 0.6), 1, true},
		{state(2, 9, 0.5, 0.6, 0.59, 0.61), 3, false},
		{state(2, 3, 0.5, 0.6, 0.59, 0.61), 3, true},
	} {
		if best, over := c.state.choose(); best != c.best || over != c.over {
			t.Errorf("%d rounds: best %d, over %v, want %d, %v", len(c.state.Rounds)-1, best, over, c.best, c.over)
		}
	}
}

func TestPosttrainingRefusesWhatItCannotDo(t *testing.T) {
	for want, change := range map[string]func(*Posttraining){
		"--rounds":     func(p *Posttraining) { p.Rounds = 0 },
		"--val":        func(p *Posttraining) { p.Train.Val = nil },
		"--method":     func(p *Posttraining) { p.Method = "luck" },
		"scale":        func(p *Posttraining) { p.Scale = 0 },
		"beta, from":   func(p *Posttraining) { p.Beta = 0.4 },
		"mix":          func(p *Posttraining) { p.Mix = 0.5 },
		"positives":    func(p *Posttraining) { p.Positives = 0 },
		"reward-below": func(p *Posttraining) { p.RewardBelow = 0 },
		"--reward":     func(p *Posttraining) { p.Reward = "loud" },
		"conditioned":  func(p *Posttraining) { p.Train.Condition = []string{"gap"} },
		"no such file": func(p *Posttraining) { p.Train.Data = []string{"none.xyz"} },
		"stop-after":   func(p *Posttraining) { p.Train.StopAfter = 1 },
	} {
		p := smallPosttraining(t, TaskVector)
		change(&p)
		if _, err := Posttrain(context.Background(), p, false, nil, false); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	for want, change := range map[string]func(*Posttraining){
		"beta: ":  func(p *Posttraining) { p.Beta = 0 },
		"from 0.": func(p *Posttraining) { p.From, p.To = 0.5, 0.4 },
		"ramp":    func(p *Posttraining) { p.Ramp = math.NaN() },
		"negati":  func(p *Posttraining) { p.Negative = 2 },
		"mix":     func(p *Posttraining) { p.Mix = 2 },
		"scale":   func(p *Posttraining) { p.Scale = 1 },
		"group":   func(p *Posttraining) { p.Group = "atoms" },
		"loss l2": func(p *Posttraining) { p.Train.Loss = lossVLB },
	} {
		p := smallPosttraining(t, DiffusionNFT)
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	p := smallPosttraining(t, TaskVector)
	p.Train.Out = t.TempDir()
	if _, err := Posttrain(context.Background(), p, true, nil, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without post-training goes on: %v", err)
	}
}

// Post-training goes on with the settings that make its rounds comparable, and from its weights, which
// may have moved.
func TestPosttrainingGoesOnAsItBegan(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	if err := os.MkdirAll(p.Train.Out, 0o777); err != nil {
		t.Fatal(err)
	}
	enter := func(change func(*Posttraining), resume bool) (*posttraining, error) {
		r := &posttraining{Posttraining: p}
		change(&r.Posttraining)
		return r, cmp.Or(r.load(), r.enter(resume))
	}
	if _, err := enter(func(*Posttraining) {}, false); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Posttraining){
		"--samples 9: it was begun with 8":    func(p *Posttraining) { p.Samples++ },
		"--positives":                         func(p *Posttraining) { p.Positives++ },
		"--reward-below":                      func(p *Posttraining) { p.RewardBelow = 0.5 },
		"--reward valid: it was begun with ;": func(p *Posttraining) { p.Reward = "valid" },
		"--scale":                             func(p *Posttraining) { p.Scale = 2 },
		"--method":                            func(p *Posttraining) { p.Method = DiffusionNFT },
		"--mix":                               func(p *Posttraining) { p.Mix = 1 },
		"--group":                             func(p *Posttraining) { p.Group = "atoms" },
		"--seed":                              func(p *Posttraining) { p.Train.Seed++ },
		"not the weights":                     func(p *Posttraining) { p.Train.Init = p.Train.Val[0] },
		"--val":                               func(p *Posttraining) { p.Train.Val = p.Train.Data },
		"--data":                              func(p *Posttraining) { p.Train.Data = p.Train.Val },
	} {
		if _, err := enter(change, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	moved := filepath.Join(t.TempDir(), "moved.safetensors")
	if err := copyFile(p.Train.Init, moved); err != nil {
		t.Fatal(err)
	}
	r, err := enter(func(p *Posttraining) { p.Rounds, p.Train.Init = 5, moved }, true)
	if err != nil || r.state.Rounds[0].Weights != moved || r.state.Options.Rounds != 5 {
		t.Errorf("%v: goes on from %+v", err, r.state.Rounds[0])
	}
}

// Ctrl-C while a program rewards ends post-training as at any other moment, at once, whatever the
// program has started.
func TestInterruptOfAReward(t *testing.T) {
	p := smallPosttraining(t, TaskVector)
	started, script := filepath.Join(t.TempDir(), "started"), filepath.Join(t.TempDir(), "reward")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n> "+started+"\nsleep 60\necho 1\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	p.Reward = "program:" + script
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var asked time.Time
	go func() {
		for !exists(started) && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		asked = time.Now()
		cancel()
	}()
	_, err := Posttrain(ctx, p, false, nil, false)
	if _, ok := errors.AsType[*Interrupted](err); !ok || !exists(started) || time.Since(asked) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(asked))
	}
}
