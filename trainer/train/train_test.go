package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// molecules writes n made-up molecules of 3 to 5 atoms and returns the path.
func molecules(t testing.TB, n int) string {
	t.Helper()
	var b bytes.Buffer
	r := rng.New(11, 0, rng.Initial, 0)
	for i := range n {
		m := &molecule.Molecule{}
		for k := range 3 + i%3 {
			m.Elements = append(m.Elements, []molecule.Element{molecule.C, molecule.H, molecule.O, molecule.N,
				molecule.F}[(i+k)%5])
			m.Positions = append(m.Positions, [3]float64{1.2*float64(k) + 0.05*r.Norm(), 0.05 * r.Norm(), 0.05 * r.Norm()})
		}
		if err := molecule.WriteXYZ(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "made-up.xyz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// small are the options of a network that trains in a second.
func small(t testing.TB) Options {
	o := Defaults()
	o.Data, o.Out, o.Steps = []string{molecules(t, 60)}, filepath.Join(t.TempDir(), "run"), 6
	c := &o.Config
	c.Hidden, c.Depth, c.Heads, c.XHHidden, c.K, c.EncHidden, c.EncDepth, c.EncHeads, c.DecHidden = 32, 2, 2,
		16, 8, 16, 1, 2, 8
	o.BatchAtoms, o.Warmup, o.Threads, o.LogEvery, o.ValEvery = 40, 2, 2, 1, 0
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	return o
}

// choose sets the variant, an EGNN as small as the other network.
func choose(t testing.TB, o *Options, variant string) {
	t.Helper()
	o.EGNN = egnn.Config{Hidden: 4, Layers: 1, InvSublayers: 1, NormFactor: 1}
	if err := errors.Join(o.SetVariant(variant), o.Validate()); err != nil {
		t.Fatal(err)
	}
}

func batcher(t testing.TB, o Options, augment bool) *Batcher {
	t.Helper()
	set, err := dataset.Load(o.Data, o.elements(), 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBatcher(set, o.Config, o.Meta(), augment)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestValidateNamesTheFlag(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"--data":            func(o *Options) { o.Data = nil },
		"--out":             func(o *Options) { o.Out = "" },
		"--steps":           func(o *Options) { o.Steps = 0 },
		"batch-atoms":       func(o *Options) { o.BatchAtoms = 0 },
		"--lr":              func(o *Options) { o.LR = math.NaN() },
		"ema":               func(o *Options) { o.EMA = 1 },
		"clip":              func(o *Options) { o.Clip = -1 },
		"log-every":         func(o *Options) { o.LogEvery = 0 },
		"num_heads":         func(o *Options) { o.Config.Heads = 5 },
		"kind":              func(o *Options) { o.Config.Variant = "x" },
		"elements":          func(o *Options) { o.Elements = []string{"H", "Qq"} },
		"schedule":          func(o *Options) { o.Schedule = "x" },
		"tf32: needs":       func(o *Options) { o.TF32 = true },
		"tf32: not":         func(o *Options) { o.TF32, o.BF16, o.Device = true, true, "cuda" },
		"schedule: learned": func(o *Options) { o.Schedule = "learned" },
		"fix_qr":            func(o *Options) { o.Config.FixQR = false },
		"gamma_order":       func(o *Options) { o.Config.GammaOrder = model.GammaReleased },
		"pad_to":            func(o *Options) { o.Config.PadTo = 29 },
		"sample-molecules":  func(o *Options) { o.SampleMolecules = 5 },
	} {
		o := small(t)
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}

// Each molecule's time is uniform on {0..T}, stratified or not, and stratified times are spread.
func TestTimesAreUniform(t *testing.T) {
	o := small(t)
	o.Timesteps = 9 // ten values
	b := batcher(t, o, false)
	for _, stratified := range []bool{true, false} {
		const steps, n = 4000, 4
		var count [n][10]int
		for step := range steps {
			times := b.Times(n, 1, step, stratified, 1)
			var halves [2]int
			for i, v := range times {
				count[i][v]++
				halves[v/5]++
			}
			if stratified && (halves[0] != 2 || halves[1] != 2) {
				t.Fatalf("stratified times %v", times)
			}
		}
		for i := range n {
			for v, c := range count[i] {
				if math.Abs(float64(c)-steps/10) > 6*math.Sqrt(steps/10) {
					t.Errorf("stratified %v: molecule %d has t = %d %d times of %d", stratified, i, v, c, steps)
				}
			}
		}
	}
}

// With power 2 the share of molecules with t <= T/4 is a half.
func TestTimePower(t *testing.T) {
	b := batcher(t, small(t), false)
	const n, T = 4000, 1000
	low := 0
	for _, v := range b.Times(n, 1, 0, false, 2) {
		if v <= T/4 {
			low++
		}
	}
	if math.Abs(float64(low)-n/2) > 5*math.Sqrt(n/4) {
		t.Errorf("%d of %d molecules have t <= T/4", low, n)
	}
}

// The weights of the bound, weighed with the probability of their times, are T+1 times the terms'
// own weights: the estimate does not depend on how times are drawn.
func TestBoundWeights(t *testing.T) {
	b := batcher(t, small(t), false)
	const T = 1000
	times := make([]int, T+1)
	for i := range times {
		times[i] = i
	}
	for _, power := range []float64{0, 1, 2} {
		sum := 0.0
		for i, w := range b.boundWeights(times, power) {
			want := 1.0
			if i > 0 {
				snr := func(t int) float64 { return math.Exp(-b.sched.NegLogSNR(t)) }
				want = snr(i-1)/snr(i) - 1
			}
			p := timeShare(i, T, power)
			sum += p
			if !(math.Abs(w*p-want) <= 1e-9*math.Max(1, want)) {
				t.Fatalf("power %g, t = %d: weight %g of probability %g, want %g in all", power, i, w, p, want)
			}
		}
		if !(math.Abs(sum-1) <= 1e-9) {
			t.Errorf("power %g: probabilities sum to %g", power, sum)
		}
	}
}

// The probability of a time is the share of the molecules that Times gives it.
func TestTimeShare(t *testing.T) {
	o := small(t)
	o.Timesteps = 9
	b := batcher(t, o, false)
	const n = 100_000
	for _, power := range []float64{0, 0.5, 1, 2} {
		var count [10]float64
		for _, time := range b.Times(n, 1, 0, true, power) {
			count[time]++
		}
		for time, c := range count {
			if p := timeShare(time, 9, power); !(math.Abs(c/n-p) <= 2./n) {
				t.Errorf("power %g: t = %d has the share %g, want %g", power, time, c/n, p)
			}
		}
	}
}

// z = alpha·[x, h] + sigma·eps, everything on the scale of the model, x and eps_x with zero mean,
// R0 orthogonal.
func TestBatch(t *testing.T) {
	o := small(t)
	b := batcher(t, o, false)
	indices := b.set.Batches(40)[1]
	times := make([]int, len(indices))
	for i := range times {
		times[i] = []int{0, 1, 500, 1000}[i%4]
	}
	got := b.Make(indices, times, nil, 5, 3)
	n, f := got.N, o.Config.Features
	for i, index := range indices {
		alpha, sigma := b.sched.Alpha(times[i]), b.sched.Sigma(times[i])
		var meanX, meanEps [3]float64
		for j := range n {
			at := i*n + j
			typ := int(b.set.Types(index)[j])
			for k := range 3 {
				eps := float64(got.Eps[at*(3+f)+k])
				want := alpha*float64(b.set.Positions(index)[3*j+k]) + sigma*eps
				if math.Abs(float64(got.X[3*at+k])-want) > 1e-5 {
					t.Fatalf("x of molecule %d is %g, want %g", i, got.X[3*at+k], want)
				}
				meanX[k] += float64(got.X[3*at+k])
				meanEps[k] += eps
			}
			for k := range f {
				clean := 0.0
				if k == typ {
					clean = 0.25
				}
				if k == f-1 {
					clean = []float64{1, 6, 7, 8, 9}[typ] / 10
				}
				want := alpha*clean + sigma*float64(got.Eps[at*(3+f)+3+k])
				if math.Abs(float64(got.H[f*at+k])-want) > 1e-5 {
					t.Fatalf("h[%d] of molecule %d is %g, want %g", k, i, got.H[f*at+k], want)
				}
			}
		}
		for k := range 3 {
			if math.Abs(meanX[k]) > 1e-4 || math.Abs(meanEps[k]) > 1e-4 {
				t.Errorf("molecule %d: sums %v of x, %v of eps", i, meanX, meanEps)
			}
		}
		if want := float64(times[i]) / 1000; math.Abs(float64(got.T[i])-want) > 1e-6 {
			t.Errorf("T = %g, want %g", got.T[i], want)
		}
		for r := range 3 {
			for c := range 3 {
				d := 0.0
				for k := range 3 {
					d += float64(got.R0[9*i+3*r+k]) * float64(got.R0[9*i+3*c+k])
				}
				want := 0.0
				if r == c {
					want = 1
				}
				if math.Abs(d-want) > 1e-5 {
					t.Errorf("R0 of molecule %d is not orthogonal", i)
				}
			}
		}
		// at t = 0 the loss is on x only
		for k := range 3 + f {
			want := float32(1)
			if times[i] == 0 && k >= 3 {
				want = 0
			}
			if got.Mask[i*(3+f)+k] != want {
				t.Errorf("mask[%d] at t = %d is %g", k, times[i], got.Mask[i*(3+f)+k])
			}
		}
	}
	if m := b.Make(indices[:1], []int{1}, nil, 5, 3); m.Mask != nil || m.LogPH != nil {
		t.Error("a mask without t = 0")
	}
}

// What a molecule draws depends on seed, step and place only, not on the rest of the batch.
func TestNoiseDoesNotDependOnTheBatch(t *testing.T) {
	o := small(t)
	b := batcher(t, o, true)
	indices := b.set.Batches(40)[0]
	times := make([]int, len(indices))
	for i := range times {
		times[i] = 50 * i
	}
	all := b.Make(indices, times, nil, 1, 2)
	part := b.Make(indices[2:4], times[2:4], []int{2, 3}, 1, 2)
	size := all.N * 3
	for i, v := range part.X {
		if all.X[2*size+i] != v {
			t.Fatal("x differs")
		}
	}
	for i, v := range part.Eta {
		if all.Eta[2*all.N*o.Config.NoiseDims+i] != v {
			t.Fatal("eta differs")
		}
	}
	if other := b.Make(indices[2:4], times[2:4], []int{2, 3}, 1, 3); other.Eps[0] == part.Eps[0] ||
		other.R0[0] == part.R0[0] || other.Eta[0] == part.Eta[0] {
		t.Error("another step draws the same")
	}
}

// A batch that is made in parts, of which some are empty, is the batch.
func TestJoin(t *testing.T) {
	o := small(t)
	o.Condition, o.Fragments = []string{Types}, 0.5
	b := batcher(t, o, true)
	indices := b.set.Batches(60)[0]
	if len(indices) < 4 {
		t.Fatal("too few molecules")
	}
	for _, first := range []int{0, 1} { // with and without a mask
		times := make([]int, len(indices))
		for i := range times {
			times[i] = first + 50*i
		}
		want := b.Make(indices, times, nil, 1, 2)
		var parts []*Batch
		for i := range indices {
			parts = append(parts, b.Make(indices[i:i+1], times[i:i+1], []int{i}, 1, 2), nil)
		}
		if got := join(parts); !reflect.DeepEqual(got, want) {
			t.Errorf("from t = %d: %+v, want %+v", first, got, want)
		}
	}
}

// With augmentation distances stay and positions do not.
func TestAugment(t *testing.T) {
	o := small(t)
	plain, rotated := batcher(t, o, false), batcher(t, o, true)
	indices := plain.set.Batches(40)[0][:1]
	a, b := plain.Make(indices, []int{0}, nil, 1, 2), rotated.Make(indices, []int{0}, nil, 1, 2)
	distance := func(x, eps []float32) float64 { // of atoms 0 and 1, without the noise
		d := 0.0
		for k := range 3 {
			s := plain.sched.Sigma(0)
			d += math.Pow(float64(x[k])-s*float64(eps[k])-float64(x[3+k])+s*float64(eps[3+o.Config.Features+k]), 2)
		}
		return math.Sqrt(d)
	}
	if math.Abs(distance(a.X, a.Eps)-distance(b.X, b.Eps)) > 1e-4 {
		t.Errorf("distance %g, rotated %g", distance(a.X, a.Eps), distance(b.X, b.Eps))
	}
	if math.Abs(float64(a.X[0]-b.X[0])) < 1e-3 {
		t.Error("nothing was rotated")
	}
}

// The context is ((v-mean)/mad, 1), or (0, 0) where a value is unknown; a share of the molecules
// gets none at all, whatever the batch.
func TestContext(t *testing.T) {
	for _, variant := range []string{"symdiff", "egnn"} {
		o := small(t)
		o.Condition = []string{"gap", "mu"}
		choose(t, &o, variant)
		b := batcher(t, o, false)
		b.meta.Context = []encoding.Quantity{{Name: "gap", Mean: 1, MAD: 2}, {Name: "mu", Mean: -1, MAD: 4}}
		gap, mu := make([]float32, b.set.Len()), make([]float32, b.set.Len())
		for i := range gap {
			gap[i], mu[i] = float32(i), float32(math.NaN())
		}
		const dropout, steps = 0.25, 400
		b.Condition([][]float32{gap, mu}, dropout)
		indices := b.set.Batches(40)[0]
		kept, n := 0, 0
		for step := range steps {
			batch := b.Make(indices, make([]int, len(indices)), nil, 1, step)
			for i, index := range indices {
				got := batch.Context[4*i : 4*i+4]
				n++
				if got[1] == 0 && got[0] == 0 {
					kept++
				} else if want := []float32{(float32(index) - 1) / 2, 1, 0, 0}; !slices.Equal(got, want) {
					t.Fatalf("%s: molecule %d has the context %v, want %v", variant, index, got, want)
				}
			}
		}
		if share := float64(kept) / float64(n); math.Abs(share-dropout) > 4*math.Sqrt(dropout*(1-dropout)/float64(n)) {
			t.Errorf("%s: %.3f of the molecules are without a value, want %.3f", variant, share, dropout)
		}
	}
}

// Properties are kept back together, the types independently of them: guidance wants each without the
// other.
func TestTypesAreKeptBackApart(t *testing.T) {
	o := small(t)
	o.Condition = []string{"gap", "mu", Types}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	b := batcher(t, o, false)
	b.meta.Context = []encoding.Quantity{{Name: "gap", MAD: 1}, {Name: "mu", MAD: 1}, {Name: encoding.TypesName, MAD: 1}}
	values := make([]float32, b.set.Len())
	const dropout = 0.3
	b.Condition([][]float32{values, values, values}, dropout)
	count, n := map[[2]bool]float64{}, 0.0
	indices := b.set.Batches(40)[0]
	for step := range 1000 {
		batch := b.Make(indices, make([]int, len(indices)), nil, 1, step)
		for i := range indices {
			got := batch.Context[6*i : 6*i+6]
			if got[1] != got[3] {
				t.Fatalf("one property of two is kept back: %v", got)
			}
			count[[2]bool{got[1] == 1, got[5] == 1}]++
			n++
		}
	}
	for given, c := range count {
		want := 1.0
		for _, is := range given {
			if is {
				want *= 1 - dropout
			} else {
				want *= dropout
			}
		}
		if math.Abs(c/n-want) > 4*math.Sqrt(want*(1-want)/n) {
			t.Errorf("properties and types given %v: a share of %.3f, want %.3f", given, c/n, want)
		}
	}
	if len(count) != 4 {
		t.Errorf("%d of 4 cases", len(count))
	}
}

// Given types are without noise and without loss; where they are kept back all is as without the
// condition.
func TestTypesContext(t *testing.T) {
	o := small(t)
	plain := batcher(t, o, false)
	o.Condition = []string{Types}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	b := batcher(t, o, false)
	q, err := quantity(Types, make([]float32, b.set.Len()))
	if want := (encoding.Quantity{Name: encoding.TypesName, MAD: 1}); err != nil || q != want {
		t.Fatalf("%+v, %v", q, err)
	}
	b.meta.Context = []encoding.Quantity{q}
	const dropout = 0.4
	b.Condition([][]float32{make([]float32, b.set.Len())}, dropout)
	typed, n := 0, 0
	for step := range 200 {
		indices := b.set.Batches(40)[step%2]
		times := b.Times(len(indices), 1, step, true, 2)
		times[0] = 0
		batch, noised := b.Make(indices, times, nil, 1, step), plain.Make(indices, times, nil, 1, step)
		w := len(batch.Eps) / (batch.B * batch.N)
		f := w - 3
		if !slices.Equal(batch.X, noised.X) {
			t.Fatal("positions depend on the condition")
		}
		for i, index := range indices {
			n++
			h, wasH := batch.H[i*batch.N*f:(i+1)*batch.N*f], noised.H[i*batch.N*f:(i+1)*batch.N*f]
			if batch.Context[2*i] != 0 {
				t.Fatalf("context %v", batch.Context)
			}
			if batch.Context[2*i+1] == 0 {
				if !slices.Equal(h, wasH) || batch.coordinates(i) != noised.coordinates(i) || times[i] == 0 &&
					batch.LogPH[i] != noised.LogPH[i] {
					t.Fatalf("a molecule at t = %d without its types: features %v of %v, %d coordinates", times[i], h,
						wasH, batch.coordinates(i))
				}
				continue
			}
			typed++
			for a, typ := range b.set.Types(index) {
				want := make([]float32, f)
				b.features(want, typ)
				if !slices.Equal(h[a*f:(a+1)*f], want) {
					t.Fatalf("atom %d has the features %v, want %v", a, h[a*f:(a+1)*f], want)
				}
			}
			mask := batch.Mask[i*w : (i+1)*w]
			if slices.Min(mask[:3]) != 1 || slices.Max(mask[3:]) != 0 || batch.coordinates(i) != 3*batch.N ||
				batch.LogPH != nil && batch.LogPH[i] != 0 {
				t.Fatalf("mask %v, %d coordinates, log p(h|z_0) %v", mask, batch.coordinates(i), batch.LogPH)
			}
		}
	}
	if share := float64(typed) / float64(n); math.Abs(share-1+dropout) > 4*math.Sqrt(dropout*(1-dropout)/float64(n)) {
		t.Errorf("%.3f of the molecules have their types, want %.3f", share, 1-dropout)
	}
	if got := b.set.Compositions(); len(got) == 0 {
		t.Error("no compositions")
	} else {
		sum := 0
		for _, c := range got {
			sum += c.Molecules
		}
		if sum != b.set.Len() {
			t.Errorf("%v of %d molecules", got, b.set.Len())
		}
	}
}

// Of a fragment that is not the whole molecule, the hydrogens are left out every second time.
func TestFragmentsWithoutHydrogens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "methane.xyz")
	if err := os.WriteFile(path, []byte("5\n\nC 0 0 0\nH 1 0 0\nH 0 1 0\nH 0 0 1\nH -1 0 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	o := small(t)
	o.Data = []string{path}
	b := batcher(t, o, false)
	b.Fragments(1)
	bare, n := 0.0, 2000.0
	for step := range int(n) {
		if !slices.ContainsFunc(b.part(0, 1, 0, step), func(atom int) bool { return atom > 0 }) {
			bare++
		}
	}
	// whole: ¼; else without hydrogens: ½; else the carbon alone, or all five atoms, which are no fragment
	want := 0.25 + 0.75*(0.5+0.5*(0.2*0.2+0.2))
	if math.Abs(bare/n-want) > 4*math.Sqrt(want*(1-want)/n) {
		t.Errorf("a share of %.3f without hydrogens, want %.3f", bare/n, want)
	}
}

// The atoms of a part keep their places, move together, and are marked; nothing else depends on it.
func TestFragments(t *testing.T) {
	o := small(t)
	o.Condition, o.Fragments = []string{Types}, 0.6
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	whole := batcher(t, o, false)
	q, err := quantity(Types, make([]float32, whole.set.Len()))
	if err != nil {
		t.Fatal(err)
	}
	const dropout, steps = 0.3, 300
	b := batcher(t, o, false)
	for _, b := range []*Batcher{whole, b} {
		b.meta.Context = []encoding.Quantity{q}
		b.Condition([][]float32{make([]float32, b.set.Len())}, dropout)
	}
	b.Fragments(o.Fragments)
	typed, parted, bare, heavy, sizes := 0, 0, 0, 0, map[int]bool{}
	for step := range steps {
		batches := b.set.Batches(40)
		indices := batches[step%len(batches)]
		times := b.Times(len(indices), 1, step, true, 2)
		batch, plain := b.Make(indices, times, nil, 1, step), whole.Make(indices, times, nil, 1, step)
		w := len(batch.Eps) / (batch.B * batch.N)
		f := w - 3
		if !slices.Equal(batch.Context, plain.Context) || !slices.Equal(batch.Mask, plain.Mask) ||
			!slices.Equal(batch.R0, plain.R0) {
			t.Fatal("context, mask or R0 depend on the fragments")
		}
		for i, index := range indices {
			types := b.set.Types(index)
			eps, was := batch.Eps[i*batch.N*w:(i+1)*batch.N*w], plain.Eps[i*batch.N*w:(i+1)*batch.N*w]
			x, wasX := batch.X[i*batch.N*3:(i+1)*batch.N*3], plain.X[i*batch.N*3:(i+1)*batch.N*3]
			var part []int
			hydrogens := 0
			for a, typ := range types {
				h := batch.H[(i*batch.N+a)*f : (i*batch.N+a+1)*f]
				if b.set.Elements[typ] == 1 {
					hydrogens++
				}
				switch want := plain.H[(i*batch.N+a)*f : (i*batch.N+a+1)*f]; {
				case h[typ] == 2*want[typ] && h[f-1] == 2*want[f-1] && batch.Context[2*i+1] == 1:
					part = append(part, a)
				case !slices.Equal(h, want):
					t.Fatalf("features %v of %v", h, want)
				case !slices.Equal(eps[a*w:(a+1)*w], was[a*w:(a+1)*w]) || !slices.Equal(x[3*a:3*a+3], wasX[3*a:3*a+3]):
					t.Fatal("an atom beside the part is noised otherwise")
				}
			}
			if batch.Context[2*i+1] == 1 {
				typed++
			}
			if len(part) == 0 {
				continue
			}
			if parted++; len(part) == batch.N {
				t.Fatal("nothing is left to be made")
			}
			sizes[len(part)] = true
			left := slices.ContainsFunc(part, func(a int) bool { return b.set.Elements[types[a]] == 1 })
			if !left {
				bare++
				if len(part) == batch.N-hydrogens {
					heavy++
				}
			}
			alpha, sum, wasSum := float32(b.sched.Alpha(times[i])), 0.0, 0.0
			clean := b.set.Positions(index)
			for k := range 3 {
				for _, a := range part {
					got, want := float64(x[3*a+k]-x[3*part[0]+k]), float64(alpha*(clean[3*a+k]-clean[3*part[0]+k]))
					if math.Abs(got-want) > 1e-5 || eps[a*w+k] != eps[part[0]*w+k] {
						t.Fatalf("atom %d of a part is %g from the first, want %g; noise %g and %g", a, got, want, eps[a*w+k],
							eps[part[0]*w+k])
					}
					sum, wasSum = sum+float64(eps[a*w+k]), wasSum+float64(was[a*w+k])
				}
			}
			if math.Abs(sum-wasSum) > 1e-4 {
				t.Fatalf("the noise of a part sums to %g, want %g", sum, wasSum)
			}
		}
	}
	// some parts would be nothing, or all
	if share := float64(parted) / float64(typed); share < o.Fragments-0.2 || share > o.Fragments {
		t.Errorf("of %.3f of the molecules with types a part is given, want at most %g", share, o.Fragments)
	}
	// small molecules
	if len(sizes) < 4 || bare < parted/4 || heavy < parted/8 || bare > parted*9/10 {
		t.Errorf("%d parts of %d sizes, %d without hydrogens, %d all but hydrogens", parted, len(sizes), bare, heavy)
	}
	o.Condition = nil
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "fragments: needs condition types") {
		t.Errorf("without types: %v", err)
	}
	o.Condition, o.Fragments = []string{Types}, 1.5
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "fragments: want a value in [0, 1]") {
		t.Errorf("more than all: %v", err)
	}
}

// log p(h|z_0) is near 0 at the truth; between two types it is near -log 2; a charge off by one
// half near -log 2 as well.
func TestLogPH(t *testing.T) {
	o := small(t)
	b := batcher(t, o, false)
	h := make([]float32, 6)
	b.features(h, 1)
	if got := b.logPH([]uint8{1}, h); math.Abs(got) > 1e-8 {
		t.Errorf("at the truth %g", got)
	}
	between := append([]float32{}, h...)
	// ½ on the scale of the data: both at the edge of their window
	between[0], between[1] = 0.125, 0.125
	if got := b.logPH([]uint8{1}, between); math.Abs(got+math.Ln2) > 1e-6 {
		t.Errorf("between two types %g, want %g", got, -math.Ln2)
	}
	half := append([]float32{}, h...)
	half[5] = 0.65
	if got := b.logPH([]uint8{1}, half); math.Abs(got+math.Ln2) > 1e-4 {
		t.Errorf("charge 6.5 for 6: %g, want %g", got, -math.Ln2)
	}
	wrong := append([]float32{}, h...)
	wrong[5] = 0.7
	if got := b.logPH([]uint8{1}, wrong); math.Abs(got-math.Log(1e-10)) > 1e-3 {
		t.Errorf("charge 7 for 6: %g, want %g", got, math.Log(1e-10))
	}
}

func TestRates(t *testing.T) {
	o := Defaults()
	o.LR, o.MinLR, o.Warmup, o.Steps, o.EMA = 1, 0.1, 10, 100, 0.99
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %g, want %g", name, got, want)
		}
	}
	near("rate at step 5", o.rate(5, 0), 0.5)
	near("rate in the middle", o.rate(50, 0.5), 0.55)
	near("rate at the end", o.rate(100, 1), 0.1)
	near("EMA at step 1", o.emaDecay(1), 2./11)
	near("EMA late", o.emaDecay(100000), 0.99)
	near("progress by steps", o.progress(25, 0, time.Hour), 0.25)
	o.MaxTime = Duration(2 * time.Hour)
	near("progress by time", o.progress(25, 0, time.Hour), 0.5)
	o.Epochs = 4
	near("progress by epochs", o.progress(25, 3, time.Hour), 0.75)
	near("progress at most", o.progress(1000, 3, time.Hour), 1)
}

// makeCheckpoint is one with distinct values in every buffer.
func makeCheckpoint(t testing.TB, variant ...string) *Checkpoint {
	o := small(t)
	for _, name := range variant {
		choose(t, &o, name)
	}
	c := &Checkpoint{Meta: o.Meta(), Options: o, Buffers: map[string][]float32{},
		Progress: Progress{Step: 7, Epoch: 1, Position: 3, Epochs: 1.25, Seconds: 12.5},
		Provenance: Provenance{Command: "symdiff train", Seed: 3,
			Data: []dataset.Source{{File: "/home/ada/a.xyz", SHA256: "00", Molecules: 60}}, ValLoss: 0.25},
	}
	c.Meta.Histogram = map[int]int{3: 20, 4: 20, 5: 20}
	for k, name := range []string{bufParam, bufEMA, bufM, bufV} {
		n := 0
		for _, p := range o.Parameters() {
			n += p.Size()
		}
		flat := make([]float32, n)
		for i := range flat {
			flat[i] = float32(k+1) + float32(i)/1e6
		}
		c.Buffers[name] = flat
	}
	return c
}

func TestCheckpointRoundTrip(t *testing.T) {
	c := makeCheckpoint(t)
	path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCheckpoint(filepath.Dir(path)) // a run's folder does as well
	if err != nil {
		t.Fatal(err)
	}
	if !got.Options.sameNetwork(&c.Options) || !reflect.DeepEqual(got.Progress, c.Progress) ||
		got.Provenance.ValLoss != 0.25 || got.Meta.Histogram[4] != 20 || got.Options.LR != c.Options.LR {
		t.Errorf("read %+v", got)
	}
	for name, flat := range c.Buffers {
		for i, v := range flat {
			if got.Buffers[name][i] != v {
				t.Fatalf("%s[%d] = %g, want %g", name, i, got.Buffers[name][i], v)
			}
		}
	}
	// the one before is kept
	c.Progress.Step = 8
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	for p, step := range map[string]int{path: 8, olderCheckpoint(path, 1): 7} {
		if got, err := ReadCheckpoint(p); err != nil || got.Progress.Step != step {
			t.Errorf("%s: %v, %v", p, got, err)
		}
	}
}

func TestReadCheckpointErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadCheckpoint(filepath.Join(dir, "none.safetensors")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	c := makeCheckpoint(t)
	path := filepath.Join(dir, "weights.safetensors")
	if err := safetensors.WriteFile(path, nil, model.Metadata(c.Options.Config, c.Meta)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCheckpoint(path); err == nil || !strings.Contains(err.Error(), "not a checkpoint") {
		t.Errorf("a model file: %v", err)
	}
	delete(c.Buffers, bufM)
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCheckpoint(path); err == nil || !strings.Contains(err.Error(), bufM+"/") {
		t.Errorf("a buffer missing: %v", err)
	}
}

// The averaged weights become a model file of any type, with all that a sampler and a reader need.
func TestModel(t *testing.T) {
	c := makeCheckpoint(t)
	out := filepath.Join(t.TempDir(), "w.safetensors")
	for _, dtype := range []safetensors.DType{"F32", "F16", "I8"} {
		tensors, md := c.Model()
		SetDType(tensors, dtype)
		if err := safetensors.WriteFile(out, tensors, md); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		if m.Config != c.Options.Config || m.Meta.Histogram[5] != 20 || m.Meta.Schedule.Timesteps != 1000 {
			t.Errorf("%s: %+v %+v", dtype, m.Config, m.Meta)
		}
		var p Provenance
		if err := json.Unmarshal(m.Meta.Training, &p); err != nil || p.Command != "symdiff train" ||
			p.Data[0].SHA256 != "00" || p.Data[0].File != "a.xyz" {
			t.Errorf("%s: provenance %s, %v", dtype, m.Meta.Training, err)
		}
		at, types := 0, map[safetensors.DType]int{}
		for _, q := range c.Options.Parameters() {
			v, err := f.Float32(q.Name, q.Shape...)
			if err != nil {
				t.Fatal(err)
			}
			// The matrices, but for the embedders and the last layer.
			want := dtype
			if dtype == "I8" && (len(q.Shape) != 2 || q.Shape[0] == 1 || q.Shape[1] < 32 || strings.Contains(q.Name,
				"embedder") || strings.Contains(q.Name, "final_layer")) {
				want = "F16"
			}
			types[want]++
			info, _ := f.Info(q.Name)
			for i := range v {
				// An error of at most half a step: 2^-11 of a value near 2 as F16, 1/254 of it as
				// I8.
				if average := 2 + float64(at+i)/1e6; math.Abs(float64(v[i])-average) > 1e-2 || info.DType != want {
					t.Fatalf("%s: %s[%d] = %g as %s, want the average's %g as %s", dtype, q.Name, i, v[i], info.DType, average, want)
				}
			}
			at += q.Size()
		}
		if dtype == "I8" && (types["I8"] < 10 || types["F16"] < 10) {
			t.Errorf("tensors by type: %v", types)
		}
	}
}

func TestDurationText(t *testing.T) {
	b, err := json.Marshal(Duration(90 * time.Minute))
	if err != nil || string(b) != strconv.Quote("1h30m0s") {
		t.Errorf("%s, %v", b, err)
	}
	var d Duration
	if err := json.Unmarshal(b, &d); err != nil || time.Duration(d) != 90*time.Minute {
		t.Errorf("%v, %v", d, err)
	}
}
