//go:build torch

package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

func mustRun(t *testing.T, o Options) *Checkpoint {
	t.Helper()
	if _, err := Run(context.Background(), o, nil, false); err != nil {
		t.Fatal(err)
	}
	c, err := ReadCheckpoint(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func logLines(t *testing.T, dir string) []entry {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []entry
	for s := bufio.NewScanner(f); s.Scan(); {
		var e entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", s.Bytes(), err)
		}
		list = append(list, e)
	}
	return list
}

// same compares every buffer bit for bit.
func same(t *testing.T, what string, a, b *Checkpoint) {
	t.Helper()
	for name, flat := range a.Buffers {
		for i, v := range flat {
			if math.Float32bits(v) != math.Float32bits(b.Buffers[name][i]) {
				t.Fatalf("%s: %s[%d] is %g and %g", what, name, i, v, b.Buffers[name][i])
			}
		}
	}
}

// N steps, a stop, and N more steps after a resume give the bits of 2N steps, for every variant;
// and so does the same run again.
func TestResumeIsExact(t *testing.T) {
	for _, v := range Variants() {
		o := small(t)
		if err := o.SetVariant(v); err != nil {
			t.Fatal(err)
		}
		o.EGNN = egnn.Config{Hidden: 16, Layers: 2, InvSublayers: 1, Attention: true, Tanh: true, NormConstant: 1,
			NormFactor: 1}
		o.AMSGrad, o.BF16 = v == "symdiff", v == "symdiff" || v == "symdiff-h"
		o.Muon, o.AdaptiveClip = v == "symdiff-h", v == "symdiff-h"
		o.Steps = 16 // more than an epoch
		whole := mustRun(t, o)
		if whole.Progress.Step != 16 || whole.Progress.Epochs <= 1 {
			t.Fatalf("%+v", whole.Progress)
		}

		again := o
		again.Out = filepath.Join(t.TempDir(), "again")
		same(t, v+", run twice", whole, mustRun(t, again))

		// stopped by a cancel after some steps, as by Ctrl-C
		part := o
		part.Out = filepath.Join(t.TempDir(), "part")
		_, err := Run(&countdown{context.Background(), 10}, part, nil, false)
		var interrupted *Interrupted
		if !errors.As(err, &interrupted) || interrupted.ExitCode() != 130 {
			t.Fatalf("cancelled run: %v", err)
		}
		c, err := ReadCheckpoint(part.Out)
		if err != nil {
			t.Fatal(err)
		}
		if c.Progress.Step != 10 || c.Progress.Done {
			t.Fatalf("stopped at %+v", c.Progress)
		}
		part.Resume = part.Out
		resumed := mustRun(t, part)
		same(t, v+", resumed", whole, resumed)
		if want := map[bool]int{true: 17}[o.AdaptiveClip]; len(whole.Progress.Norms) != want ||
			!slices.Equal(resumed.Progress.Norms, whole.Progress.Norms) {
			t.Errorf("%s, resumed: norms %v, want the %d of %v", v, resumed.Progress.Norms, want, whole.Progress.Norms)
		}
		log := logLines(t, part.Out)
		for i := 1; i < len(log); i++ {
			if log[i].Step < log[i-1].Step || log[i].Time < log[i-1].Time {
				t.Errorf("the log goes back: %+v after %+v", log[i], log[i-1])
			}
		}
	}
}

// countdown is a context that is cancelled after so many questions: one is asked before each step.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left == 0 {
		return context.Canceled
	}
	c.left--
	return nil
}

// A step made of two accumulated halves is the step of the whole batch, beyond rounding.
func TestAccumulate(t *testing.T) {
	o := small(t)
	o.LR, o.AMSGrad = 1e-4, true
	o.BatchAtoms = 80
	whole := mustRun(t, o)
	o.Out, o.BatchAtoms, o.Accumulate = filepath.Join(t.TempDir(), "parts"), 40, 2
	nearly(t, whole, mustRun(t, o))
}

