//go:build torch

package train

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// trained is the weights file of a short run.
func trained(t *testing.T, seed uint64, steps int, changes ...func(*Options)) string {
	t.Helper()
	o := small(t)
	for _, change := range changes {
		change(&o)
	}
	o.Seed, o.Steps, o.EMA = seed, steps, 0
	mustRun(t, o)
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	c, err := ReadCheckpoint(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	tensors, md := c.Model()
	if err := safetensors.WriteFile(path, tensors, md); err != nil {
		t.Fatal(err)
	}
	return path
}

// A student that is its teacher has nothing to learn; guided by a weak model there is, in
// proportion to the weight squared, and learning makes it less.
func TestTeacher(t *testing.T) {
	best, weak := trained(t, 1, 40), trained(t, 1, 2)
	student := func(guide string, weight float64, steps int) float64 {
		o := small(t)
		o.Val, o.Init, o.Teacher, o.Guide, o.Guidance = o.Data, best, best, guide, weight
		o.Seed, o.Steps, o.EMA, o.LR, o.Warmup = 7, steps, 0, 3e-3, 0
		if steps == 1 {
			o.LR = 1e-12 // only the loss is asked for
		}
		return mustRun(t, o).Provenance.ValLoss
	}
	if loss := student("", 0, 1); loss > 1e-9 {
		t.Errorf("a student that is its teacher has the loss %g", loss)
	}
	one, two := student(weak, 1, 1), student(weak, 2, 1)
	if one < 1e-4 || two < 3.9*one || two > 4.1*one {
		t.Errorf("guided with weights 1 and 2 the losses are %g and %g, want 1 to 4", one, two)
	}
	if learned := student(weak, 1, 60); learned > 0.7*one {
		t.Errorf("60 steps bring the loss from %g to %g", one, learned)
	}
	if student(best, 1, 1) > 1e-9 {
		t.Error("guided by itself the student has something to learn")
	}
}

// A student is conditioned as its teacher and guide are, on the teacher's scales.
func TestConditionedTeacher(t *testing.T) {
	condition := func(o *Options) { o.Condition, o.Dropout = []string{Types}, 0.5 }
	best, weak := trained(t, 1, 40, condition), trained(t, 1, 2, condition)
	o, err := Student(best)
	if err != nil || !slices.Equal(o.Condition, []string{Types}) {
		t.Fatalf("%q, %v", o.Condition, err)
	}
	student := func(guide string) *Checkpoint {
		o := small(t)
		condition(&o)
		o.Val, o.Init, o.Teacher = o.Data, best, best
		if guide != "" {
			o.Guide, o.Guidance = guide, 1
		}
		o.Data = []string{molecules(t, 20)}
		o.Seed, o.Steps, o.EMA, o.LR, o.Warmup = 7, 1, 0, 1e-12, 0
		return mustRun(t, o)
	}
	c := student("")
	f, err := safetensors.Open(best)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := encoding.Parse(best, f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if c.Provenance.ValLoss > 1e-9 || !slices.Equal(c.Meta.Context, meta.Context) {
		t.Errorf("a student that is its teacher has the loss %g, %v", c.Provenance.ValLoss, c.Meta.Context)
	}
	if c = student(weak); c.Provenance.ValLoss < 1e-4 {
		t.Errorf("guided by a weak model it has the loss %g", c.Provenance.ValLoss)
	}
	o = small(t)
	o.Teacher = best
	if _, err := Run(t.Context(), o, nil, false); err == nil || !strings.Contains(err.Error(), "it is conditioned on") {
		t.Errorf("a student without the condition: %v", err)
	}
}

// A student may have an f that its teacher, symmetrised by the Haar measure alone, has not.
func TestStudentWithF(t *testing.T) {
	best := trained(t, 1, 2, func(o *Options) { choose(t, o, "symdiff-h") })
	o, err := Student(best)
	if err != nil {
		t.Fatal(err)
	}
	was := small(t)
	o.Data, o.Out, o.Steps, o.Threads, o.BatchAtoms = was.Data, was.Out, 1, 1, was.BatchAtoms
	choose(t, &o, "symdiff")
	if c := mustRun(t, o); c.Options.Config.EncHidden != Defaults().Config.EncHidden ||
		c.Options.Config.Hidden != was.Config.Hidden {
		t.Errorf("f is %d wide and k %d, want %d and the teacher's %d", c.Options.Config.EncHidden,
			c.Options.Config.Hidden, Defaults().Config.EncHidden, was.Config.Hidden)
	}
}

func TestTeacherErrors(t *testing.T) {
	best := trained(t, 1, 1)
	for name, c := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"elements": {func(o *Options) { o.Elements = append(slices.Clone(o.Elements), "S") }, "--teacher " + best +
			": its elements are"},
		"schedule": {func(o *Options) { o.Schedule = "cosine" }, "its schedule is"},
		"eta":      {func(o *Options) { o.Config.NoiseDims++ }, "values of noise per atom"},
		"no gamma": {func(o *Options) { o.SetVariant("dit") }, "student"},
		"file":     {func(o *Options) { o.Teacher += "x" }, "no such file"},
		"guide":    {func(o *Options) { o.Guide, o.Guidance = best+"x", 1 }, "--guide"},
		"weight":   {func(o *Options) { o.Guide = best }, "--guidance: with --guide"},
		"no weak":  {func(o *Options) { o.Guidance = 0.5 }, "--guidance: needs --guide"},
		"alone":    {func(o *Options) { o.Guide, o.Teacher = best, "" }, "--guide: needs a --teacher"},
		"egnn":     {func(o *Options) { o.SetVariant("egnn"); o.EGNN = egnn.QM9() }, "--teacher: the student must be a DiT"},
	} {
		o := small(t)
		o.Teacher, o.Steps = best, 1
		c.change(&o)
		if _, err := Run(t.Context(), o, nil, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
