package encoding

import (
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

func TestRows(t *testing.T) {
	m := QM9()
	m.ScaleX = 2
	rows, err := m.Rows(
		&molecule.Molecule{Elements: []molecule.Element{8, 1}, Positions: [][3]float64{{0, 1, 0}, {4, 1, 0}}},
	)
	want := []float32{-1, 0, 0, 0, 0, 0, 0.25, 0, 0.8, 1, 0, 0, 0.25, 0, 0, 0, 0, 0.1}
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("%v, %v, want %v", rows, err, want)
	}
	for _, mol := range []*molecule.Molecule{
		{}, {Elements: []molecule.Element{1}},
		{Elements: []molecule.Element{16}, Positions: make([][3]float64, 1)},
	} {
		if _, err := m.Rows(mol); err == nil {
			t.Errorf("%v has rows", mol.Elements)
		}
	}
}

// Files of before, whose network was given counts of its elements, are read: the counts are
// properties like others.
func TestCountsOfOldFilesAreProperties(t *testing.T) {
	meta := QM9()
	meta.Context = []Quantity{{Name: "count:C", Mean: 6, MAD: 1}}
	got, err := Parse("f", described(meta))
	if err != nil {
		t.Fatal(err)
	}
	channels, err := got.Channels(map[string]float64{"count:C": 8})
	if err != nil || !slices.Equal(channels, []float32{2, 1}) {
		t.Errorf("%v, %v", channels, err)
	}
	meta.Context = append(meta.Context, meta.Context[0])
	if err := meta.Validate(); err == nil {
		t.Error("a property that appears twice is taken")
	}
	meta.Context[1].Name = "gap,mu=1"
	if err := meta.Validate(); err == nil ||
		!strings.Contains(err.Error(), `context: name "gap,mu=1"`) {
		t.Errorf("a name that no list of values can hold: %v", err)
	}
}

// The defaults of a sampler come back from the metadata; what no sampler can do is refused.
func TestSampling(t *testing.T) {
	m := QM9()
	md := map[string]string{}
	for _, method := range []string{"dpm++2m", "a \"b\\"} { // one that core has, one that a file may have
		m.Sampling = Sampling{Method: method, Steps: 15, Rho: 7}
		m.Describe(md)
		if got, err := Parse("f", md); err != nil || got.Sampling != m.Sampling {
			t.Errorf("%q: %v, %v", method, got.Sampling, err)
		}
	}
	md["sampling"] = `{"steps":15,"rho":7}`
	if got, err := Parse("f", md); err != nil || got.Sampling != (Sampling{Steps: 15, Rho: 7}) {
		t.Errorf("without a method: %v, %v", got.Sampling, err)
	}
	for _, bad := range []string{`{"steps":-1,"rho":7}`, `{"steps":1001,"rho":7}`, `{"steps":15,"rho":0.5}`, `{"steps":15,"rho":1001}`, `{"steps":15}`, `15`} {
		md["sampling"] = bad
		if _, err := Parse("f", md); err == nil || !strings.Contains(err.Error(), "sampling") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// A model's molecules are judged by the rule of its data set, whichever elements a molecule has.
func TestRule(t *testing.T) {
	geom := QM9()
	geom.Elements = append(slices.Clone(geom.Elements), "S", "Cl")
	if q, g := QM9().Rule(), geom.Rule(); q != molecule.QM9Rule || g != molecule.GEOMRule {
		t.Errorf("QM9 by %s, QM9 with S and Cl by %s", q, g)
	}
}
