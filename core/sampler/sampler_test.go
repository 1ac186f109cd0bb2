package sampler

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/internal/fixture"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/weights"
)

// networks were read and packed once, by name and kernels.
var networks = map[string]*model.Model{}

// network is the reference network with random weights, with the metadata of a QM9
// model.
func network(t testing.TB, name string) *model.Model {
	t.Helper()
	key := name + " " + f32.Implementation()
	if networks[key] == nil {
		var err error
		f := fixture.Open(t, "../model/testdata/"+name+".weights.safetensors")
		if networks[key], err = model.Load(f); err != nil {
			t.Fatal(err)
		}
	}
	m := *networks[key] // a test may change what it means
	m.Meta = encoding.QM9()
	m.Meta.Histogram = map[int]int{5: 1, 9: 3}
	return &m
}

// of is New of a model.
func of(m *model.Model, o Options) (*Sampler, error) { return New(m.Network(), m.Meta, o) }

func run(t testing.TB, m *model.Model, o Options) *Sampler {
	t.Helper()
	s, err := of(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func bits(z []float32) string {
	h := fnv.New128a()
	for _, v := range z {
		binary.Write(h, binary.LittleEndian, math.Float32bits(v))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// What a seed means: these bits must be the same on every platform and for every
// implementation of the kernels, and must not change.
func TestFrozenBits(t *testing.T) {
	defer f32.Use(f32.Implementation())
	for _, implementation := range f32.Implementations() {
		f32.Use(implementation)
		for _, c := range []struct {
			name   string
			method Method
			want   string
		}{
			{"symdiff", Ancestral, "937528ea964c853acd4bb6f3c514f61f"},
			{"symdiff_released", Ancestral, "4276613653b7908e97aa7b3f32afde54"},
			{"dit", Ancestral, "120eb271df604c5501b2522694bd7b50"},
			{"symdiff", DDIM, "260506339d22b8def405a809b96a7b24"},
			{"symdiff", DPM, "33fe1eed4aa5f1c4dacc56a0bb72690f"},
			{"symdiff", DPMSDE, "975d1137b0eafb7d06b323ee7ffc03ee"},
			{"symdiff", Heun, "32943d6522eb686a16f8b9127932e2bc"},
		} {
			s := run(t, network(t, c.name),
				Options{Seed: 7, sizes: []int{12, 0, 4}, Steps: 20, Method: c.method})
			if got := bits(s.z); got != c.want {
				t.Errorf("%s, %s, %s kernels: seed 7 gives %s, want %s", c.name, c.method,
					implementation, got, c.want)
			}
		}
	}
}

func TestMoleculeDoesNotDependOnItsBatch(t *testing.T) {
	m := network(t, "symdiff")
	for _, method := range Methods() {
		batch := run(t, m,
			Options{Seed: 3, First: 10, sizes: []int{6, 0, 11}, Steps: 8, Method: method})
		for i, atoms := range []int{6, 0, 11} {
			alone := run(t, m,
				Options{Seed: 3, First: 10 + i, sizes: []int{atoms}, Steps: 8, Method: method})
			if bits(alone.z) != bits(batch.rows(i)) {
				t.Errorf("%s: molecule %d differs when it is sampled alone", method, i)
			}
		}
	}
	batch := run(t, m, Options{Seed: 3, First: 10, sizes: []int{6, 0, 11}, Steps: 8})
	other := run(t, m, Options{Seed: 4, First: 10, sizes: []int{6}, Steps: 8})
	if bits(other.z) == bits(batch.rows(0)) {
		t.Error("another seed gives the same molecule")
	}
}

func TestZeroCentreOfMassAtEveryStep(t *testing.T) {
	s, err := of(network(t, "symdiff"), Options{Seed: 1, sizes: []int{9, 17}, Steps: 10})
	if err != nil {
		t.Fatal(err)
	}
	check := func(int) error {
		for i := range s.Len() {
			x := make([]float32, 3*s.Atoms(i))
			s.Frame(i, x, nil)
			for k := range 3 {
				sum, size := 0.0, 0.0
				for a := range s.Atoms(i) {
					sum += float64(x[3*a+k])
					size += math.Abs(float64(x[3*a+k]))
				}
				if math.Abs(sum) > 1e-6*size {
					t.Errorf("step %d: centre of mass off by %g", s.StepsDone(), sum)
				}
			}
		}
		return nil
	}
	check(0)
	if err := s.Run(context.Background(), check); err != nil {
		t.Fatal(err)
	}
	if s.StepsDone() != 11 || s.Steps() != 11 {
		t.Errorf("%d of %d calls, want 11", s.StepsDone(), s.Steps())
	}
}

func TestTimesReachBothEnds(t *testing.T) {
	m := network(t, "dit")
	for _, steps := range []int{1, 2, 3, 7, 50, 999, 1000} {
		s, err := of(m, Options{Atoms: 2, Steps: steps, Method: Ancestral})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.times) != steps+1 || s.times[0] != 1000 || s.times[steps] != 0 {
			t.Fatalf("%d steps: times %v", steps, s.times)
		}
		for i := 1; i <= steps; i++ {
			if gap := float64(s.times[i-1] - s.times[i]); gap < 1 ||
				math.Abs(gap-1000/float64(steps)) > 1 {
				t.Fatalf("%d steps: gap %v at %d", steps, gap, i)
			}
		}
	}
}

// z_T is Gaussian on the subspace, and sizes follow the histogram.
func TestInitialNoiseAndSizes(t *testing.T) {
	const n = 4000
	s, err := of(network(t, "dit"), Options{Seed: 2, sizes: make([]int, n), Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	nine, x2, xn, h2, hn := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range n {
		if s.Atoms(i) == 9 {
			nine++
		}
		xn += 3 * float64(s.Atoms(i)-1) // degrees of freedom without CoM
		for j, v := range s.rows(i) {
			if j%s.width < 3 {
				x2 += float64(v) * float64(v)
			} else {
				h2 += float64(v) * float64(v)
				hn++
			}
		}
	}
	if math.Abs(nine/n-0.75) > 4*math.Sqrt(0.75*0.25/n) {
		t.Errorf("share of molecules with 9 atoms: %g, want 0.75", nine/n)
	}
	if v := x2 / xn; math.Abs(v-1) > 4*math.Sqrt(2/xn) {
		t.Errorf("variance of the positions on the subspace: %g", v)
	}
	if v := h2 / hn; math.Abs(v-1) > 4*math.Sqrt(2/hn) {
		t.Errorf("variance of the features: %g", v)
	}
}

func TestRunStops(t *testing.T) {
	m := network(t, "dit")
	s, err := of(m, Options{sizes: []int{4}, Steps: 30})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = s.Run(ctx, func(done int) error {
		if done == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || s.StepsDone() != 3 {
		t.Errorf("cancelled at step 3: error %v after %d steps", err, s.StepsDone())
	}
	stop := errors.New("stop")
	if err := s.Run(context.Background(), func(int) error { return stop }); err != stop ||
		s.StepsDone() != 4 {
		t.Errorf("callback's error: got %v after %d steps", err, s.StepsDone())
	}
	s.z[0] = float32(math.NaN())
	if err := s.Step(); err == nil ||
		!strings.Contains(err.Error(), "not finite after step 5 of 31, at t = ") {
		t.Errorf("NaN in the run: error %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	m := network(t, "dit")
	bare := *m
	bare.Meta = encoding.Meta{}
	sizeless := *m
	sizeless.Meta.Histogram = nil
	for want, c := range map[string]struct {
		m *model.Model
		o Options
	}{
		"steps -1":                               {m, Options{Atoms: 3, Steps: -1}},
		"steps 1001":                             {m, Options{sizes: []int{3}, Steps: 1001}},
		"n -1":                                   {m, Options{N: -1, Atoms: 3}},
		"atoms -1":                               {m, Options{Atoms: -1}},
		"atoms 1025":                             {m, Options{Atoms: 1025}},
		"65536 atoms":                            {m, Options{N: 70, Atoms: 1000}},
		"first -1":                               {m, Options{Atoms: 3, First: -1}},
		"first 2147483647: want 0 to 2147483548": {m, Options{N: 100, First: math.MaxInt32}},
		"first 2147483648: want 0 to 2147483647": {m, Options{First: 1 << 31}},
		"first 2147483647: want 0 to 2147483646": {m, Options{
			First: math.MaxInt32, From: make([]*molecule.Molecule, 2),
		}},
		"elements":  {&bare, Options{Atoms: 3}},
		"histogram": {&sizeless, Options{}},
	} {
		if _, err := of(c.m, c.o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func TestMoleculeIsWhatFrameShows(t *testing.T) {
	s := run(t, network(t, "symdiff"), Options{Seed: 5, sizes: []int{7, 8}, Steps: 5})
	mol := s.Molecule(1)
	if len(mol.Elements) != 8 || len(mol.Positions) != 8 {
		t.Fatalf("%d elements and %d positions for 8 atoms", len(mol.Elements), len(mol.Positions))
	}
	x, types := make([]float32, 24), make([]float32, 40)
	s.Frame(1, x, types)
	for a := range 8 {
		best := 0
		for k := range 5 {
			if types[5*a+k] > types[5*a+best] {
				best = k
			}
		}
		if got, want := mol.Elements[a].Symbol(), []string{"H", "C", "N", "O", "F"}[best]; got != want {
			t.Errorf("atom %d is %s, its largest channel %s", a, got, want)
		}
		for k := range 3 {
			if float32(mol.Positions[a][k]) != x[3*a+k] {
				t.Errorf("atom %d: position %v, frame %v", a, mol.Positions[a], x[3*a:3*a+3])
			}
		}
	}
}

func TestResultCarriesItsArguments(t *testing.T) {
	s := run(t, network(t, "symdiff"), Options{Seed: 5, First: 40, sizes: []int{7, 8}, Steps: 6})
	m := s.Result(1, molecule.Property{Key: "model", Value: "0123456789abcdef"})
	got := ""
	for _, p := range m.Properties {
		got += p.Key + "=" + p.Value + " "
	}
	want := "seed=5 index=41 steps=6 method=dpm++2m-sde t_start=1000 model=0123456789abcdef formula=" +
		m.Formula() + " stable=" + strconv.FormatBool(m.Stable())
	if !strings.HasPrefix(got, want) {
		t.Errorf("properties %s, want %s...", got, want)
	}
}

// shipped is the shipped model.
func shipped(tb testing.TB) *model.Model {
	tb.Helper()
	f, err := safetensors.Parse(weights.QM9WebName, weights.QM9Web())
	if err != nil {
		tb.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// What comes before the first step of each molecule of a page.
func BenchmarkNew(b *testing.B) {
	m := shipped(b)
	for b.Loop() {
		if _, err := of(m, Options{N: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// One network evaluation of the shipped model for one molecule and for eight, of 18
// atoms.
func BenchmarkStep(b *testing.B) {
	m := shipped(b)
	for _, n := range []int{1, 8} {
		b.Run("batch="+strconv.Itoa(n), func(b *testing.B) {
			atoms := make([]int, n)
			for i := range atoms {
				atoms[i] = 18
			}
			s, err := of(m, Options{sizes: atoms, Steps: 600})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if s.Done() {
					s.done = 0
				}
				if err := s.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "mol·step/s")
		})
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, method := range Methods() {
		s, err := of(network(t, "symdiff"), Options{sizes: []int{4, 7}, Steps: 100, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(20, func() {
			if err := s.Step(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %g allocations per step", method, n)
		}
	}
}

// On Gaussian data the predicted data are alpha·std²/v·z.
func TestPredicted(t *testing.T) {
	const std = 0.5
	s := exact(t, Options{Seed: 1, sizes: []int{3, 5}, Steps: 10}, std)
	var z []float32
	at := 0
	for s.StepsDone() < 6 {
		z, at = append(z[:0], s.rows(1)...), s.times[s.StepsDone()]
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	x, types := make([]float32, 15), make([]float32, 25)
	s.Predicted(1, x, types)
	factor := s.sched.Alpha(at) * std * std / variance(s.sched, at, std)
	for a := range 5 {
		for k := range 3 {
			if want := factor * float64(z[a*s.width+k]); math.Abs(float64(x[3*a+k])-want) > 1e-4 {
				t.Fatalf("atom %d: predicted %g, want %g", a, x[3*a+k], want)
			}
		}
		for k := range 5 {
			if want := 4 * factor * float64(z[a*s.width+3+k]); math.Abs(
				float64(types[5*a+k])-want,
			) > 1e-3 {
				t.Fatalf("atom %d: predicted type %g, want %g", a, types[5*a+k], want)
			}
		}
	}
}

// The largest molecules of GEOM-Drugs.
func TestLargeMolecule(t *testing.T) {
	s := run(t, network(t, "symdiff"), Options{Seed: 1, sizes: []int{181}, Steps: 2})
	if m := s.Molecule(0); len(m.Elements) != 181 {
		t.Errorf("%d atoms", len(m.Elements))
	}
}
