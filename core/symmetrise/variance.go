package symmetrise

import (
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// InputVariance is how much the denoiser's input varies under gamma: the variance of X·H·C over
// draws of gamma and over rotated copies X·H of a molecule, relative to the Haar measure,
//
//	v = E|Y - E[Y]|² / |X|²,   Y = X·H·C,   H ~ Haar(O(3)),   C ~ gamma(X·H),
//
// for rows z (n, 3+F) of zero centre of mass at time t, from at least two draws, without bias. It
// is 0 for a canonical frame, in which all copies come to lie alike, and 1 for the Haar measure,
// and for no symmetrisation, since then the copies lie as they lie. It is 1 for Frame too, whose
// eight inputs have the mean zero: 1 alone does not say that all orientations come.
func InputVariance(net Network, z []float32, t float32, draws int, seed uint64) float64 {
	width := 3 + net.Features()
	n := len(z) / width
	if draws < 2 || n == 0 || len(z) != n*width {
		panic("symmetrise: InputVariance wants rows, and two draws or more")
	}
	sizes := make([]int, draws)
	for i := range sizes {
		sizes[i] = n
	}
	state, noise := net.NewState(sizes), NewNoise(net, sizes)
	haar, eta, rotations := rng.New(seed, 0, rng.Haar, 0), rng.New(seed, 0, rng.Eta, 0),
		rng.New(seed, 0, rng.Init, 0)
	copies := make([]float32, 0, draws*len(z))
	for d := range draws {
		noise.Draw(net, d, d*n, (d+1)*n, &haar, &eta)
		copies = append(copies, z...)
		h := o3.Haar(&rotations)
		rows := copies[d*len(z):]
		h.Rotate(rows, width, rows, width, n)
	}
	state.Eps(make([]float32, len(copies)), copies, t, noise)
	sum, all := make([]float64, 3*n), 0.0
	for d := range draws {
		rows, c := copies[d*len(z):(d+1)*len(z)], state.Gamma(d)
		c.Rotate(rows, width, rows, width, n)
		for i := range n {
			for k := range 3 {
				v := float64(rows[i*width+k])
				sum[3*i+k] += v
				all += float64(v * v)
			}
		}
	}
	square := 0.0
	for _, s := range sum {
		square += float64(s * s)
	}
	if all == 0 {
		return 0
	}
	// all is draws·|X|²; the sum of squared deviations is all - |sum|²/draws.
	return (all - square/float64(draws)) / float64(draws-1) * float64(draws) / all
}
