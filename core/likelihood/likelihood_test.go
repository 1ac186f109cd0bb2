package likelihood

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// meta describes toy models of carbon alone, whose type says nothing.
func meta(atoms int) encoding.Meta {
	return encoding.Meta{
		Elements: []string{"C"}, ScaleX: 1, ScaleTypes: 4, ScaleCharge: 10,
		Schedule: schedule.Polynomial2, Histogram: map[int]int{atoms: 3, atoms + 1: 1},
	}
}

// toy is a network without symmetrisation: eps_x = share(t)·z_x, eps_h exact for
// a type that is 1/4.
func toy(share func(alpha, sigma float64) float64) symmetrise.Network {
	s, _ := schedule.New(schedule.Polynomial2)
	return symmetrise.New(symmetrise.Func(1, func(eps, z []float32, t float32) {
		at := int(math.Round(float64(t) * 1000))
		alpha, sigma := s.Alpha(at), s.Sigma(at)
		for i := range eps {
			if i%4 < 3 {
				eps[i] = float32(share(alpha, sigma) * float64(z[i]))
			} else {
				eps[i] = float32((float64(z[i]) - alpha/4) / sigma)
			}
		}
	}), symmetrise.None())
}

// cloud are molecules whose positions are Gaussian, of standard deviation c, on
// the space of zero centre of mass.
func cloud(n, atoms int, c float64, seed uint64) (list []*molecule.Molecule) {
	for i := range n {
		s := rng.New(seed, uint32(i), rng.Init, 0)
		m := &molecule.Molecule{}
		for range atoms {
			m.Elements = append(m.Elements, molecule.C)
			m.Positions = append(m.Positions, [3]float64{c * s.Norm(), c * s.Norm(), c * s.Norm()})
		}
		list = append(list, m)
	}
	return list
}