// nearly compares first moments to a hundredth of their largest.
func nearly(t *testing.T, a, b *Checkpoint) {
	t.Helper()
	worst, largest := 0.0, 0.0
	for i, v := range a.Buffers[bufM] {
		worst = max(worst, math.Abs(float64(v-b.Buffers[bufM][i])))
		largest = max(largest, math.Abs(float64(v)))
	}
	if worst > 1e-2*largest {
		t.Errorf("first moments differ by %g of %g", worst, largest)
	}
}

// A step does not depend on how it is shared among workers, beyond rounding.
func TestWorkersAgree(t *testing.T) {
	var runs []*Checkpoint
	for _, threads := range []int{1, 3} {
		o := small(t)
		o.Threads = threads
		runs = append(runs, mustRun(t, o))
	}
	nearly(t, runs[0], runs[1])
}

// The bound's loss goes down too, and the network of EDM learns.
func TestOtherObjectives(t *testing.T) {
	for _, variant := range []string{"symdiff-h", "egnn"} {
		o := small(t)
		if err := o.SetVariant(variant); err != nil {
			t.Fatal(err)
		}
		o.EGNN = egnn.Config{Hidden: 24, Layers: 2, InvSublayers: 1, Attention: true, Tanh: true, NormConstant: 1,
			NormFactor: 1}
		o.Loss, o.Schedule, o.Steps, o.LR, o.TimePower = lossVLB, "cosine", 120, 3e-3, 2
		mustRun(t, o)
		first, last := 0.0, 0.0
		for i, e := range slices.DeleteFunc(logLines(t, o.Out), func(e entry) bool { return e.Loss == nil }) {
			if i < 30 {
				first += *e.Loss / 30
			}
			if i >= 90 {
				last += *e.Loss / 30
			}
		}
		t.Logf("%s: %.3g -> %.3g", variant, first, last)
		if !(last < 0.9*first) {
			t.Errorf("%s: bound %g at first, %g at last", variant, first, last)
		}
	}
}

// Training lowers the loss, on the training data and on other molecules of their kind.
func TestLossDecreases(t *testing.T) {
	o := small(t)
	o.Val = []string{molecules(t, 40)}
	o.Steps, o.LR, o.ValEvery, o.ValMolecules = 150, 3e-3, 50, 40
	o.EMA = 0.9
	mustRun(t, o)
	var first, last, firstVal, lastVal float64
	n := 0
	for _, e := range logLines(t, o.Out) {
		if e.Loss != nil {
			if e.MemoryMB <= 0 && runtime.GOOS == "linux" || *e.MolPerS <= 0 || *e.LR <= 0 || *e.GradNorm <= 0 {
				t.Fatalf("a line of the log lacks something: %+v", e)
			}
			n++
			if n <= 10 {
				first += *e.Loss / 10
			}
			if n > 140 {
				last += *e.Loss / 10
			}
		}
		if e.ValLoss != nil {
			if firstVal == 0 {
				firstVal = *e.ValLoss
			}
			lastVal = *e.ValLoss
		}
	}
	t.Logf("loss %.3f -> %.3f, validation %.3f -> %.3f", first, last, firstVal, lastVal)
	if n != 150 || !(last < 0.7*first) || !(lastVal < firstVal) {
		t.Errorf("%d losses: %g at first, %g at last; validation %g and %g", n, first, last, firstVal, lastVal)
	}
}

// Before training the network says 0, so the loss is half the noise's variance.
func TestFirstLoss(t *testing.T) {
	o := small(t)
	o.Steps, o.BatchAtoms = 1, 100
	mustRun(t, o)
	for _, e := range logLines(t, o.Out) {
		if e.Loss != nil {
			// zero mean takes one atom's share of three of the nine coordinates away
			if *e.Loss < 0.35 || *e.Loss > 0.6 {
				t.Errorf("first loss %g", *e.Loss)
			}
			return
		}
	}
	t.Error("no loss in the log")
}

