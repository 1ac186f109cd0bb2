//go:build torch

package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// smallLearned are the options of a run with a learned schedule.
func smallLearned(t *testing.T, variant string) Options {
	t.Helper()
	o := small(t)
	if err := o.SetVariant(variant); err != nil {
		t.Fatal(err)
	}
	o.EGNN = egnn.Config{Hidden: 16, Layers: 2, InvSublayers: 1, Attention: true, Tanh: true, NormConstant: 1, NormFactor: 1}
	o.Loss, o.Schedule = LossVLB, schedule.Learned
	return o
}

// table is the noise schedule of a checkpoint's averaged weights.
func table(t *testing.T, c *Checkpoint) *schedule.Schedule {
	t.Helper()
	_, meta, err := c.network()
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(meta.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A schedule that is learned moves from its start, and the bound, in validation and in training, goes down with it; the model file has
// it, and samples.
func TestLearnedSchedule(t *testing.T) {
	for _, variant := range []string{"symdiff-h", "egnn"} {
		o := smallLearned(t, variant)
		o.Val, o.ValEvery, o.ValMolecules, o.SampleMolecules = []string{molecules(t, 30)}, 60, 30, 2
		o.Steps, o.LR, o.EMA = 120, 1e-2, 0.9
		c := mustRun(t, o)
		s := table(t, c)
		var val []float64
		first, last := 0.0, 0.0
		for _, e := range logLines(t, o.Out) {
			switch {
			case e.ValLoss != nil:
				val = append(val, *e.ValLoss)
			case e.Loss != nil && e.Step <= 30:
				first += *e.Loss / 30
			case e.Loss != nil && e.Step > 90:
				last += *e.Loss / 30
			}
		}
		t.Logf("%s: -log SNR from %.3f to %.3f, bound per coordinate %.2f to %.2f in training, %.2f in validation", variant, s.NegLogSNR(0), s.NegLogSNR(s.T()), first, last, val)
		if len(val) != 2 || val[1] >= val[0] || last >= first {
			t.Errorf("%s: the bound does not go down", variant)
		}
		if math.Abs(s.NegLogSNR(0)+5) < 0.2 || math.Abs(s.NegLogSNR(s.T())-10) < 0.2 {
			t.Errorf("%s: -log SNR from %g to %g, was -5 to 10", variant, s.NegLogSNR(0), s.NegLogSNR(s.T()))
		}
		start := map[string][]float32{}
		flat := torch.InitSchedule(o.Seed)
		for _, p := range o.scheduleParameters() {
			start[p.Name], flat = flat[:p.Size()], flat[p.Size():]
		}
		tensors, _ := c.Model()
		seen := 0
		for _, q := range tensors {
			if v, ok := start[q.Name]; ok {
				seen++
				if math.Abs(float64(v[0]-q.Data[0])) < 0.01 && q.Name != "gamma.l3.bias" { // which cancels
					t.Errorf("%s: %s is %g, as it was", variant, q.Name, q.Data[0])
				}
			}
		}
		if seen != len(start) {
			t.Errorf("%s: %d tensors of the schedule in the model", variant, seen)
		}

		out := filepath.Join(t.TempDir(), "model.safetensors")
		SetDType(tensors, safetensors.F16)
		if _, md := c.Model(); safetensors.WriteFile(out, tensors, md) != nil {
			t.Fatal("not written")
		}
		f, err := safetensors.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		if info, ok := f.Info("gamma.l2.weight"); !ok || info.DType != safetensors.F32 {
			t.Errorf("%s: the schedule is rounded: %+v", variant, info)
		}
		if variant == "symdiff-h" {
			student := o
			student.Out, student.Schedule, student.Teacher = filepath.Join(t.TempDir(), "student"), "polynomial_2", out
			if _, err := Run(context.Background(), student, nil, false); err == nil || !strings.Contains(err.Error(), "its noise schedule is learned") {
				t.Errorf("as a teacher: error %v", err)
			}
		}
		again := o
		again.Out, again.Init, again.Steps = filepath.Join(t.TempDir(), "again"), out, 1
		again.LR = 1e-12
		if got := table(t, mustRun(t, again)); math.Abs(got.NegLogSNR(50)-s.NegLogSNR(50)) > 1e-4 {
			t.Errorf("%s: --init starts with -log SNR(50) = %g, want %g", variant, got.NegLogSNR(50), s.NegLogSNR(50))
		}
	}
}

// The validation loss is core's bound of the negative log-likelihood, per coordinate, up to the noise of both.
func TestValidationOfLearnedSchedule(t *testing.T) {
	o := smallLearned(t, "dit")
	var list []*molecule.Molecule
	var b bytes.Buffer
	for m, err := range molecule.Open(molecules(t, 600)) {
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Elements) == 4 { // of one size, which then says nothing
			list = append(list, m)
			if err := molecule.WriteXYZ(&b, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "four.xyz")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	o.Data, o.Val, o.Steps, o.LR, o.EMA = []string{file}, []string{file}, 40, 1e-2, 0.9
	c := mustRun(t, o)
	net, meta, err := c.network()
	if err != nil {
		t.Fatal(err)
	}
	bound, err := likelihood.Estimate(context.Background(), net, meta, list, likelihood.Options{Seed: 1, Samples: 20})
	if err != nil {
		t.Fatal(err)
	}
	const coordinates = 4 * 9
	got, want := c.Provenance.ValLoss, bound.NLL/coordinates
	t.Logf("%d molecules: validation %.4f, bound %.4f ± %.4f per coordinate, %+v", len(list), got, want, bound.StandardError/coordinates, bound.Terms)
	if math.Abs(got-want) > 0.03*math.Abs(want) {
		t.Errorf("validation loss %g, bound per coordinate %g", got, want)
	}
}

// A run that stops and goes on has the bits of one that does not, the schedule's among them.
func TestResumeOfLearnedScheduleIsExact(t *testing.T) {
	o := smallLearned(t, "symdiff")
	o.Steps, o.AMSGrad, o.BF16, o.Muon = 14, true, true, true
	whole := mustRun(t, o)
	o.Out = filepath.Join(t.TempDir(), "part")
	_, err := Run(&countdown{context.Background(), 9}, o, nil, false)
	if _, ok := errors.AsType[*Interrupted](err); !ok {
		t.Fatalf("cancelled run: %v", err)
	}
	o.Resume = o.Out
	same(t, "resumed", whole, mustRun(t, o))
	o.Schedule, o.Steps = "cosine", 16
	if _, err := Run(context.Background(), o, nil, false); err == nil || !strings.Contains(err.Error(), "--schedule") {
		t.Errorf("resumed with another schedule: error %v", err)
	}
}

// Parts and workers sum up to the same gradient, beyond rounding.
func TestLearnedScheduleInParts(t *testing.T) {
	var runs []*Checkpoint
	for _, parts := range []int{1, 2} {
		o := smallLearned(t, "symdiff-h")
		o.LR, o.BatchAtoms, o.Accumulate, o.Threads = 1e-4, 80/parts, parts, parts
		runs = append(runs, mustRun(t, o))
	}
	nearly(t, runs[0], runs[1])
}
