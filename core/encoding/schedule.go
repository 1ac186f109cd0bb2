package encoding

import (
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// ScheduleParameters lists the tensors of a learned or tabulated noise schedule in
// the order of the published state_dict; one that follows a formula has none.
func ScheduleParameters(s schedule.Spec) []safetensors.Parameter {
	switch s.Name {
	case schedule.Tabulated:
		return []safetensors.Parameter{{Name: scheduleTable, Shape: []int{s.Timesteps + 1}}}
	case schedule.Learned:
	default:
		return nil
	}
	l := safetensors.Parameters{}
	l.Add("gamma.gamma_0", 1)
	l.Add("gamma.gamma_1", 1)
	l.Linear("gamma.l1", 1, 1)
	l.Linear("gamma.l2", 1, schedule.Hidden)
	l.Linear("gamma.l3", schedule.Hidden, 1)
	return l
}

// scheduleTable is the tensor of a tabulated noise schedule, -log SNR in nats (T+1).
const scheduleTable = "gamma.gamma"

// ReadSchedule completes a learned or tabulated noise schedule by its tensors in a file, as
// float32, and does nothing about another. Errors are *safetensors.Error naming
// the file and the tensor.
func (m *Meta) ReadSchedule(f *safetensors.File) error {
	list := ScheduleParameters(m.Schedule)
	if list == nil {
		return nil
	}
	values := map[string][]float32{}
	for _, p := range list {
		v, err := f.Float32(p.Name, p.Shape...)
		if err != nil {
			return err
		}
		values[p.Name] = v
	}
	if err := m.SetSchedule(values); err != nil {
		return &safetensors.Error{File: f.Name, Tensor: "gamma", Reason: err.Error()}
	}
	return nil
}

// SetSchedule completes a learned or tabulated noise schedule by the values of
// ScheduleParameters.
func (m *Meta) SetSchedule(values map[string][]float32) (err error) {
	if m.Schedule.Name == schedule.Tabulated {
		m.Schedule.Curve, err = schedule.TableCurve(values[scheduleTable])
		return err
	}
	layer := func(name string) schedule.Layer {
		return schedule.Layer{
			Weight: values["gamma."+name+".weight"],
			Bias:   values["gamma."+name+".bias"],
		}
	}
	n := schedule.Network{
		L1: layer("l1"), L2: layer("l2"), L3: layer("l3"),
		Gamma0: values["gamma.gamma_0"][0], Gamma1: values["gamma.gamma_1"][0],
	}
	m.Schedule.Curve, err = n.Curve(m.Schedule.Timesteps)
	return err
}
