package symmetrise

import (
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// threeAtoms is f = the transpose of Gram-Schmidt of the positions of the first three atoms: X·C0·f
// are coordinates in their frame.
type threeAtoms []int

func (threeAtoms) Eta() (int, float64)                         { return 0, 0 }
func (threeAtoms) NewState(sizes []int, _ State) FunctionState { return threeAtoms(sizes) }

func (s threeAtoms) F(q []o3.Matrix, z []float32, width int, _ float32, _ []float32) {
	for i, n := range s {
		var a o3.Matrix
		for r := range a {
			for c := range a[r] {
				a[r][c] = float64(z[r*width+c])
			}
		}
		q[i] = o3.OrthonormaliseRows(a).T()
		z = z[n*width:]
	}
}

func TestInputVarianceTellsCanonicalFromHaar(t *testing.T) {
	s := rng.New(8, 0, rng.Init, 0)
	const n, width = 7, 5
	z := make([]float32, n*width)
	s.Fill(z, 1)
	RemoveMean(z, width, []int{n})
	released := Published{Released: true}
	for _, c := range []struct {
		name   string
		gamma  Gamma
		lo, hi float64
	}{
		{"Haar", Haar(O3), 0.9, 1.1},
		{"none", None(), 0.9, 1.1},
		{"frame: eight signs", Frame(), 0.9, 1.1},
		{"three atoms", Learned(O3, threeAtoms{}), -1e-6, 1e-6},
		{"three atoms over the frame", Refined(Frame(), threeAtoms{}, Published{}), -1e-6, 1e-6},
		{"three atoms in the published code's order", Refined(Haar(O3), threeAtoms{}, released), 0.5, 1.1},
	} {
		if v := InputVariance(New(crooked, c.gamma), z, 0.3, 400, 3); v < c.lo || v > c.hi {
			t.Errorf("%s: %.4f, want %g to %g", c.name, v, c.lo, c.hi)
		}
	}
}

// Eight inputs in all, each as often, whatever way the molecule lies.
func TestFrameLeavesEightInputs(t *testing.T) {
	s := rng.New(4, 0, rng.Init, 0)
	const n, width, draws = 9, 3, 4000
	z := make([]float32, n*width)
	s.Fill(z, 1)
	RemoveMean(z, width, []int{n})
	state := Frame().NewState([]int{n}, nil)
	seen := map[[3]int]int{}
	var absolute [3 * n]float64
	for d := range draws {
		x := append([]float32(nil), z...)
		h, r0, c := o3.Haar(&s), o3.Haar(&s), make([]o3.Matrix, 1)
		h.Rotate(x, width, x, width, n)
		state.Draw(c, x, width, 0.5, Noise{R0: []o3.Matrix{r0}})
		if dev := c[0].Deviation(); dev > 1e-12 {
			t.Fatalf("C is not orthogonal: %g", dev)
		}
		c[0].Rotate(x, width, x, width, n)
		var signs [3]int
		for k := range 3 {
			signs[k] = int(math.Copysign(1, float64(x[k])))
		}
		seen[signs]++
		for i, v := range x {
			switch a := math.Abs(float64(v)); {
			case d == 0:
				absolute[i] = a
			case math.Abs(a-absolute[i]) > 1e-4:
				t.Fatalf("input %d of draw %d: %g, at first %g", i, d, a, absolute[i])
			}
		}
	}
	for signs, times := range seen {
		if share := float64(times) / draws; math.Abs(share-1./8) > 0.025 {
			t.Errorf("signs %v in %.3f of the draws, want an eighth", signs, share)
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d inputs, want 8", len(seen))
	}
}
