// Package reference holds networks against stored calls of the published
// implementations. It serves tests and `make parity`.
//
// NAME.weights.safetensors is a network. NAME.io.safetensors holds what the
// published one made of inputs 0, 1, ...: input i has the tensors
//
//	i.t (1), i.x (N, 3), i.h (N, F)   time, positions without centre of mass, features
//	i.eps (N, 3+F)                    output, coordinates first
//	i.haar (3, 3), i.gamma (3, 3)     R0 to inject, and C = gamma (default: R0); of a symmetrised network
//	i.eta (N, noise_dims)             noise to inject; of a network with a learned gamma
package reference

import (
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Case is one stored call of a reference network: inputs, the noise that was
// drawn, and the output.
type Case struct {
	Atoms, Features, NoiseDims int

	T     float32
	Z     []float32  // (atoms, 3+F) input [x, h]
	Haar  *o3.Matrix // R0; nil of a network without symmetrisation
	Eta   []float32  // (atoms, noise_dims)
	Eps   []float32  // (atoms, 3+F) output
	Gamma o3.Matrix  // C
}

// maxAtoms bounds a case.
const maxAtoms = 1 << 12

// Read reads the cases of a file for a network. Errors are *safetensors.Error;
// features and noise that the network does not take are one too.
func Read(f *safetensors.File, net symmetrise.Network) ([]Case, error) {
	dims, _ := net.Eta()
	var cases []Case
	for {
		at := strconv.Itoa(len(cases)) + "."
		if _, ok := f.Info(at + "x"); !ok {
			break
		}
		c, err := readCase(f, at)
		if err != nil {
			return nil, err
		}
		if c.Features != net.Features() || dims > 0 && c.NoiseDims != dims {
			return nil, &safetensors.Error{
				File:   f.Name,
				Tensor: at + "h",
				Reason: strconv.Itoa(c.Features) + " features and " +
					strconv.Itoa(c.NoiseDims) + " values of noise an atom, the network takes " +
					strconv.Itoa(net.Features()) + " and " + strconv.Itoa(dims),
			}
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		return nil, &safetensors.Error{
			File:   f.Name,
			Tensor: "0.x",
			Reason: "missing: not a file of reference cases",
		}
	}
	return cases, nil
}

// readCase reads the case whose tensors begin with at.
func readCase(f *safetensors.File, at string) (Case, error) {
	var failed error
	read := func(name string, shape ...int) []float32 {
		v, err := f.Float32(at+name, shape...)
		if err != nil && failed == nil {
			failed = err
		}
		return v
	}
	// columns returns the number of columns of a matrix (n, columns).
	columns := func(name string, n int) int {
		info, ok := f.Info(at + name)
		if failed == nil && (!ok || len(info.Shape) != 2 || n > 0 && info.Shape[0] != n) {
			failed = &safetensors.Error{
				File:   f.Name,
				Tensor: at + name,
				Reason: "missing, or not a matrix with a row for each atom",
			}
		}
		if failed != nil {
			return 0
		}
		return info.Shape[1]
	}
	info, _ := f.Info(at + "x")
	if len(info.Shape) != 2 || info.Shape[0] < 1 || info.Shape[0] > maxAtoms {
		return Case{}, &safetensors.Error{
			File:   f.Name,
			Tensor: at + "x",
			Reason: "want a shape (N, 3)",
		}
	}
	n := info.Shape[0]
	c := Case{Atoms: n, Features: columns("h", n), Gamma: o3.Identity}
	width := 3 + c.Features
	x, h, t := read("x", n, 3), read("h", n, c.Features), read("t", 1)
	c.Eps = read("eps", n, width)
	if _, ok := f.Info(at + "haar"); ok {
		m := matrix(read("haar", 3, 3))
		c.Haar, c.Gamma = &m, m
	}
	if _, ok := f.Info(at + "gamma"); ok {
		c.Gamma = matrix(read("gamma", 3, 3))
	}
	if _, ok := f.Info(at + "eta"); ok {
		c.NoiseDims = columns("eta", n)
		c.Eta = read("eta", n, c.NoiseDims)
	}
	if failed != nil {
		return Case{}, failed
	}
	c.T = t[0]
	c.Z = make([]float32, n*width)
	for i := range n {
		copy(c.Z[i*width:], x[3*i:3*i+3])
		copy(c.Z[i*width+3:(i+1)*width], h[i*c.Features:])
	}
	return c, nil
}

func matrix(v []float32) (a o3.Matrix) {
	for i, x := range v {
		a[i/3][i%3] = float64(x)
	}
	return a
}

// Compare repeats the calls with a network, and returns the largest absolute
// differences of eps and of gamma to the stored ones.
func Compare(net symmetrise.Network, cases []Case) Differences {
	d := Differences{}
	for _, c := range cases {
		r0 := o3.Identity
		if c.Haar != nil {
			r0 = *c.Haar
		}
		s := net.NewState([]int{c.Atoms})
		eps := make([]float32, len(c.Eps))
		s.Eps(eps, c.Z, c.T, symmetrise.Noise{R0: []o3.Matrix{r0}, Eta: c.Eta})
		d.Add("eps", eps, c.Eps)
		if c.Haar != nil {
			gamma := s.Gamma(0)
			d.Add("gamma", flat(gamma), flat(c.Gamma))
		}
	}
	return d
}

func flat(m o3.Matrix) (v []float32) {
	for _, row := range m {
		for _, x := range row {
			v = append(v, float32(x))
		}
	}
	return v
}

// Differences are the largest absolute differences, by the name of the output.
type Differences map[string]float64

// Add takes in values that were computed, and those that were stored. NaN, and
// another number of values, count as +Inf.
func (d Differences) Add(output string, got, want []float32) {
	worst := d[output]
	if len(got) != len(want) {
		worst = math.Inf(1)
	}
	for i := range min(len(got), len(want)) {
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(diff) {
			diff = math.Inf(1)
		}
		worst = max(worst, diff)
	}
	d[output] = worst
}

// Largest is the largest difference of all outputs.
func (d Differences) Largest() (worst float64) {
	for _, v := range d {
		worst = max(worst, v)
	}
	return worst
}
