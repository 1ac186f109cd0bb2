package encoding

import (
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
	meta.Compositions = []Composition{{"H2O", 12}, {"CH4", 3}, {"C2H6O", 1}}
	if QM9().CompositionConditional() || !meta.CompositionConditional() {
		t.Error("CompositionConditional")
	}
	got, err := Parse("f", described(meta))
	if err != nil || !slices.Equal(got.Compositions, meta.Compositions) || !got.CompositionConditional() {
		t.Fatalf("%+v, %v", got, err)
	}
	for want, text := range map[string]string{
		"compositions: formula":            `{"C4x":1}`,
		"element S is not among":           `{"H2S":1}`,
		"CH4: 0 molecules":                 `{"CH4":0}`,
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
