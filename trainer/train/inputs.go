package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// sameInputs checks that a network takes z, t, R0 and eta as a student of the given meaning and
// configuration does. The student takes the scales of its context from its teacher, and is
// conditioned on what context names.
func sameInputs(m *model.Model, meta encoding.Meta, c model.Config, context []string) error {
	switch {
	case !slices.Equal(m.Meta.Elements, meta.Elements) || m.Config.Features != c.Features:
		return fmt.Errorf("its elements are %v with %d features, the student's %v with %d",
			m.Meta.Elements, m.Config.Features, meta.Elements, c.Features)
	case !slices.EqualFunc(m.Meta.Context, context,
		func(q encoding.Quantity, name string) bool { return q.Name == name }):
		return fmt.Errorf("it is conditioned on %q, the student on %q", contextNames(m.Meta), context)
	case meta.Fragments && !m.Meta.Fragments:
		return errors.New("it is not fragment-conditional, as the student is")
	case m.Meta.Schedule.Name == schedule.Learned:
		return errors.New("its noise schedule is learned, a student's is not")
	case !m.Meta.Schedule.Equal(meta.Schedule):
		return fmt.Errorf("its schedule is %+v, the student's %+v", m.Meta.Schedule, meta.Schedule)
	case m.Meta.Scales() != meta.Scales():
		return fmt.Errorf("it scales its inputs by %v, the student by %v", m.Meta.Scales(), meta.Scales())
	case m.Config.Variant == model.Symdiff && (c.Variant != model.Symdiff ||
		m.Config.NoiseDims != c.NoiseDims || m.Config.NoiseStd != c.NoiseStd):
		return fmt.Errorf("its gamma takes %d values of noise per atom with standard deviation %g, "+
			"the student's %d with %g", m.Config.NoiseDims, m.Config.NoiseStd, c.NoiseDims, c.NoiseStd)
	case m.Config.Variant != model.None && c.Variant == model.None:
		return fmt.Errorf("it is symmetrised, the student is not")
	}
	return nil
}

// contextNames are the names of what a network is conditioned on.
func contextNames(meta encoding.Meta) (names []string) {
	for _, q := range meta.Context {
		names = append(names, q.Name)
	}
	return names
}
