package model

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// scheduled is a network of the reference with a learned noise schedule: what a file of it holds.
func scheduled(t *testing.T) ([]safetensors.Tensor, map[string]string) {
	t.Helper()
	f, m := open(t, "dit.weights"), load(t, "dit")
	meta := encoding.QM9()
	meta.Schedule.Name, meta.Schedule.Timesteps = schedule.Learned, 40
	var tensors []safetensors.Tensor
	for _, p := range append(m.Config.Parameters(), encoding.ScheduleParameters(meta.Schedule)...) {
		v := make([]float32, p.Size())
		if !strings.HasPrefix(p.Name, "gamma.") {
			var err error
			if v, err = f.Float32(p.Name); err != nil {
				t.Fatal(err)
			}
		}
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape, Data: v})
	}
	tensor(tensors, "gamma.gamma_0").Data[0] = -9
	tensor(tensors, "gamma.gamma_1").Data[0] = 6
	return tensors, Metadata(m.Config, meta)
}

func tensor(list []safetensors.Tensor, name string) *safetensors.Tensor {
	return &list[slices.IndexFunc(list, func(t safetensors.Tensor) bool { return t.Name == name })]
}

func loaded(tensors []safetensors.Tensor, md map[string]string) (*Model, error) {
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, md); err != nil {
		return nil, err
	}
	f, err := safetensors.Parse("some.safetensors", b.Bytes())
	if err != nil {
		return nil, err
	}
	return Load(f)
}

// A learned schedule comes with the weights: with all weights alike it is nearly
// straight from gamma_0 to gamma_1.
func TestLearnedSchedule(t *testing.T) {
	m, err := loaded(scheduled(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(m.Meta.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int]float64{0: -9, 20: -1.5, 40: 6} {
		if got := s.NegLogSNR(at); math.Abs(got-want) > 0.2 {
			t.Errorf("-log SNR is %g at t = %d, want %g", got, at, want)
		}
	}
}

// An error names whatever is wrong with its tensors.
func TestLearnedScheduleOfHostileFiles(t *testing.T) {
	for want, change := range map[string]func(list []safetensors.Tensor) []safetensors.Tensor{
		`"gamma.l2.bias": missing`: func(list []safetensors.Tensor) []safetensors.Tensor {
			return slices.DeleteFunc(list, func(t safetensors.Tensor) bool { return t.Name == "gamma.l2.bias" })
		},
		`"gamma.l3.weight": shape`: func(list []safetensors.Tensor) []safetensors.Tensor {
			tensor(list, "gamma.l3.weight").Shape = []int{schedule.Hidden, 1}
			return list
		},
		`"gamma": schedule: learned: alpha²`: func(list []safetensors.Tensor) []safetensors.Tensor {
			tensor(list, "gamma.gamma_1").Data[0] = -10
			return list
		},
		`"gamma.l4.bias": is no parameter`: func(list []safetensors.Tensor) []safetensors.Tensor {
			more := safetensors.Tensor{Name: "gamma.l4.bias", DType: safetensors.F32, Shape: []int{1}, Data: []float32{1}}
			return append(list, more)
		},
	} {
		list, md := scheduled(t)
		_, err := loaded(change(list), md)
		var e *safetensors.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
	list, md := scheduled(t)
	md["schedule"] = strings.Replace(md["schedule"], "learned", "cosine", 1)
	if _, err := loaded(list, md); err == nil || !strings.Contains(err.Error(), "gamma.") {
		t.Errorf("a learned schedule beside another: error %v", err)
	}
}
