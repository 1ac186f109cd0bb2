package encoding

import (
	"maps"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// The composition is a count of every element of the model; a file that counts some of
// them, or others, is refused.
func TestCounts(t *testing.T) {
	meta := QM9()
	if meta.Composed() {
		t.Error("composed without a context")
	}
	meta.Context = []Quantity{{"gap", 0.25, 0.04}}
	for _, symbol := range meta.Elements {
		meta.Context = append(meta.Context, Quantity{CountName(symbol), 2, 1})
	}
	if err := meta.Validate(); err != nil || !meta.Composed() {
		t.Error(err)
	}
	formula, err := molecule.ParseFormula("C2H6O")
	if err != nil {
		t.Fatal(err)
	}
	got, err := meta.Counts(formula)
	if want := map[string]float64{"count:H": 6, "count:C": 2, "count:N": 0, "count:O": 1, "count:F": 0}; err != nil ||
		!maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := meta.Counts([]molecule.Element{molecule.C, 16}); err == nil ||
		!strings.Contains(err.Error(), "element S") {
		t.Errorf("sulfur: error %v", err)
	}
	whole := meta.Context
	for want, context := range map[string][]Quantity{
		"gap appears twice":   append(whole[:len(whole):len(whole)], whole[0]),
		"count:F is missing":  whole[:len(whole)-1],
		"not among the model": append(whole[:len(whole):len(whole)], Quantity{"count:S", 0, 1}),
	} {
		meta.Context = context
		if err := meta.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
