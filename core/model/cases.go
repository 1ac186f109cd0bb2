package model

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
	Atoms int
	T     float32
	Z     []float32 // (atoms, 3+F) input [x, h]
	Haar  o3.Matrix // R0
	Eta   []float32 // (atoms, noise_dims)
	Eps   []float32 // (atoms, 3+F) output
	Gamma o3.Matrix // C
}

// ReadCases reads the cases 0, 1, ... of a file for a network of configuration
// c. Case i has the tensors i.t (1), i.x (N, 3), i.h (N, F) and i.eps (N, 3+F);
// for the symdiff variant i.haar (3, 3), i.eta (N, noise_dims) and i.gamma
// (3, 3), for symdiff-h i.haar alone. Errors are *safetensors.Error.
func ReadCases(f *safetensors.File, c Config) ([]Case, error) {
	var cases []Case
	for i := 0; ; i++ {
		at := strconv.Itoa(i) + "."
		info, ok := f.Info(at + "x")
		if !ok {
			break
		}
		k, err := readCase(f, c, at, info)
		if err != nil {
			return nil, err
		}
		cases = append(cases, k)
	}
	if len(cases) == 0 {
		return nil, &safetensors.Error{File: f.Name, Tensor: "0.x", Reason: "missing: not a file of reference cases"}
	}
	return cases, nil
}

func readCase(f *safetensors.File, c Config, at string, info safetensors.Info) (Case, error) {
	if len(info.Shape) != 2 || info.Shape[0] < 1 || info.Shape[0] > maxAtoms {
		return Case{}, &safetensors.Error{File: f.Name, Tensor: at + "x", Reason: "want a shape (N, 3)"}
	}
	n, width := info.Shape[0], 3+c.Features
	var failed error
	read := func(name string, shape ...int) []float32 {
		v, err := f.Float32(at+name, shape...)
		if err != nil && failed == nil {
			failed = err
		}
		return v
	}
	k := Case{Atoms: n, Haar: o3.Identity, Gamma: o3.Identity}
	x, h, t := read("x", n, 3), read("h", n, c.Features), read("t", 1)
	k.Eps = read("eps", n, width)
	var haar, gamma []float32
	if c.Variant != None {
		haar = read("haar", 3, 3)
	}
	if c.Variant == Symdiff {
		gamma = read("gamma", 3, 3)
		if c.NoiseDims > 0 {
			k.Eta = read("eta", n, c.NoiseDims)
		}
	}
	if failed != nil {
		return Case{}, failed
	}
	k.T = t[0]
	k.Z = make([]float32, n*width)
	for i := range n {
		copy(k.Z[i*width:], x[3*i:3*i+3])
		copy(k.Z[i*width+3:(i+1)*width], h[i*c.Features:])
	}
	if haar != nil {
		k.Haar = matrix(haar)
		k.Gamma = k.Haar
	}
	if gamma != nil {
		k.Gamma = matrix(gamma)
	}
	return k, nil
}

func matrix(v []float32) (a o3.Matrix) {
	for i, x := range v {
		a[i/3][i%3] = float64(x)
	}
	return a
}

// Run repeats the call with a network and returns the largest absolute
// differences of eps and of gamma to the stored ones; NaN counts as +Inf.
func (k Case) Run(net symmetrise.Network) (eps, gamma float64) {
	s := net.NewState([]int{k.Atoms})
	got := make([]float32, len(k.Eps))
	s.Eps(got, k.Z, k.T, symmetrise.Noise{R0: []o3.Matrix{k.Haar}, Eta: k.Eta})
	for i, v := range got {
		eps = larger(eps, float64(v)-float64(k.Eps[i]))
	}
	c := s.Gamma(0)
	for i := range c {
		for j := range c[i] {
			gamma = larger(gamma, c[i][j]-k.Gamma[i][j])
		}
	}
	return eps, gamma
}

func larger(worst, d float64) float64 {
	if math.IsNaN(d) {
		return math.Inf(1)
	}
	return max(worst, math.Abs(d))
}
