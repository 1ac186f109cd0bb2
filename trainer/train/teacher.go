//go:build torch

package train

import (
	"fmt"
	"slices"

	"github.com/sugarme/gotch"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// teacher is a trained network whose prediction a student is to match in place of the noise, guided
// by a weak one g (autoguidance, Karras et al. 2024, arXiv 2406.02507), so that the student
// predicts in one network evaluation what guidance takes more for:
//
//	eps* = e + w·(e - g),  e = teacher(z, t), g = weak(z, t), both with the student's R0 and eta
//
// A target that is a function of z, unlike the noise, has no variance that the student could not
// explain.
type teacher struct {
	network     *torch.Params
	guide       *torch.Params       // nil where there is none
	weight      float32             // w
	context     []encoding.Quantity // what they are conditioned on
	progressive *progressive        // of a student of few steps, or nil
}

// loadTeacher reads Options.Teacher and Options.Guide; nil if there is no teacher.
func loadTeacher(o Options, device gotch.Device) (*teacher, error) {
	if o.Teacher == "" {
		return nil, nil
	}
	t := &teacher{weight: float32(o.Guidance)}
	var err error
	if t.network, t.context, err = loadParams("--teacher", o.Teacher, o, device); err != nil {
		return t, err
	}
	if o.StudentSteps > 0 {
		if t.progressive, err = newProgressive(o); err != nil {
			return t, fmt.Errorf("--teacher %s: %w", o.Teacher, err)
		}
	}
	if o.Guide == "" {
		return t, nil
	}
	guide, context, err := loadParams("--guide", o.Guide, o, device)
	if err == nil && !slices.Equal(context, t.context) {
		err = fmt.Errorf("--guide %s: the scales of its condition are %v, the teacher's %v", o.Guide,
			context, t.context)
	}
	t.guide = guide
	return t, err
}

// loadParams reads a network that takes the inputs that the student of o is given, and what it is
// conditioned on.
func loadParams(flag, path string, o Options,
	device gotch.Device) (*torch.Params, []encoding.Quantity, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", flag, err)
	}
	m, err := model.Load(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", flag, err)
	}
	c, mine := m.Config, o.Meta()
	if err := sameInputs(m, mine, o.Config, o.Condition); err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", flag, path, err)
	}
	var flat []float32
	for _, q := range c.Parameters() {
		v, err := f.Float32(q.Name, q.Shape...)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", flag, err)
		}
		flat = append(flat, v...)
	}
	p := torch.NewParams(c, device, o.BF16)
	p.Set(flat)
	return p, m.Meta.Context, nil
}

// target is what the student, of parameters p, is given and is to predict for a batch, which in is
// made of, without gradient.
func (t *teacher) target(s *torch.Scope, p *torch.Params, in torch.Input,
	b *Batch) (at torch.Input, eps torch.Tensor) {
	torch.NoGrad(func() {
		if t.progressive == nil {
			at, eps = in, t.predict(s, in, b.T)
			return
		}
		student := func(s *torch.Scope, in torch.Input, _ []float32) torch.Tensor {
			return torch.Forward(s, p, in).Eps(s)
		}
		at, eps = t.progressive.target(s, in, b, t.predict, student)
	})
	return at, eps
}

// time is a time of {0..T}, or for a student of few steps one of its grid.
func (t *teacher) time(at, T int) int {
	if t == nil || t.progressive == nil {
		return at
	}
	return t.progressive.time(at, T)
}

// predict is eps* at the times of in.
func (t *teacher) predict(s *torch.Scope, in torch.Input, times []float32) torch.Tensor {
	eps := torch.Forward(s, t.network, in).Eps(s)
	if t.guide == nil {
		return eps
	}
	w := slices.Repeat([]float32{t.weight}, len(times))
	return torch.Extrapolate(s, eps, eps, torch.Forward(s, t.guide, in).Eps(s), w)
}
