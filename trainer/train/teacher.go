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
//	eps* = e + w·(b - g),  e = teacher(z, t), b = expert(z, t), g = weak(z, t), all with the student's R0 and eta,
//
// at the times of an interval, and e at the others (Kynkaanniemi et al. 2024, arXiv 2404.07724).
// The expert is the teacher, or one of another training, whose difference from the weak model is
// carried over to the teacher (as Liu et al. 2024, arXiv 2401.08565, do with language models).
//
// A target that is a function of z, unlike the noise, has no variance that the student could not
// explain.
type teacher struct {
	// expert is nil where it is the network, guide where there is none
	network, expert, guide *torch.Params
	// w, and between which t/T, both included, as core/symmetrise has it
	weight, from, to float32
	context          []encoding.Quantity // what they are conditioned on

	progressive *progressive // of a student of few steps, or nil
}

// loadTeacher reads Options.Teacher, Options.Guide and Options.Expert; nil if there is none.
func loadTeacher(o Options, device gotch.Device) (*teacher, error) {
	if o.Teacher == "" {
		return nil, nil
	}
	t := &teacher{weight: float32(o.Guidance), from: float32(o.GuideFrom), to: float32(o.guideTo())}
	var err error
	if t.network, t.context, err = loadParams("--teacher", o.Teacher, o, device); err != nil {
		return t, err
	}
	if o.StudentSteps > 0 {
		if t.progressive, err = newProgressive(o); err != nil {
			return t, fmt.Errorf("--teacher %s: %w", o.Teacher, err)
		}
	}
	for _, other := range []struct {
		flag, file string
		params     **torch.Params
	}{{"--guide", o.Guide, &t.guide}, {"expert", o.Expert, &t.expert}} {
		if other.file == "" {
			continue
		}
		params, context, err := loadParams(other.flag, other.file, o, device)
		if err == nil && !slices.Equal(context, t.context) {
			err = fmt.Errorf("%s %s: the scales of its condition are %v, the teacher's %v", other.flag,
				other.file, context, t.context)
		}
		if err != nil {
			return t, err
		}
		*other.params = params
	}
	return t, nil
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
	expert := eps
	if t.expert != nil {
		expert = torch.Forward(s, t.expert, in).Eps(s)
	}
	w := make([]float32, len(times))
	for i, time := range times {
		if time >= t.from && time <= t.to {
			w[i] = t.weight
		}
	}
	return torch.Extrapolate(s, eps, expert, torch.Forward(s, t.guide, in).Eps(s), w)
}
