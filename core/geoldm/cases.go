package geoldm

import (
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Networks are m's parts, on one molecule, as reference.CompareLatent runs them.
type Networks struct{ m *Model }

// Networks are m's parts.
func (m *Model) Networks() Networks { return Networks{m} }

// Encode gives mean (n, 3+L), sigma_x and sigma_h (n, L) of data (n, 3+F).
func (n Networks) Encode(data []float32) (mean []float32, sigmaX float32, sigmaH []float32) {
	atoms := len(data) / (3 + n.m.Config.Features)
	e := n.m.NewEncoder([]int{atoms})
	mean = make([]float32, atoms*(3+n.m.Config.Latent()))
	e.Encode(mean, data)
	x, h := e.Sigmas()
	return mean, x[0], h
}

// Decode gives data (n, 3+F) of latents (n, 3+L), as the network does.
func (n Networks) Decode(z []float32) []float32 {
	atoms := len(z) / (3 + n.m.Config.Latent())
	data := make([]float32, atoms*(3+n.m.Config.Features))
	n.m.newDecoder([]int{atoms}).Forward(data, z)
	return data
}

// Eps gives eps_hat (n, 3+L) of latents at time t in [0, 1].
func (n Networks) Eps(z []float32, t float32) []float32 {
	atoms := len(z) / (3 + n.m.Config.Latent())
	eps := make([]float32, len(z))
	noise := symmetrise.NewNoise(n.m.denoiser, []int{atoms})
	noise.R0[0] = o3.Identity
	n.m.denoiser.NewState([]int{atoms}).Eps(eps, z, t, noise)
	return eps
}
