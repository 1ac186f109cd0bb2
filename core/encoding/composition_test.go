package encoding

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// typed is QM9 for a network that takes types.
func typed() Meta {
	meta := QM9()
	meta.Context = []Quantity{{TypesName, 0, 1}}
	return meta
}

// described is the header of m.
func described(m Meta) map[string]string {
	md := map[string]string{}
	m.Describe(md)
	return md
}

// Compositions come back from a file's metadata as they were, and what is no
// composition of the model is refused by name.
func TestCompositions(t *testing.T) {
	meta := typed()
	meta.Compositions = []Composition{{Formula: "H2O", Molecules: 12}, {Formula: "CH4", Molecules: 3},
		{Formula: "C2H6O", Molecules: 1}}
	if QM9().CompositionConditional() || !meta.CompositionConditional() {
		t.Error("CompositionConditional")
	}
	same := func(a, b Composition) bool { // read once or each time
		x, err := a.Elements()
		y, again := b.Elements()
		return a.Formula == b.Formula && a.Molecules == b.Molecules && err == nil && again == nil && slices.Equal(x, y)
	}
	got, err := Parse("f", described(meta))
	if err != nil || !slices.EqualFunc(got.Compositions, meta.Compositions, same) || !got.CompositionConditional() {
		t.Fatalf("%+v, %v", got, err)
	}
	for want, text := range map[string]string{
		"compositions: formula":            `{"C4x":1}`,
		"element S is not among":           `{"H2S":1}`,
		"CH4: 0 molecules":                 `{"CH4":0}`,
		"CH4: 9000000000000000000 molecul": `{"H2O":1,"CH4":9000000000000000000}`,
		"CH4: want a number of molecules":  `{"CH4":"3"}`,
		"metadata compositions: want an o": `[]`,
	} {
		md := described(meta)
		md["compositions"] = text
		if _, err := Parse("f", md); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// The notes of a formula are those of the page, whose unit test reads the same cases. The page knows
// no compositions, so each formula of the file without a note is one of the training data here.
func TestFormulaNotes(t *testing.T) {
	b, err := os.ReadFile("testdata/formulas.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Elements []string
		Sizes    []int
		Heaviest string // a formula with the most atoms besides hydrogen
		Notes    map[string]string
	}
	if err := json.Unmarshal(b, &known); err != nil {
		t.Fatal(err)
	}
	meta := typed()
	meta.Elements = known.Elements
	meta.Histogram = map[int]int{}
	for _, n := range known.Sizes {
		meta.Histogram[n] = 1
	}
	meta.Compositions = []Composition{{Formula: known.Heaviest, Molecules: 1}}
	for formula, note := range known.Notes {
		if note == "" {
			meta.Compositions = append(meta.Compositions, Composition{Formula: formula, Molecules: 1})
		}
	}
	for formula, note := range known.Notes {
		if got := meta.FormulaNotes(formula); got != note {
			t.Errorf("%s: %q, want %q", formula, got, note)
		}
	}
	if len(known.Notes) < 10 {
		t.Errorf("%d cases", len(known.Notes))
	}
	for formula, want := range map[string]string{
		"C7H12O2": "No molecule of the training data has this formula.", "O2H10C7": "", "NaCl": "", "C2x": "",
	} {
		if got := meta.FormulaNotes(formula); got != want {
			t.Errorf("%s: %q, want %q", formula, got, want)
		}
	}
	meta.Histogram, meta.Compositions = nil, nil // an old file knows neither
	if got := meta.FormulaNotes("C50H102"); got != "" {
		t.Error(got)
	}
}
