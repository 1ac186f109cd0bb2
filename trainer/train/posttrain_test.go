//go:build torch && unix

package train

import (
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
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// testSamplesPerFile is small, so that kills fall between files.
const testSamplesPerFile = 3

// posttrainProcess is post-training in a process of its own, which tests kill.
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
func smallPosttraining(t *testing.T) Posttraining {
	t.Helper()
	p, err := PosttrainDefaults(trained(t, 3, 30))
	if err != nil {
		t.Fatal(err)
	}
	p.Rounds, p.Patience, p.Samples, p.SampleSteps, p.SampleRho, p.Positives = 2, 2, 8, 3, 5, 20
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
	defer func(n int) { samplesPerFile = n }(samplesPerFile)
	samplesPerFile = testSamplesPerFile
	p := smallPosttraining(t)
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
	p := smallPosttraining(t)
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
	if s.Rounds[2].Hours <= 0 || s.Rounds[1].Measures == nil || len(s.Rounds[2].Drift) != 10 {
		t.Errorf("%+v", s.Rounds)
	}
	if meta.Moments == nil || len(meta.Histogram) == 0 {
		t.Error("what the weights said of their data is lost")
	}
	if want := (encoding.Sampling{Steps: 3, Rho: 5}); meta.Sampling != want {
		t.Errorf("the weights tell %+v of their sampler, want %+v", meta.Sampling, want)
	}
	if got, want := weightsOf(t, result.Weights), weightsOf(t, result.Rounds[result.Best].Weights); len(got) != len(want) {
		t.Errorf("%s has %d tensors, round %d has %d", result.Weights, len(got), result.Best, len(want))
	}
	if _, err := Posttrain(context.Background(), p, false, nil, false); err == nil ||
		!strings.Contains(err.Error(), "--resume") {
		t.Errorf("a second run in the folder: %v", err)
	}
}

// The target is e_ref + w·(eps - e_ref), w = a/beta·min(1, t/(T·ramp)) with a = 1 for the data and
// -1/2 for the samples in the interval, 0 outside it. e_ref is e_old, and outside the interval the
// anchor:
//
//	|e - e_ref - w·(eps - e_ref)|² = A - w·(A + V - B) + w²·V,   A = |e - e_ref|², B = |e - eps|², V = |eps - e_ref|²
func TestContrastTarget(t *testing.T) {
	weights, anchor, start := trained(t, 3, 30), trained(t, 4, 5), trained(t, 5, 5)
	for _, c := range []struct{ beta, from, to float64 }{{1, 0, 1}, {0.5, 0.3, 0.7}} {
		o := small(t)
		o.Init, o.Threads, o.Dropout = start, 1, 0
		o.Contrast = &Contrast{Old: weights, Anchor: anchor, Negative: 0.5, Ramp: 0.5, Beta: c.beta,
			From: c.from, To: c.to, Samples: o.Data, Count: 60}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		r, err := newRun(o, mpi.Alone, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[float64]int{}
		r.team.do(func(_ int, s *torch.Scope) {
			loss := func(p *torch.Params, b *Batch, signs []float32) []float32 {
				b.Sign = signs
				return torch.Float32s(r.squaredError(s, p, b))
			}
			for range 20 {
				part := r.next()
				b := r.part(part, 0, 1)
				signs := b.Sign
				got, B := loss(r.params, b, signs), loss(r.params, b, nil)
				A, V := map[bool][]float32{}, map[bool][]float32{}
				for anchored, reference := range map[bool]*torch.Params{false: r.old, true: r.anchor} {
					V[anchored] = loss(reference, b, nil)
					for i := range b.Anchored {
						b.Anchored[i] = anchored
					}
					A[anchored] = loss(r.params, b, make([]float32, b.B))
				}
				for i, index := range part.indices {
					share := float64(b.Times[i]) / float64(r.Timesteps)
					w := 1 / c.beta
					if index >= 60 {
						w *= -0.5
					}
					inside := share >= c.from && share <= c.to
					if !inside {
						w = 0
					}
					anchored := !inside
					seen[w]++
					w *= min(1, share/0.5)
					a, b, v := float64(A[anchored][i]), float64(B[i]), float64(V[anchored][i])
					if want := a - w*(a+v-b) + w*w*v; math.Abs(float64(got[i])-want) > 1e-3*(a+b+v) {
						t.Errorf("beta %g, a/beta %g: loss %g, want %g", c.beta, w, got[i], want)
					}
				}
			}
			s.Close()
		})
		if seen[1/c.beta] < 20 || seen[-0.5/c.beta] < 20 || c.from > 0 && seen[0] < 20 {
			t.Errorf("molecules of each a/beta: %v", seen)
		}
		r.team.close()
		if err := r.unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// A run from before there was RewardBelow goes on with its reward at all times.
func TestOldPosttrainingKeepsItsReward(t *testing.T) {
	folder := t.TempDir()
	for text, want := range map[string]float64{
		`{"options":{"reward":"stable"}}`: 1, `{"options":{"reward":"stable","reward_below":0.35}}`: 0.35,
	} {
		if err := os.WriteFile(filepath.Join(folder, posttrainName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if s, err := readPosttrainState(folder); err != nil || s.Options.RewardBelow != want {
			t.Errorf("%s: reward below %v, %v, want %g", text, s, err, want)
		}
	}
}

// A reward counts below RewardBelow only.
func TestRewardBelow(t *testing.T) {
	c := Contrast{Beta: 0.5, From: 0.1, To: 0.8, Ramp: 0.2, Negative: 0.9, RewardBelow: 0.4, Rewards: "rewards.json"}
	s := signs{of: []float32{2, 1}, data: 1}
	for _, want := range []struct {
		share float64
		signs [2]float32
	}{{0.05, [2]float32{}}, {0.1, [2]float32{1, 0.5}}, {0.39, [2]float32{2, 1}}, {0.4, [2]float32{2, -1.8}},
		{0.81, [2]float32{}}} {
		if got := [2]float32{c.sign(s, 0, want.share), c.sign(s, 1, want.share)}; got != want.signs {
			t.Errorf("t/T %g: s = %v, want %v", want.share, got, want.signs)
		}
	}
}

// The training molecules of a round are scored once it begins, and a run that goes on with more
// rounds has the bits of one that had them from the start.
func TestMoreRoundsByAReward(t *testing.T) {
	p := smallPosttraining(t)
	p.Reward = "stable_atoms"
	whole := p
	whole.Train.Out = filepath.Join(t.TempDir(), "whole")
	want := mustPosttrain(t, whole, false)
	r, left := &posttraining{Posttraining: p}, &posttraining{Posttraining: whole}
	var err error
	if r.reward, err = newRewarder(p.Reward); err != nil {
		t.Fatal(err)
	}
	left.reward = r.reward
	rewards := func(r *posttraining, k int) Rewards {
		got, err := readRewards(r.rewardFile(k), p.Samples, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	p.Rounds = 1
	mustPosttrain(t, p, false)
	if a, b := rewards(r, 0), rewards(r, 1); len(a.Data) != 10 || len(b.Data) != 0 || len(b.Samples) != 8 {
		t.Errorf("round 0 has %d training molecules, want 10; the last %d, want none", len(a.Data), len(b.Data))
	}
	p.Rounds = 2
	got := mustPosttrain(t, p, true)
	if a, b := rewards(r, 1), rewards(left, 1); len(b.Data) != 10 || !slices.Equal(a.Data, b.Data) || a.Next != b.Next {
		t.Errorf("training molecules %v, want %v", a.Data, b.Data)
	}
	for k := range 3 {
		if *got.Rounds[k].Measures != *want.Rounds[k].Measures {
			t.Errorf("round %d: %+v, want %+v", k, *got.Rounds[k].Measures, *want.Rounds[k].Measures)
		}
		other := weightsOf(t, want.Rounds[k].Weights)
		for name, v := range weightsOf(t, got.Rounds[k].Weights) {
			if !slices.Equal(other[name], v) {
				t.Errorf("round %d: %s differs", k, name)
			}
		}
	}
}

// With a reward the data of a round are the next ones that have it, and each round goes on where the
// last one ended.
func TestRewardedData(t *testing.T) {
	p := smallPosttraining(t)
	p.Reward, p.Mix, p.Positives, p.Samples = `number_of("N") == 0`, 0.5, 12, 1
	r := &posttraining{Posttraining: p}
	var err error
	if r.reward, err = newRewarder(p.Reward); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for k := range 2 {
		data, next, err := r.rewardedData(context.Background(), k, 1)
		if err != nil || len(data) != 6 {
			t.Fatalf("round %d: %v, %v", k, data, err)
		}
		for _, i := range data {
			if seen[i] || strings.Contains(r.data.Molecule(i).Formula(), "N") {
				t.Errorf("round %d: molecule %d, %s", k, i, r.data.Molecule(i).Formula())
			}
			seen[i] = true
		}
		b, err := json.Marshal(Rewards{Samples: []float64{1}, Data: data, Next: next})
		if err := errors.Join(err, os.MkdirAll(r.folder(k), 0o777), os.WriteFile(r.rewardFile(k), b, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.rewardedData(context.Background(), 0, 2); err == nil || !strings.Contains(err.Error(), "--reward") {
		t.Errorf("a reward that no molecule has: %v", err)
	}
	for _, bad := range []string{"[]", `{"samples":[]}`, `{"samples":[1],"data":[-1]}`, `{"samples":[1],"data":[99999]}`} {
		if err := os.WriteFile(r.rewardFile(0), []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.rewardedData(context.Background(), 1, 1)
		if err == nil || !strings.Contains(err.Error(), "rewards.json") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Most times are drawn where there is something to learn; the others are spread over the rest.
func TestContrastDrawsTimesInItsInterval(t *testing.T) {
	for _, c := range []struct{ from, to float64 }{{0, 1}, {0.2, 0.7}, {0, 0.5}, {0.5, 1}} {
		contrast := &Contrast{From: c.from, To: c.to}
		const n = 10000
		below, above, last := 0, 0, 0.0
		for i := range n {
			v := contrast.quantile(float64(i) / n)
			if v < last || v >= 1 {
				t.Fatalf("%v: %g after %g", c, v, last)
			}
			last = v
			if v < c.from {
				below++
			}
			if v > c.to {
				above++
			}
		}
		rest := c.from + 1 - c.to
		if rest == 0 {
			rest = 1
		}
		if a, b := 0.15*n*c.from/rest, 0.15*n*(1-c.to)/rest; math.Abs(float64(below)-a) > 2 ||
			math.Abs(float64(above)-b) > 2 {
			t.Errorf("%v: %d below, want %g; %d above, want %g", c, below, a, above, b)
		}
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
		"sample-rho: want a number from 1 to 1000": func(p *Posttraining) { p.SampleRho = 0.5 },
		"--rounds":      func(p *Posttraining) { p.Rounds = 0 },
		"--val":         func(p *Posttraining) { p.Train.Val = nil },
		"beta":          func(p *Posttraining) { p.Beta = 0 },
		"from":          func(p *Posttraining) { p.From, p.To = 0.5, 0.4 },
		"--mix":         func(p *Posttraining) { p.Mix = 2 },
		"--reward":      func(p *Posttraining) { p.Reward = "loud" },
		"conditioned":   func(p *Posttraining) { p.Train.Condition = []string{"gap"} },
		"no such file":  func(p *Posttraining) { p.Train.Data = []string{"none.xyz"} },
		"loss l2":       func(p *Posttraining) { p.Train.Loss = lossVLB },
		"--sample-step": func(p *Posttraining) { p.SampleSteps = -1 },
		"stop-after":    func(p *Posttraining) { p.Train.StopAfter = 1 },
	} {
		p := smallPosttraining(t)
		change(&p)
		if _, err := Posttrain(context.Background(), p, false, nil, false); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	p := smallPosttraining(t)
	p.Train.Out = t.TempDir()
	if _, err := Posttrain(context.Background(), p, true, nil, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without post-training goes on: %v", err)
	}
}

// Post-training goes on with the settings that make its rounds comparable, and from its weights, which
// may have moved.
func TestPosttrainingGoesOnAsItBegan(t *testing.T) {
	p := smallPosttraining(t)
	if err := os.MkdirAll(p.Train.Out, 0o777); err != nil {
		t.Fatal(err)
	}
	enter := func(change func(*Posttraining), resume bool) (*posttraining, error) {
		r := &posttraining{Posttraining: p}
		change(&r.Posttraining)
		return r, r.enter(resume)
	}
	if _, err := enter(func(*Posttraining) {}, false); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Posttraining){
		"--samples 9: it was begun with 8":    func(p *Posttraining) { p.Samples++ },
		"--sample-steps":                      func(p *Posttraining) { p.SampleSteps++ },
		"--sample-rho":                        func(p *Posttraining) { p.SampleRho++ },
		"--positives":                         func(p *Posttraining) { p.Positives++ },
		"--reward valid: it was begun with ;": func(p *Posttraining) { p.Reward = "valid" },
		"--mix":                               func(p *Posttraining) { p.Mix = 1 },
		"--group":                             func(p *Posttraining) { p.Group = "atoms" },
		"--seed":                              func(p *Posttraining) { p.Train.Seed++ },
		"not the weights":                     func(p *Posttraining) { p.Train.Init = p.Train.Val[0] },
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
	p := smallPosttraining(t)
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
