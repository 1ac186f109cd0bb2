package symmetrise

import (
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

var sizes = []int{5, 1, 8}

func groups(t *testing.T) []Group {
	t.Helper()
	o2, err := O2([3]float64{1, -2, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	return []Group{O3, SO3, o2}
}

// member measures how far a matrix is from the group.
func member(g Group, q o3.Matrix) float64 {
	d := 0.0
	p := q.Mul(q.T())
	for i := range p {
		for j := range p[i] {
			d = max(d, math.Abs(p[i][j]-o3.Identity[i][j]))
		}
	}
	if g.name == "SO(3)" {
		d = max(d, math.Abs(q.Det()-1))
	}
	if g.name == "O(2)" { // the axis stays
		for j := range 3 {
			v := 0.0
			for i := range 3 {
				v += g.axis[i] * q[i][j]
			}
			d = max(d, math.Abs(v-g.axis[j]))
		}
	}
	return d
}

// Haar's matrices and projected ones belong to the group; a projection of a member is the member.
func TestGroups(t *testing.T) {
	for _, g := range groups(t) {
		s := rng.New(3, 0, rng.Init, 0)
		for range 200 {
			q := g.Haar(&s)
			if d := member(g, q); !(d <= 1e-12) {
				t.Fatalf("%s: Haar is off by %g", g, d)
			}
			p := g.Project(q)
			for i := range p {
				for j := range p[i] {
					if !(math.Abs(p[i][j]-q[i][j]) <= 1e-12) {
						t.Fatalf("%s: the projection of a member %v is %v", g, q, p)
					}
				}
			}
			var a o3.Matrix
			for i := range a {
				for j := range a[i] {
					a[i][j] = s.Norm()
				}
			}
			if d := member(g, g.Project(a)); !(d <= 1e-12) {
				t.Fatalf("%s: Project is off by %g", g, d)
			}
		}
		if d := member(g, g.Project(o3.Matrix{})); !(d < 1e-12) {
			t.Errorf("%s: the projection of zero is off by %g", g, d)
		}
	}
	if _, err := O2([3]float64{}); err == nil {
		t.Error("an axis of length zero is accepted")
	}
}

// The measure is invariant: for any H of the group the mean of a function of Q·H is
// that of Q. The function is one whose mean over the group is known: tr(Q)², 1 for O(3)
// and SO(3) (the vector representation is irreducible), 2 for O(2) (it has two parts),
// and det, 0 but for SO(3).
func TestHaarMoments(t *testing.T) {
	want := map[string][2]float64{"O(3)": {1, 0}, "SO(3)": {1, 1}, "O(2)": {2, 0}}
	for _, g := range groups(t) {
		s := rng.New(5, 0, rng.Init, 0)
		const n = 20000
		h := g.Haar(&s)
		var trace2, det float64
		for range n {
			q := g.Haar(&s).Mul(h)
			tr := q[0][0] + q[1][1] + q[2][2]
			trace2 += tr * tr / n
			det += q.Det() / n
		}
		w := want[g.name]
		if math.Abs(trace2-w[0]) > 0.1 || math.Abs(det-w[1]) > 0.04 {
			t.Errorf("%s: mean of tr² %.3f, of det %.3f, want %v", g, trace2, det, w)
		}
	}
}

// crooked is a denoiser without symmetry, of two features.
var crooked = Func(2, func(eps, z []float32, t float32) {
	for i, v := range z {
		eps[i] = float32(math.Sin(float64(v)*float64(1+i%5))) + t*z[(i+1)%len(z)]
	}
})

// frame is a function f of a molecule: a matrix from sums over its atoms.
type frame struct{}

func (frame) Eta() (int, float64)                         { return 2, 0.5 }
func (frame) NewState(sizes []int, _ State) FunctionState { return frameState(sizes) }

type frameState []int

func (s frameState) F(q []o3.Matrix, z []float32, width int, t float32, eta []float32) {
	for i, n := range s {
		q[i] = o3.Matrix{}
		for a := range n {
			for j := range 3 {
				x := float64(z[a*width+j])
				q[i][0][j] += x*float64(z[a*width+3]) + float64(eta[2*a])
				q[i][1][j] += math.Sin(3*x) + float64(t)
				q[i][2][j] += x * float64(eta[2*a+1])
			}
		}
		z, eta = z[n*width:], eta[2*n:]
	}
}

func input(net Network) (z []float32, noise Noise) {
	s := rng.New(9, 0, rng.Init, 0)
	noise = NewNoise(net, sizes)
	at := 0
	for i, n := range sizes {
		noise.Draw(net, i, at, at+n, &s, &s)
		at += n
	}
	z = make([]float32, at*(3+net.Features()))
	s.Fill(z, 1)
	RemoveMean(z, 3+net.Features(), sizes)
	return z, noise
}

// coupling is |Eps(X·H, Hᵀ·R0) - Eps(X, R0)·H| / |Eps(X, R0)| for H of a group.
func coupling(net Network, g Group) float64 {
	z, noise := input(net)
	width := 3 + net.Features()
	st := net.NewState(sizes)
	want, got := make([]float32, len(z)), make([]float32, len(z))
	st.Eps(want, z, 0.3, noise)
	s := rng.New(10, 0, rng.Init, 0)
	h := g.Haar(&s)
	for i := range noise.R0 {
		noise.R0[i] = h.T().Mul(noise.R0[i])
	}
	rows := len(z) / width
	h.Rotate(z, width, z, width, rows)
	st.Eps(got, z, 0.3, noise)
	h.Rotate(want, width, want, width, rows)
	var d2, w2 float64
	for i := range want {
		d2 += math.Pow(float64(got[i]-want[i]), 2)
		w2 += math.Pow(float64(want[i]), 2)
	}
	return math.Sqrt(d2 / w2)
}

func TestCoupling(t *testing.T) {
	for _, g := range groups(t) {
		for name, gamma := range map[string]Gamma{"Haar": Haar(g), "learned": Learned(g, frame{})} {
			d := coupling(New(crooked, gamma), g)
			t.Logf("%s, %s: relative deviation %.1e", g, name, d)
			if !(d < 2e-6) {
				t.Errorf("%s, %s is not equivariant: %g", g, name, d)
			}
		}
		if d := coupling(New(crooked, None()), g); !(d > 0.1) {
			t.Errorf("%s: the plain denoiser passes: %g", g, d)
		}
	}
}

// The batch does not matter, and a call allocates nothing.
func TestRaggedBatch(t *testing.T) {
	net := New(crooked, Learned(O3, frame{}))
	z, noise := input(net)
	width := 3 + net.Features()
	all := make([]float32, len(z))
	st := net.NewState(sizes)
	st.Eps(all, z, 0.7, noise)
	at := 0
	for i, n := range sizes {
		one := make([]float32, n*width)
		alone := net.NewState([]int{n})
		alone.Eps(one, z[at*width:(at+n)*width], 0.7, Noise{noise.R0[i : i+1], noise.Eta[2*at : 2*(at+n)]})
		if c, batch := alone.Gamma(0), st.Gamma(i); c != batch {
			t.Errorf("molecule %d is rotated by %v alone, by %v in the batch", i, c, batch)
		}
		for j, v := range one {
			if v != all[at*width+j] {
				t.Fatalf("molecule %d alone gives %g at %d, in the batch %g", i, v, j, all[at*width+j])
			}
		}
		at += n
	}
	if n := testing.AllocsPerRun(10, func() { st.Eps(all, z, 0.7, noise) }); n != 0 {
		t.Errorf("%g allocations per call", n)
	}
}

func TestMisusePanics(t *testing.T) {
	net := New(Func(1, func(eps, z []float32, _ float32) { copy(eps, z) }), Haar(O3))
	s := net.NewState([]int{2})
	noise := NewNoise(net, []int{2})
	for name, misuse := range map[string]func(){
		"a molecule without atoms":    func() { net.NewState([]int{3, 0}) },
		"short z":                     func() { s.Eps(make([]float32, 8), make([]float32, 7), 0, noise) },
		"no R0":                       func() { s.Eps(make([]float32, 8), make([]float32, 8), 0, Noise{}) },
		"a report of half a molecule": func() { CheckEquivariance(net, make([]float32, 7), 0, 1, 2, 1) },
		"a report of one sample":      func() { CheckEquivariance(net, make([]float32, 8), 0, 1, 1, 1) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || len(text) < 11 || text[:11] != "symmetrise:" {
					t.Errorf("%s: %v", name, text)
				}
			}()
			misuse()
		}()
	}
}
