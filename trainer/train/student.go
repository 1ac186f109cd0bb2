package train

import (
	"fmt"
	"slices"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Student are the options of a student that begins as its teacher, a weights file.
func Student(teacher string) (Options, error) {
	o := Defaults()
	f, err := safetensors.Open(teacher)
	if err != nil {
		return o, err
	}
	m, err := model.Load(f)
	if err != nil {
		return o, fmt.Errorf("--teacher: %w", err)
	}
	usual := o.Config
	o.Teacher, o.Init, o.Config = teacher, teacher, m.Config
	if c := &o.Config; c.EncHidden == 0 { // a student may have an f that its teacher has not
		c.EncHidden, c.EncDepth, c.EncHeads, c.EncMLPRatio, c.DecHidden = usual.EncHidden, usual.EncDepth,
			usual.EncHeads, usual.EncMLPRatio, usual.DecHidden
		c.NoiseDims, c.NoiseStd = usual.NoiseDims, usual.NoiseStd
	}
	o.Elements, o.Charge = m.Meta.Elements, m.Meta.Charge
	o.Schedule, o.Timesteps = m.Meta.Schedule.Name, m.Meta.Schedule.Timesteps
	for _, name := range contextNames(m.Meta) {
		if !slices.Contains(o.Condition, name) {
			o.Condition = append(o.Condition, name)
		}
	}
	o.Config.Features = 0 // Validate computes it
	return o, nil
}
