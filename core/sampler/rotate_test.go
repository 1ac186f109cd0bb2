package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

func someRotation() *o3.Matrix {
	stream := rng.New(1, 0, rng.Haar, 0)
	h := o3.Haar(&stream)
	return &h
}

// distance is the largest distance of an atom of a rotated by h to b, over the
// root mean square of the coordinates.
func distance(a, b *Sampler, h *o3.Matrix) float64 {
	worst, size := 0.0, 0.0
	x := append([]float32(nil), a.z...)
	h.Rotate(x, a.width, x, a.width, len(x)/a.width)
	for i := 0; i < len(x); i += a.width {
		for k := i; k < i+3; k++ {
			worst = max(worst, math.Abs(float64(x[k]-b.z[k])))
			size += float64(x[k]) * float64(x[k])
		}
	}
	return worst / math.Sqrt(size/float64(3*len(x)/a.width))
}

// With the noise rotated along, an equivariant sampler gives the same molecule,
// rotated; one that is not gives another.
func TestRotation(t *testing.T) {
	h := someRotation()
	for _, c := range []struct {
		name            string
		gamma           Gamma
		uncoupled, same bool
	}{
		{"symdiff", "", false, true},
		{"symdiff", Haar, false, true},
		{"symdiff", Learned, false, true},
		{"symdiff", Released, false, false},
		{"symdiff", NoGamma, false, false},
		{"symdiff", "", true, false},
		{"symdiff_released", "", false, false},
		{"symdiff_released", Learned, false, true},
	} {
		methods := []Method{Ancestral}
		if c.name == "symdiff" && c.gamma == "" && !c.uncoupled {
			methods = Methods()
		}
		for _, method := range methods {
			o := Options{Seed: 7, sizes: []int{12, 5}, Steps: 20, Method: method, Gamma: c.gamma}
			m := network(t, c.name)
			straight := run(t, m, o)
			o.Rotate, o.Uncoupled = h, c.uncoupled
			d := distance(straight, run(t, m, o), h)
			if c.same && !(d <= 1e-4) || !c.same && !(d >= 1e-2) {
				t.Errorf(
					"%s, %s, gamma %q, uncoupled %v: rotated and straight differ by %.1e of the molecule's size",
					c.name,
					method,
					c.gamma,
					c.uncoupled,
					d,
				)
			}
		}
	}
}

func TestBranch(t *testing.T) {
	m := network(t, "symdiff")
	for _, method := range Methods() {
		o := Options{Seed: 5, sizes: []int{6, 8}, Steps: 10, Method: method}
		trunk := trajectory(t, m, o)
		o.Branches = []Branch{{4, 100}, {7, 200}}
		path := trajectory(t, m, o)
		if again := trajectory(t, m, o); again[11] != path[11] {
			t.Errorf("%s: the path is not reproducible", method)
		}
		o.Branches = o.Branches[:1]
		branch := trajectory(t, m, o)
		for done := range trunk {
			if (trunk[done] == branch[done]) != (done <= 4) {
				t.Errorf("%s: after %d steps trunk and branch at 4 agree: %v", method, done,
					trunk[done] == branch[done])
			}
			if (branch[done] == path[done]) != (done <= 7) {
				t.Errorf("%s: after %d steps branch and branch of it at 7 agree: %v", method, done,
					branch[done] == path[done])
			}
		}
		o.Branches = []Branch{{3, 5}}
		if back := trajectory(t, m, o); back[11] != trunk[11] {
			t.Errorf("%s: a branch with the same seed changes something", method)
		}
	}
	start := Options{Seed: 5, sizes: []int{6}, Steps: 10}
	at0 := start
	at0.Branches = []Branch{{0, 1}}
	trunk, branch := trajectory(t, m, start), trajectory(t, m, at0)
	if trunk[0] != branch[0] || trunk[1] == branch[1] {
		t.Error("a branch at step 0 changes the noise of the start, or not that of the first step")
	}

	o := Options{Seed: 5, sizes: []int{6}, Steps: 10, Branches: []Branch{{10, 1}}}
	if a, b := trajectory(t, m, o), trajectory(t, m, Options{Seed: 5, sizes: []int{6}, Steps: 10}); a[10] != b[10] ||
		a[11] == b[11] {
		t.Error("a branch at the last step changes more, or less, than the final draw")
	}
}

// trajectory is the bits of z after 0, 1, ... calls of Step.
func trajectory(t *testing.T, m *model.Model, o Options) []string {
	t.Helper()
	s, err := of(m, o)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{bits(s.z)}
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
		all = append(all, bits(s.z))
	}
	return all
}

func TestResultTellsTheVariation(t *testing.T) {
	h := o3.Matrix{{0, 1, 0}, {-1, 0, 0}, {0, 0, 1}}
	s := run(
		t,
		network(t, "symdiff"),
		Options{
			Seed:      5,
			sizes:     []int{4},
			Steps:     6,
			Gamma:     Released,
			Rotate:    &h,
			Uncoupled: true,
			Branches:  []Branch{{1, 2}, {3, 1 << 63}},
		},
	)
	got := keys(s.Result(0).Properties)
	want := " gamma=released rotate=0,1,0,-1,0,0,0,0,1 uncoupled=true branches=1:2,3:9223372036854775808 "
	if !strings.Contains(got, want) {
		t.Errorf("properties %s, want %s", got, want)
	}
}

// keys is the properties in one line.
func keys(list []molecule.Property) string {
	text := " "
	for _, p := range list {
		text += p.Key + "=" + p.Value + " "
	}
	return text
}

func TestVariationsRefused(t *testing.T) {
	skew := o3.Matrix{{1, 0, 0}, {0, 1, 0.001}, {0, 0, 1}}
	nan := o3.Matrix{{math.NaN(), 0, 0}, {0, 1, 0}, {0, 0, 1}}
	for _, c := range []struct {
		name, want string
		o          Options
	}{
		{"symdiff", `gamma "so3": want learned, released, haar, none`, Options{Gamma: "so3"}},
		{"dit", "has no learned one", Options{Gamma: Learned}},
		{"dit", "has no learned one", Options{Gamma: Released}},
		{"symdiff", "not orthogonal", Options{Rotate: &skew}},
		{"symdiff", "not orthogonal", Options{Rotate: &nan}},
		{"symdiff", "uncoupled: want rotate", Options{Uncoupled: true}},
		{"symdiff", "branches: step 7, want 0 to 6", Options{Branches: []Branch{{7, 1}}}},
		{"symdiff", "branches: step -1", Options{Branches: []Branch{{-1, 1}}}},
		{"symdiff", "branches: step 3, want 4 to 6", Options{Branches: []Branch{{3, 1}, {3, 2}}}},
	} {
		c.o.Atoms, c.o.Steps = 5, 6
		if _, err := of(network(t, c.name), c.o); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", c.want, err)
		}
	}
}
