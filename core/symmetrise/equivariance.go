package symmetrise

import (
	"math"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// Report is what CheckEquivariance finds.
type Report struct {
	// Coupling is |y(X·H, Hᵀ·R0) - y(X, R0)·H| / |y(X, R0)|, Frobenius norms, the
	// largest over draws of H and of the noise. Rounding (1e-6) shows that the network is
	// equivariant. More shows that it is not where it has no noise. A random one may be
	// equivariant by another coupling: C = f·R0ᵀ is the Haar measure if f is constant.
	Coupling float64
	// Energy is the energy distance (Székely and Rizzo 2013) of two samples of
	// outputs with independent noise, y(X·H) and y(X)·H, and P its p-value by
	// permutation: uniform on (0, 1] for an equivariant network, near the lowest
	// possible where the distributions differ.
	Energy, P float64
}

// CheckEquivariance tests a network on one molecule z (n, 3+F), of zero centre
// of mass, at time t: by coupling with `couplings` draws of H from the network's
// group, and by the energy distance of two samples of `samples` outputs with
// 999 permutations, for one H. It panics unless there are two samples at least and
// z is one molecule.
func CheckEquivariance(net Network, z []float32, t float32, couplings, samples int,
	seed uint64) Report {
	width := 3 + net.Features()
	if len(z) == 0 || len(z)%width != 0 || samples < 2 || couplings < 0 {
		panic("symmetrise: CheckEquivariance: want z (n, 3+F) and two samples or more")
	}
	n := len(z) / width
	st := net.NewState([]int{n})
	noise := NewNoise(net, []int{n})
	stream := rng.New(seed, 0, rng.Init, 0)
	var r Report
	rotated := make([]float32, len(z))
	call := func(x []float32) []float32 {
		y := make([]float32, len(x))
		st.Eps(y, x, t, noise)
		return y
	}
	rotate := func(x []float32, h o3.Matrix) { h.Rotate(x, width, x, width, n) }
	var h o3.Matrix
	for range couplings {
		h = net.Group().Haar(&stream)
		copy(rotated, z)
		rotate(rotated, h)
		noise.Draw(net, 0, 0, n, &stream, &stream)
		want := call(z)
		rotate(want, h)
		noise.R0[0] = h.T().Mul(noise.R0[0])
		r.Coupling = max(
			r.Coupling,
			distance(call(rotated), want)/distance(want, make([]float32, len(want))),
		)
	}
	h = net.Group().Haar(&stream)
	copy(rotated, z)
	rotate(rotated, h)
	var all [][]float32
	for i := range 2 * samples {
		noise.Draw(net, 0, 0, n, &stream, &stream)
		if i < samples {
			all = append(all, call(rotated))
			continue
		}
		y := call(z)
		rotate(y, h)
		all = append(all, y)
	}
	r.Energy, r.P = EnergyTest(all[:samples], all[samples:], 999, seed)
	return r
}

// EnergyTest is the energy distance of two samples x and y of vectors,
//
//	2·mean|x_i - y_j| - mean|x_i - x_j| - mean|y_i - y_j|   (means over all pairs, V-statistic)
//
// and the share of permutations of the pooled sample, itself included, of which
// the distance is at least as large.
func EnergyTest(x, y [][]float32, permutations int, seed uint64) (energy, p float64) {
	all := append(append([][]float32(nil), x...), y...)
	n := len(all)
	d := make([]float64, n*n)
	for i := range n {
		for j := range i {
			d[i*n+j] = distance(all[i], all[j])
			d[j*n+i] = d[i*n+j]
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	statistic := func() float64 {
		var xy, xx, yy float64
		for a, i := range order {
			for b, j := range order {
				switch inX := a < len(x); {
				case inX != (b < len(x)):
					xy += d[i*n+j] / 2
				case inX:
					xx += d[i*n+j]
				default:
					yy += d[i*n+j]
				}
			}
		}
		m, k := float64(len(x)), float64(len(y))
		return 2*xy/(m*k) - xx/(m*m) - yy/(k*k)
	}
	energy = statistic()
	stream := rng.New(seed, 1, rng.Init, 0)
	atLeast := 1
	for range permutations {
		for i := n - 1; i > 0; i-- {
			j := int(stream.Float64() * float64(i+1))
			order[i], order[j] = order[j], order[i]
		}
		if statistic() >= energy {
			atLeast++
		}
	}
	return energy, float64(atLeast) / float64(permutations+1)
}

// distance is the Euclidean distance of two vectors.
func distance(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i] - b[i])
		sum += float64(d * d)
	}
	return math.Sqrt(sum)
}
