package train

import (
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/sampler"
)

// FewSteps is the sampler of a model, or of a student, that is to take few steps: DPM-Solver++(2M),
// whose times EDM's rho = 7 spaces (Karras et al. 2022, arXiv 2206.00364, table 1).
func FewSteps(steps int) encoding.Sampling {
	return encoding.Sampling{Method: string(sampler.DPM), Steps: steps, Rho: 7}
}
