package model

import (
	"slices"
	"strings"
	"testing"
)

// typed is a small network that takes types, and the meaning of its inputs.
func typed() (Config, Meta) {
	meta := QM9Meta()
	meta.Context = []Quantity{{TypesName, 0, 1}}
	return Config{Variant: None, MLPType: SwiGLU, Features: 6, XHHidden: 8, K: 4, Hidden: 16, Depth: 1, Heads: 2, MLPRatio: 4, Context: 2}, meta
}

// Compositions come back from a file's metadata as they were, and what is no composition of the model is refused by name.
func TestCompositions(t *testing.T) {
	c, meta := typed()
	meta.Compositions = []Composition{{"H2O", 12}, {"CH4", 3}, {"C2H6O", 1}}
	if QM9Meta().TakesTypes() || !meta.TakesTypes() {
		t.Error("TakesTypes")
	}
	_, got, err := ParseMetadata("f", Metadata(c, meta))
	if err != nil || !slices.Equal(got.Compositions, meta.Compositions) || !got.TakesTypes() {
		t.Fatalf("%+v, %v", got, err)
	}
	for want, text := range map[string]string{
		"compositions: formula":            `{"C4x":1}`,
		"element S is not among":           `{"H2S":1}`,
		"CH4: 0 molecules":                 `{"CH4":0}`,
		"CH4: want a number of molecules":  `{"CH4":"3"}`,
		"metadata compositions: want an o": `[]`,
	} {
		md := Metadata(c, meta)
		md["compositions"] = text
		if _, _, err := ParseMetadata("f", md); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