// A loss that is not finite ends the run with an error, and does not touch the last good state.
func TestNaNStops(t *testing.T) {
	o := small(t)
	good := mustRun(t, o)
	o.Resume, o.Steps, o.LR, o.Clip, o.Warmup = o.Out, 200, 0.99, 0, 0
	good.Options = o
	for i := range good.Buffers[bufParam] {
		good.Buffers[bufParam][i] = 1e30
	}
	if err := good.Write(filepath.Join(o.Out, "checkpoint.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, err := Run(context.Background(), o, nil, false)
	if err == nil || !strings.Contains(err.Error(), "loss") {
		t.Fatalf("error %v", err)
	}
	if c, err := ReadCheckpoint(o.Out); err != nil || c.Progress.Step != good.Progress.Step {
		t.Errorf("checkpoint %v, %v", c, err)
	}
	f, err := safetensors.Open(filepath.Join(o.Out, batchName))
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := f.Info("x"); !ok || x.Shape[2] != 3 || f.Metadata["step"] != "7" {
		t.Errorf("the batch that was kept: %+v %v", x, f.Metadata)
	}
}

// The batch of a loss that is no number is kept whatever is in it.
func TestABatchWithNaNIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), batchName)
	nan := float32(math.NaN())
	if err := writeTensors(path, []safetensors.Tensor{{Name: "x", DType: safetensors.F32, Shape: []int{3},
		Data: []float32{1, nan, 2}}}, map[string]string{"step": "7"}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil || f.Metadata["step"] != "7" {
		t.Fatal(err)
	}
	b, err := f.Bytes("x")
	if err != nil || math.Float32bits(nan) != binary.LittleEndian.Uint32(b[4:]) || len(b) != 12 {
		t.Errorf("%x, %v", b, err)
	}
}

