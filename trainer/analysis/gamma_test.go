package analysis

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// lopsided predicts eps_x = z·diag(1.5, 1, 0.2): not equivariant by itself.
var lopsided = symmetrise.Func(1, func(eps, z []float32, _ float32) {
	for i, v := range z {
		eps[i] = []float32{1.5, 1, 0.2, 1}[i%4] * v
	}
})

func meta() encoding.Meta {
	m := encoding.QM9()
	m.Elements, m.Charge = []string{"C"}, false
	return m
}

func cloud(n, atoms int) (list []*molecule.Molecule) {
	for i := range n {
		s := rng.New(5, uint32(i), rng.Init, 0)
		m := &molecule.Molecule{}
		for range atoms {
			m.Elements = append(m.Elements, molecule.C)
			m.Positions = append(m.Positions, [3]float64{4 * s.Norm(), 2 * s.Norm(), s.Norm()})
		}
		list = append(list, m)
	}
	return list
}

// frame is a function that rotates a molecule into its principal axes, each
// pointing along its third moment.
type frame struct{ sizes []int }

func (frame) Eta() (int, float64)                                               { return 0, 0 }
func (frame) NewState(sizes []int, _ symmetrise.State) symmetrise.FunctionState { return frame{sizes} }

func (f frame) F(q []o3.Matrix, z []float32, width int, _ float32, _ []float32) {
	for i, n := range f.sizes {
		axes := principal(z[:n*width], width)
		for a := range axes {
			third := 0.0
			for r := range n {
				d := 0.0
				for c := range 3 {
					d += axes[a][c] * float64(z[r*width+c])
				}
				third += d * d * d
			}
			for c := range 3 {
				axes[a][c] *= math.Copysign(1, third)
			}
		}
		q[i] = axes.T()
		z = z[n*width:]
	}
}

func run(t *testing.T, net symmetrise.Network) Gamma {
	t.Helper()
	g, err := Run(context.Background(), []Kernel{{"k", net}}, meta(), cloud(24, 9),
		Options{Times: []float64{0.1}, Draws: 24, Seed: 1, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return g[0]
}

func TestHaar(t *testing.T) {
	g := run(t, symmetrise.New(lopsided, symmetrise.Haar(symmetrise.O3)))
	t.Logf("%+v", g)
	if math.Abs(g.Concentration) > 4*g.ConcentrationError+0.01 || g.Different > 0.25 || math.Abs(g.Proper-0.5) > 0.1 {
		t.Error("Haar matrices are not spread as the Haar measure is")
	}
	if math.Abs(g.Function-1) > 1e-6 || g.Rotation > 1e-4 {
		t.Error("f of Haar is the identity")
	}
	for _, row := range g.Axes {
		for _, c := range row {
			if math.Abs(c-1.0/3) > 0.05 {
				t.Errorf("cos² %v, want a third", c)
			}
		}
	}
	if g.Coupling > 1e-5 || math.Abs(g.Bias) > 4*g.BiasError || g.Spread < 0.05 {
		t.Error("a kernel symmetrised by Haar is equivariant, and random")
	}
}

func TestPrincipalFrame(t *testing.T) {
	g := run(t, symmetrise.New(lopsided, symmetrise.Learned(symmetrise.O3, frame{})))
	t.Logf("%+v", g)
	if g.Concentration < 0.999 || g.Different < 0.95 || g.Spread > 1e-6 {
		t.Error("the principal frame is one matrix for a molecule")
	}
	if math.Abs(g.Function) > 0.1 || math.Abs(g.Rotation-126.5) > 8 {
		t.Errorf("f of a random frame rotates by %v degrees, concentration %v; want 126.5 and 0", g.Rotation, g.Function)
	}
	for i, row := range g.Axes {
		if math.Abs(row[i]-1) > 1e-3 {
			t.Errorf("axes %v, want the identity", g.Axes)
		}
	}
	if g.Coupling > 1e-4 || g.Alignment < 0.999 {
		t.Error("it is equivariant, and aligned")
	}
}

func TestNone(t *testing.T) {
	g := run(t, symmetrise.New(lopsided, symmetrise.None()))
	t.Logf("%+v", g)
	if g.Coupling < 0.3 || g.Bias < 2*g.BiasError || g.Bias < 0.02 || g.Spread > 1e-9 {
		t.Error("the lopsided network is equivariant by itself")
	}
}

func TestFailures(t *testing.T) {
	net := symmetrise.New(lopsided, symmetrise.None())
	o := Options{Times: []float64{0.5}, Draws: 2}
	if _, err := Run(context.Background(), []Kernel{{"k", net}}, meta(), cloud(1, 3), o); err == nil {
		t.Error("one molecule is enough")
	}
	list := cloud(2, 3)
	list[1].Elements = []molecule.Element{6, 6, 8}
	if _, err := Run(context.Background(), []Kernel{{"k", net}}, meta(), list, o); err == nil ||
		err.Error() != "element O is not among the model's C" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, []Kernel{{"k", net}}, meta(), cloud(2, 3), o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
