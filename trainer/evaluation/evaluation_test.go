package evaluation

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

const small = "../../core/molecule/testdata/small.xyz"

func list(molecules []*molecule.Molecule) Molecules {
	return func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range molecules {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func read(t *testing.T) (all []*molecule.Molecule) {
	t.Helper()
	for m, err := range molecule.Open(small) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func evaluate(t *testing.T, molecules []*molecule.Molecule, o Options) *Evaluation {
	t.Helper()
	o.Name = "set"
	e, err := Run(context.Background(), list(molecules), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		lo, hi      float64
	}{
		// the last: Newcombe 1998
		{5, 10, 0.2366, 0.7634}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {0, 0, 0, 1}, {81, 263, 0.2553, 0.3662},
	} {
		s := share(c.part, c.whole)
		if math.Abs(s.Interval[0]-c.lo) > 5e-5 || math.Abs(s.Interval[1]-c.hi) > 5e-5 {
			t.Errorf("%d of %d: %.4f, want [%.4f, %.4f]", c.part, c.whole, s.Interval, c.lo, c.hi)
		}
	}
}

// Atoms that are all good or all bad in a molecule tell as much as molecules;
// independent ones are not widened.
func TestGroupedShare(t *testing.T) {
	var together, apart counter
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		together.add(10*(i%2), 10)
	}
	for range 20000 {
		good := 0
		for range 10 {
			good += r.IntN(2)
		}
		apart.add(good, 10)
	}
	if got, want := together.share(), share(50, 100); got.Count != 500 ||
		math.Abs(got.Interval[0]-want.Interval[0]) > 1e-9 {
		t.Errorf("groups of one kind: %+v, want the interval of 50 in 100, %v", got, want.Interval)
	}
	got, want := apart.share(), share(apart.count, apart.of)
	if ratio := (got.Interval[1] - got.Interval[0]) / (want.Interval[1] - want.Interval[0]); ratio < 0.98 || ratio > 1.03 {
		t.Errorf("independent things: interval %v, alone %v", got.Interval, want.Interval)
	}
}

// The bootstrap interval of a mean is the normal one for many values.
func TestSummary(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	values := make([]float64, 2000)
	for i := range values {
		values[i] = 3 + r.NormFloat64()
	}
	s := summarise(values)
	half := 1.96 / math.Sqrt(2000)
	if got := (s.MeanInterval[1] - s.MeanInterval[0]) / 2; math.Abs(got-half) > 0.15*half ||
		s.MeanInterval[0] > 3 || s.MeanInterval[1] < 3 {
		t.Errorf("interval %v of the mean, want 3 ± %.4f", s.MeanInterval, half)
	}
	if math.Abs(s.Quantiles[0]-(3-1.2816)) > 0.1 || s.MedianInterval[0] > s.Median || s.MedianInterval[1] < s.Median {
		t.Errorf("%+v", s)
	}
}

func TestDivergences(t *testing.T) {
	h := func(counts ...float64) *Histogram {
		h := &Histogram{Low: 0, Width: 0.5, Counts: counts}
		for _, c := range counts {
			h.Total += c
		}
		return h
	}
	for _, c := range []struct {
		p, q  *Histogram
		js, w float64
	}{
		{h(1, 2, 3), h(2, 4, 6), 0, 0},
		{h(1, 0, 0), h(0, 0, 5), 1, 1},
		// ½·KL(p|m) + ½·KL(q|m) with p = (½, ½), q = (1, 0), m = (¾, ¼)
		{h(1, 1), h(1, 0), 0.5*(0.5*math.Log2(0.5/0.75)+0.5*math.Log2(0.5/0.25)) + 0.5*math.Log2(1/0.75), 0.25},
	} {
		js, w := jensenShannon(c.p, c.q), wasserstein(c.p, c.q)
		if math.Abs(js-c.js) > 1e-12 {
			t.Errorf("%v %v: Jensen-Shannon %v, want %v", c.p.Counts, c.q.Counts, js, c.js)
		}
		if math.Abs(w-c.w) > 1e-12 || js != jensenShannon(c.q, c.p) {
			t.Errorf("%v %v: Wasserstein %v, want %v; or not symmetric", c.p.Counts, c.q.Counts, w, c.w)
		}
	}
	// The divergence of n draws in K bins is (K-1)/(8·n·ln 2) in the mean, to first order.
	flat := h(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	if js, w := flat.noise(1000); math.Abs(js-9/(8*1000*math.Ln2)) > 0.4*js || w < 0.01 || w > 0.2 {
		t.Errorf("noise of 1000 values in ten bins: %v, %v", js, w)
	}
	var d Histogram = *h(0, 0)
	d.add(-3)
	d.add(0.7)
	d.add(99)
	if !slices.Equal(d.Counts, []float64{1, 2}) || d.Total != 3 {
		t.Errorf("%+v: values outside count in the end bins", d)
	}
}

// Mean and deviation are those of the middles of bins.
func TestSpread(t *testing.T) {
	h := &Histogram{Low: 1, Width: 0.5, Counts: []float64{0, 3, 0, 0, 1}, Total: 4}
	s := h.spread("x") // three values of 1.75, one of 3.25
	if s.Count != 4 || math.Abs(s.Mean-2.125) > 1e-12 || math.Abs(s.Std-math.Sqrt(3)/4*1.5) > 1e-12 || s.Low != 1.5 ||
		s.High != 3.5 {
		t.Errorf("%+v", s)
	}
}

// Kinds of bonds that the reference has too few of are not compared.
func TestRareBondsAreLeftOut(t *testing.T) {
	d := distributions{}
	for name, n := range map[string]int{"C-C": 30_000, "C-N": 200, "C-O": 120, "C#N": 90} {
		for range n {
			d.add("length", name, 1.4)
		}
	}
	var names []string
	for _, x := range divergences(d, d) {
		names = append(names, x.Name)
	}
	if !slices.Equal(names, []string{"C-C", "C-N"}) { // C-O has less than 0.5 % of the bonds
		t.Errorf("compared are %q", names)
	}
}

func TestIntervalOfLikelihood(t *testing.T) {
	var c Comparison
	c.Add("a", []*Evaluation{{Likelihood: &Likelihood{NLL: 10, StandardError: 1}}})
	if r := c.Entries[0].Range["nll"]; math.Abs(r[0]-8.04) > 1e-12 || math.Abs(r[1]-11.96) > 1e-12 {
		t.Errorf("the 95 %% interval of 10 ± 1 is %v", r)
	}
}

func TestNovelty(t *testing.T) {
	all := read(t)
	e := evaluate(t, all, Options{Train: list(all), TrainName: "train"})
	if n := e.Novelty; n.NovelAmongUnique.Count != 0 || n.NovelAmongUnique.Of != e.Counts.Unique ||
		n.TrainMolecules != len(all) || e.Counts.Unique == 0 {
		t.Errorf("the training set itself: %+v, %d unique", n, e.Counts.Unique)
	}
	e = evaluate(t, all, Options{Train: list(all[:2]), TrainName: "train"})
	if n := e.Novelty; n.NovelAmongUnique.Count != e.Counts.Unique-2 || n.ValidUniqueNovel.Of != len(all) ||
		n.ValidUniqueNovel.Count != n.NovelAmongUnique.Count {
		t.Errorf("two of them known: %+v, %d unique", n, e.Counts.Unique)
	}
	// What the rule does not judge is in no share of the valid.
	silane := &molecule.Molecule{Elements: []molecule.Element{14}, Positions: [][3]float64{{}}}
	e = evaluate(t, append(slices.Clone(all), silane), Options{Rule: molecule.QM9Rule, Train: list(all[:2])})
	if n := e.Novelty; n.ValidUniqueNovel.Of != len(all) || e.Counts.NotJudged != 1 {
		t.Errorf("with a molecule that is not judged: %+v", n)
	}
	if rdkit.Available {
		e = evaluate(t, all, Options{Train: list(all[:2]), RDKit: true})
		if n := e.Novelty; n.RDKitNovelAmongUnique.Count != int(e.RDKit.ValidAndUnique.Count)-2 {
			t.Errorf("by RDKit: %+v, %+v", n.RDKitNovelAmongUnique, e.RDKit)
		}
	} else if _, err := Run(context.Background(), list(all), Options{RDKit: true}); !errors.Is(err, rdkit.ErrMissing) {
		t.Errorf("RDKit in a build without: %v", err)
	}
}

// The rule is that of the whole set: one molecule of silane at its end judges all
// others by GEOM's rule, as at its beginning.
func TestRuleDoesNotDependOnTheOrder(t *testing.T) {
	molecules := many(read(t), 1200/len(read(t))+1, 1)
	silane := &molecule.Molecule{Elements: []molecule.Element{14, 1, 1, 1, 1}, Positions: [][3]float64{{},
		{0.85, 0.85, 0.85}, {-0.85, -0.85, 0.85}, {-0.85, 0.85, -0.85}, {0.85, -0.85, -0.85}}}
	options := Options{RDKit: rdkit.Available}
	options.Train = list(read(t))
	last := evaluate(t, append(slices.Clone(molecules), silane), options)
	first := evaluate(t, append([]*molecule.Molecule{silane}, molecules...), options)
	options.Rule = molecule.GEOMRule
	named := evaluate(t, append(slices.Clone(molecules), silane), options)
	if len(molecules) < 2*batchSize || last.Rule != molecule.GEOMRule || first.Report != last.Report ||
		!reflect.DeepEqual(first.Novelty, last.Novelty) || !reflect.DeepEqual(named, last) {
		t.Errorf("%d molecules, then silane: %+v, %+v; silane first: %+v, %+v", len(molecules), last.Report, last.Novelty,
			first.Report, first.Novelty)
	}
	options.Rule = ""
	without := evaluate(t, molecules, options)
	if without.Rule != molecule.QM9Rule {
		t.Errorf("without silane by the rule %s", without.Rule)
	}
	const note = "Valid and unique of drugs are by EDM's rule for GEOM, every bond single"
	for _, c := range []struct {
		runs []*Evaluation
		told bool
	}{{[]*Evaluation{last, first}, false}, {[]*Evaluation{without}, false}, {[]*Evaluation{last, without}, true}} {
		var compared Comparison
		for i, run := range c.runs {
			compared.Add([]string{"drugs", "small"}[i], []*Evaluation{run})
		}
		notes := strings.Join(compared.Document().Sections[0].Notes, "\n")
		if strings.Contains(notes, note) != c.told {
			t.Errorf("a comparison of %d sets: %s", len(c.runs), notes)
		}
	}
}

// many is the molecules over and over, each position scaled.
func many(molecules []*molecule.Molecule, times int, scale float64) (out []*molecule.Molecule) {
	for range times {
		for _, m := range molecules {
			c := &molecule.Molecule{Elements: m.Elements}
			for _, p := range m.Positions {
				c.Positions = append(c.Positions, [3]float64{p[0] * scale, p[1] * scale, p[2] * scale})
			}
			out = append(out, c)
		}
	}
	return out
}

func TestReference(t *testing.T) {
	all := many(read(t), 60, 1)
	e := evaluate(t, all, Options{Reference: list(all), RefName: "data"})
	kinds := map[string]bool{}
	for _, d := range e.Divergences {
		kinds[d.Kind] = true
		if d.JS > 1e-12 || d.Wasserstein > 1e-12 || d.Values != d.Reference {
			t.Errorf("a set against itself: %+v", d)
		}
	}
	for _, kind := range order {
		if !kinds[kind] {
			t.Errorf("no divergence of %s", kind)
		}
	}
	longer := evaluate(t, many(read(t), 60, 1.01), Options{Reference: list(all), RefName: "data"})
	found := false
	for _, d := range longer.Divergences {
		if d.title() == "length C-H" {
			found = true
			if math.Abs(d.Wasserstein-0.0109) > 0.003 || d.JS < 0.05 {
				t.Errorf("C-H bonds 1 %% longer: %+v, want a distance of 0.011 Å", d)
			}
		}
		if d.Kind == "atoms" && d.JS > 1e-12 {
			t.Errorf("sizes differ: %+v", d)
		}
	}
	if !found {
		t.Error("no C-H bonds")
	}
	if e.Geometry.Lengths.Value < 0.9 || e.Geometry.Lengths.Of == 0 || e.Geometry.Angles.Value < 0.99 {
		t.Errorf("real molecules: %+v", e.Geometry)
	}
}

func TestStrain(t *testing.T) {
	if !rdkit.Available {
		t.Skip("built without RDKit")
	}
	e := evaluate(t, read(t), Options{RDKit: true, Strain: 5})
	if s := e.Strain; s == nil || s.Tried != 5 || s.Number == 0 || s.Mean < 0 || s.Mean > 30 {
		t.Fatalf("%+v", s)
	}
	worse := evaluate(t, many(read(t), 1, 1.015), Options{RDKit: true, Strain: 5})
	if worse.Strain == nil || worse.Strain.Median <= e.Strain.Median {
		t.Errorf("stretched molecules are not strained: %+v, %+v", worse.Strain, e.Strain)
	}
	if e.RDKit.Disagree.Count != 0 || e.RDKit.Valid.Count != e.Counts.Valid {
		t.Errorf("RDKit and the closed form: %+v, %+v", e.RDKit, e.Counts)
	}
}

func TestPageIsSelfContained(t *testing.T) {
	all := many(read(t), 60, 1)
	e := evaluate(t, all, Options{Reference: list(all), RefName: "<data>", Train: list(all), TrainName: "train"})
	var b bytes.Buffer
	if err := e.Document().HTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"<script", "src=", "href=", "@import", "url(", "<data>", "NaN", "Inf"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if strings.Count(text, "<svg") < len(e.Divergences) {
		t.Errorf("%d charts for %d distributions", strings.Count(text, "<svg"), len(e.Divergences))
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = true, nil, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
	}
	b.Reset()
	if err := e.Document().Markdown(&b); err != nil || !strings.Contains(b.String(), "| stable molecules |") {
		t.Errorf("Markdown %v: %s", err, b.String())
	}
	data, err := json.Marshal(e)
	if err != nil || bytes.Contains(data, []byte("null")) {
		t.Errorf("JSON %v: %s", err, data)
	}
}
