package symmetrise_test

import (
	"fmt"
	"math"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// A toy network that knows nothing of symmetry becomes equivariant: the molecule rotated
// by H gives the noise rotated by H.
func ExampleNew() {
	mlp := symmetrise.Func(0, func(eps, z []float32, t float32) {
		for i, v := range z { // each coordinate by itself: as little equivariant as can be
			eps[i] = float32(math.Tanh(float64(v)*float64(1+i%3))) + t
		}
	})
	x := []float32{1, 0, 0, -1, 0.5, 0, 0, -0.5, 0}
	s := rng.New(1, 0, rng.Init, 0)
	h, r0 := o3.Haar(&s), o3.Haar(&s)
	rotated := make([]float32, 9)
	h.Rotate(rotated, 3, x, 3, 3)
	for _, gamma := range []symmetrise.Gamma{symmetrise.None(), symmetrise.Haar(symmetrise.O3)} {
		net := symmetrise.New(mlp, gamma).NewState([]int{3})
		want, got := make([]float32, 9), make([]float32, 9)
		net.Eps(want, x, 0.5, symmetrise.Noise{R0: []o3.Matrix{r0}})
		net.Eps(got, rotated, 0.5, symmetrise.Noise{R0: []o3.Matrix{h.T().Mul(r0)}})
		h.Rotate(want, 3, want, 3, 3)
		worst := 0.0
		for i := range got {
			worst = max(worst, math.Abs(float64(got[i]-want[i])))
		}
		fmt.Printf("%T: equivariant %v\n", gamma, worst < 1e-6)
	}
	// Output:
	// symmetrise.none: equivariant false
	// symmetrise.haar: equivariant true
}