func TestRunErrors(t *testing.T) {
	o := small(t)
	mustRun(t, o)
	for want, change := range map[string]func(*Options){
		"is there already": func(*Options) {},
		"--device":         func(o *Options) { o.Device = "tpu" },
		"CUDA":             func(o *Options) { o.Device = "cuda"; o.Resume = o.Out },
		"asked for":        func(o *Options) { o.Config.Hidden = 64; o.Resume = o.Out },
		"no such position": func(o *Options) { o.BatchAtoms = 4000; o.Resume = o.Out },
	} {
		p := o
		change(&p)
		if want == "CUDA" && cudaHere() {
			continue
		}
		if _, err := Run(context.Background(), p, nil, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

// Other data under the same options: refused, in every case before a file of the run has changed.
func TestResumeWithOtherData(t *testing.T) {
	o := small(t)
	o.Val, o.ValMolecules = []string{molecules(t, 12)}, 12
	mustRun(t, o)
	for want, change := range map[string]func(*Options){
		"--data: ":     func(o *Options) { o.Data = []string{molecules(t, 66)} },
		"--val: ":      func(o *Options) { o.Val = []string{molecules(t, 13)} },
		"--elements ":  func(o *Options) { o.Elements = []string{"H", "C", "N", "F", "O"} },
		"--schedule ":  func(o *Options) { o.Schedule = "cosine" },
		"--timesteps ": func(o *Options) { o.Timesteps = 500 },
		"--loss vlb":   func(o *Options) { o.Loss = lossVLB },
		"--seed ":      func(o *Options) { o.Seed++ },
	} {
		p := o
		p.Resume, p.Steps = o.Out, 8
		change(&p)
		before, err := os.ReadFile(filepath.Join(o.Out, checkpointName))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(context.Background(), p, nil, false); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "--init") {
			t.Errorf("error %v, want one about %q", err, want)
		}
		if after, _ := os.ReadFile(filepath.Join(o.Out, checkpointName)); !bytes.Equal(before, after) {
			t.Errorf("%s: the checkpoint has changed", want)
		}
	}
	o.Resume, o.Steps = o.Out, 8
	o.Val = nil
	mustRun(t, o)
}

// A step gives back every handle that it took.
func TestStepLeavesNothing(t *testing.T) {
	o := small(t)
	o.BF16 = true
	r, err := newRun(o, mpi.Alone, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.team.close()
	r.step(1e-3)
	runtime.GC() // handles of the set-up that nobody has any more
	time.Sleep(50 * time.Millisecond)
	before := len(ts.ExistingTensors)
	for range 5 {
		r.step(1e-3)
		r.progress.Step++
	}
	if after := len(ts.ExistingTensors); after > before {
		t.Errorf("%d handles before, %d after five steps", before, after)
	}
}

// The process does not grow over 2,000 steps.
func TestMemoryIsFlat(t *testing.T) {
	if residentMB() == 0 {
		t.Skip("no /proc here")
	}
	o := small(t)
	o.Steps, o.LogEvery, o.BatchAtoms, o.Config.Variant, o.Config.Depth = 2000, 100, 25, model.SymdiffH, 1
	mustRun(t, o)
	var at []int
	for _, e := range logLines(t, o.Out) {
		if e.Loss != nil {
			at = append(at, e.MemoryMB)
		}
	}
	t.Logf("MB every 100 steps: %v", at)
	if len(at) != 20 || float64(at[19]) > 1.03*float64(at[4])+2 {
		t.Errorf("resident MB every 100 steps: %v", at)
	}
}

// What libtorch refuses becomes an error of one line.
func TestLibtorchFailure(t *testing.T) {
	team := newTeam(2, torch.CPU)
	defer team.close()
	err := guarded(func() {
		team.do(func(w int, s *torch.Scope) {
			if w == 1 {
				a := s.Of(make([]float32, 6), 2, 3)
				a.MustMatmul(a, false)
			}
		})
	})
	if err == nil || !strings.HasPrefix(err.Error(), "libtorch: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	team.do(func(int, *torch.Scope) {}) // the workers live on
}

// The end comes after the given time, and a plain status has a line with what is left.
func TestMaxTime(t *testing.T) {
	o := small(t)
	o.Steps, o.MaxTime = 0, Duration(300*time.Millisecond)
	var status bytes.Buffer
	if _, err := Run(context.Background(), o, &status, false); err != nil {
		t.Fatal(err)
	}
	c, err := ReadCheckpoint(o.Out)
	if err != nil || !c.Progress.Done || c.Progress.Seconds < 0.3 || c.Progress.Step < 1 {
		t.Errorf("%+v, %v", c.Progress, err)
	}
	p := o
	p.Out, p.MaxTime, p.StopAfter = filepath.Join(t.TempDir(), "paused"), Duration(time.Hour),
		Duration(200*time.Millisecond)
	result, err := Run(context.Background(), p, &status, false)
	if err != nil || result.Finished || result.Step < 1 || result.Seconds > 60 {
		t.Errorf("paused: %+v, %v", result, err)
	}
	for _, want := range []string{"parameters", "left", "done after", "paused after"} {
		if !strings.Contains(status.String(), want) {
			t.Errorf("status without %q: %s", want, status.String())
		}
	}
}

// The log of a run with a learned gamma has the variance of k's input: 1 where f is blind, as the
// published head is at the start, and 0 where it sees, as the head of moments does.
func TestLogTellsTheVarianceOfTheInput(t *testing.T) {
	for head, want := range map[string]float64{"": 1, model.GammaMoments: 0} {
		o := small(t)
		choose(t, &o, "symdiff")
		o.Config.GammaHead, o.Config.NoiseDims, o.Steps, o.Val, o.LR = head, 0, 2, o.Data, 1e-9
		mustRun(t, o)
		var found []float64
		for _, e := range logLines(t, o.Out) {
			if e.Event == "val" {
				found = e.Variance
			}
		}
		if len(found) != len(meterTimes) {
			t.Fatalf("head %q: the log has %v", head, found)
		}
		for k, v := range found {
			if math.Abs(v-want) > 0.15 {
				t.Errorf("head %q, t/T %g: variance %.3f, want about %g", head, meterTimes[k], v, want)
			}
		}
	}
}
