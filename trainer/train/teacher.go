//go:build torch

package train

import (
	"fmt"
	"slices"

	"github.com/sugarme/gotch"

	"symdiff/core/model"
	"symdiff/core/safetensors"
	"symdiff/trainer/torch"
)

// teacher is a trained network whose prediction a student is to match in place of the noise, guided by a worse one g
// (autoguidance, Karras et al. 2024, arXiv 2406.02507), so that the student predicts in one call what guidance takes two for:
//
//	eps* = e + w·(e - g),  e = teacher(z, t), g = guide(z, t), both with the student's R0 and eta.
//
// A target that is a function of z, unlike the noise, has no variance that the student could not explain.
type teacher struct {
	network, guide *torch.Params // guide is nil where there is none
	weight         float64
	context        []model.Quantity // what they are conditioned on
}

// loadTeacher reads Options.Teacher and Options.Guide; nil if there is none.
func loadTeacher(o Options, device gotch.Device) (*teacher, error) {
	if o.Teacher == "" {
		return nil, nil
	}
	t := &teacher{weight: o.Guidance}
	var err error
	if t.network, t.context, err = loadParams("--teacher", o.Teacher, o, device); err != nil || o.Guide == "" {
		return t, err
	}
	guide, context, err := loadParams("--guide", o.Guide, o, device)
	if err == nil && !slices.Equal(context, t.context) {
		err = fmt.Errorf("--guide %s: the scales of its condition are %v, the teacher's %v", o.Guide, context, t.context)
	}
	t.guide = guide
	return t, err
}

// loadParams reads a network that takes the inputs that the student of o is given, and what it is conditioned on.
func loadParams(flag, path string, o Options, device gotch.Device) (*torch.Params, []model.Quantity, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", flag, err)
	}
	m, err := model.Load(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", flag, err)
	}
	c, mine := m.Config, o.Meta()
	if err := sameInputs(m, mine, o.Config, o.context()); err != nil {
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

// target is eps* for a batch, without gradient.
func (t *teacher) target(s *torch.Scope, in torch.Input) (eps torch.Tensor) {
	torch.NoGrad(func() {
		eps = torch.Forward(s, t.network, in).Eps(s)
		if t.guide != nil {
			eps = torch.Extrapolate(s, eps, torch.Forward(s, t.guide, in).Eps(s), t.weight)
		}
	})
	return eps
}