func estimate(t *testing.T, net symmetrise.Network, m encoding.Meta, list []*molecule.Molecule, o Options) Bound {
	t.Helper()
	b, err := Estimate(context.Background(), net, m, list, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// expected is the bound of Gaussian data of variance c² in d dimensions when the
// positional error of eps_hat is d·err(alpha, sigma) in the mean: the sum over
// all t, exactly.
func expected(times int, d, c float64, atoms int, err func(alpha, sigma float64) float64) Terms {
	s, _ := schedule.New(schedule.Spec{Name: "polynomial_2", Timesteps: times, Precision: 1e-5})
	var e Terms
	for t := 1; t <= times; t++ {
		weight := s.Alpha2(t-1) / (1 - s.Alpha2(t-1)) / (s.Alpha2(t) / (1 - s.Alpha2(t)))
		e.Diffusion += 0.5 * (weight - 1) * d * err(s.Alpha(t), s.Sigma(t))
	}
	e.Positions = 0.5*d*err(s.Alpha(0), s.Sigma(0)) + d*(math.Log(s.Sigma(0)/s.Alpha(0))+0.5*math.Log(2*math.Pi))
	a2, s2 := s.Alpha2(times), 1-s.Alpha2(times)
	h := float64(atoms)
	e.Prior = 0.5*((d+h)*(s2-1-math.Log(s2))) + 0.5*a2*(d*c*c+h/16)
	e.Size = -math.Log(0.75)
	return e
}

// The best network for Gaussian data has a bound that is known exactly, and that
// goes down to the entropy d/2·log(2πe·c²) with the number of steps.
func TestGaussianData(t *testing.T) {
	const atoms, c = 4, 1.3
	const d = 3 * (atoms - 1)
	best := func(alpha, sigma float64) float64 { return sigma / (alpha*alpha*c*c + sigma*sigma) }
	bestError := func(alpha, sigma float64) float64 { return alpha * alpha * c * c / (alpha*alpha*c*c + sigma*sigma) }
	want := expected(1000, d, c, atoms, bestError)
	entropy := d / 2.0 * math.Log(2*math.Pi*math.E*c*c)
	// the gap is that of T steps instead of infinitely many
	for _, times := range []int{1000, 10_000} {
		bound := expected(times, d, c, atoms, bestError)
		gap := bound.Sum() - bound.Size - entropy
		t.Logf("T = %d: bound %.4f, entropy %.4f nats", times, bound.Sum()-bound.Size, entropy)
		if gap < 0 || gap > 400.0/float64(times)*d {
			t.Fatalf("T = %d: the exact bound is %v above the entropy", times, gap)
		}
	}
	b := estimate(t, toy(best), meta(atoms), cloud(3000, atoms, c, 1), Options{Samples: 2, Threads: 2})
	t.Logf("estimate %.3f ± %.3f: %+v", b.NLL, b.StandardError, b.Terms)
	if math.Abs(b.NLL-want.Sum()) > 4*b.StandardError || b.StandardError > 1 {
		t.Errorf("%.3f ± %.3f, want %.3f", b.NLL, b.StandardError, want.Sum())
	}
	for _, term := range []struct{ got, want, within float64 }{
		{b.Terms.Prior, want.Prior, 1e-4}, {b.Terms.Size, want.Size, 1e-12},
		{b.Terms.Features, 0, 1e-6}, {b.Terms.Positions, want.Positions, 0.2},
	} {
		if math.Abs(term.got-term.want) > term.within {
			t.Errorf("a term is %v, want %v: %+v, %+v", term.got, term.want, b.Terms, want)
		}
	}
	sum := 0.0
	for _, v := range b.Deciles {
		sum += v
	}
	if math.Abs(sum-b.Terms.Diffusion) > 1e-9*sum {
		t.Errorf("deciles sum to %v, the diffusion term is %v", sum, b.Terms.Diffusion)
	}
	// A worse network has a larger bound.
	worse := estimate(t,
		toy(func(alpha, sigma float64) float64 { return 0.9 * best(alpha, sigma) }), meta(atoms),
		cloud(3000, atoms, c, 1), Options{Samples: 2, Threads: 2})
	if worse.NLL < b.NLL+0.2 {
		t.Errorf("a worse network: %.2f, the best: %.2f", worse.NLL, b.NLL)
	}
}

// The standard error is the spread of estimates over seeds and data.
func TestStandardError(t *testing.T) {
	const atoms, c = 3, 1.0
	zero := toy(func(_, _ float64) float64 { return 0 })
	want := expected(1000, 3*(atoms-1), c, atoms, func(_, _ float64) float64 { return 1 })
	var mean, square, claimed float64
	const runs = 60
	for seed := range uint64(runs) {
		b := estimate(t, zero, meta(atoms), cloud(60, atoms, c, 100+seed), Options{Seed: seed})
		mean += b.NLL / runs
		square += b.NLL * b.NLL / runs
		claimed += b.StandardError / runs
	}
	spread := math.Sqrt(square - mean*mean)
	t.Logf("mean %.2f, want %.2f; spread %.2f, claimed %.2f", mean, want.Sum(), spread, claimed)
	if math.Abs(mean-want.Sum()) > 4*spread/math.Sqrt(runs) {
		t.Errorf("mean %.3f of %d estimates, want %.3f", mean, runs, want.Sum())
	}
	if spread > 1.25*claimed {
		t.Errorf("estimates spread by %.3f, claimed is %.3f", spread, claimed)
	}
}

// A network that knows the molecule leaves only the constants, whatever the
// threads and batches; features count as EDM counts them.
func TestExactNetwork(t *testing.T) {
	m := encoding.QM9()
	m.Histogram = map[int]int{3: 1}
	water := &molecule.Molecule{
		Elements:  []molecule.Element{8, 1, 1},
		Positions: [][3]float64{{0.3, 0, 0.2}, {1.0, 0.4, 0.2}, {-0.5, 0.6, 0.2}},
	}
	e, err := newEstimator(symmetrise.New(symmetrise.Func(6, nil), symmetrise.None()), m)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Rows(water)
	if err != nil {
		t.Fatal(err)
	}
	if x[3] != 0 || x[3+3] != 0.25 || x[8] != 0.8 || x[9+3] != 0.25 || x[9+8] != 0.1 {
		t.Fatalf("rows %v", x)
	}
	exact := symmetrise.New(symmetrise.Func(6, func(eps, z []float32, t float32) {
		at := int(math.Round(float64(t) * 1000))
		for i := range eps {
			eps[i] = float32((float64(z[i]) - e.sched.Alpha(at)*float64(x[i])) / e.sched.Sigma(at))
		}
	}), symmetrise.None())
	list := []*molecule.Molecule{water, water, water, water, water}
	b := estimate(t, exact, m, list, Options{Samples: 3, Threads: 3, Batch: 2})
	want := 6 * (math.Log(e.sched.Sigma(0)/e.sched.Alpha(0)) + 0.5*math.Log(2*math.Pi))
	if b.Terms.Diffusion > 1e-4 || math.Abs(b.Terms.Positions-want) > 1e-3 || b.Terms.Size != 0 ||
		b.Terms.Features < -1e-6 ||
		b.Terms.Features > 1e-4 {
		t.Errorf("%+v, want positions %.4f and no more", b.Terms, want)
	}
	if again := estimate(t, exact, m, list, Options{Samples: 3, Threads: 1, Batch: 2}); again.NLL != b.NLL ||
		again.Deciles != b.Deciles {
		t.Error("the number of threads changes the bound")
	}
	// Features by hand. A charge that is off by half stands on the edge of its
	// window; a type there is still the only one.
	z := append([]float32(nil), x[:9]...)
	z[3+3] = 0.5 / 4
	z[8] = 8.5 / 10
	if got, want := e.logFeatures(x[:9], z), math.Log(0.5); math.Abs(got-want) > 1e-5 {
		t.Errorf("log p(h) = %v, want %v", got, want)
	}
	z[3+3], z[3+1] = 0, 0.25 // the wrong type
	if got := e.logFeatures(x[:9], z); got > math.Log(1e-9) {
		t.Errorf("log p(h) of the wrong type is %v", got)
	}
}

func TestFailures(t *testing.T) {
	zero := toy(func(_, _ float64) float64 { return 0 })
	list := cloud(2, 3, 1, 1)
	list[1] = &molecule.Molecule{Elements: []molecule.Element{6, 16, 6}, Positions: list[1].Positions}
	for _, c := range []struct {
		meta encoding.Meta
		list []*molecule.Molecule
		want string
	}{
		{meta(3), list, "molecule 2: element S is not among"}, {meta(3), nil, "no molecules"},
		{encoding.Meta{}, list[:1], "elements"},
		{func() encoding.Meta { m := meta(3); m.Histogram = nil; return m }(), list[:1], "histogram"},
		{encoding.QM9(), list[:1], "histogram"},
	} {
		if _, err := Estimate(context.Background(), zero, c.meta, c.list, Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	broken := symmetrise.New(symmetrise.Func(1, func(eps, z []float32, _ float32) {
		copy(eps, z)
		if len(z) == 4*4 {
			eps[3] = float32(math.NaN())
		}
	}), symmetrise.None())
	mixed := []*molecule.Molecule{cloud(1, 3, 1, 1)[0], cloud(1, 4, 1, 1)[0]}
	if _, err := Estimate(context.Background(), broken, meta(3), mixed, Options{}); err == nil ||
		!strings.Contains(err.Error(), "molecule 2: the bound is NaN") {
		t.Errorf("a network that predicts NaN for molecule 2: %v", err)
	}
	bare := []*molecule.Molecule{{Elements: []molecule.Element{6, 6}}}
	if _, err := Estimate(context.Background(), zero, meta(3), bare, Options{}); err == nil ||
		!strings.Contains(err.Error(), "molecule 1: 2 atoms, 0 positions") {
		t.Errorf("atoms without positions: %v", err)
	}
	b := estimate(t, zero, meta(5), list[:1], Options{})
	if b.UnknownSizes != 1 || math.Abs(b.Terms.Size+math.Log(1e-30)) > 1e-9 {
		t.Errorf("a size that was never seen: %+v", b)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Estimate(ctx, zero, meta(3), list[:1], Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
