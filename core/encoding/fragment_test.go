package encoding

import (
	"slices"
	"strings"
	"testing"
)

// Metadata tell whether parts can be given, and say it only of a network that takes types.
func TestFragmentsNeedTypes(t *testing.T) {
	meta := typed()
	if _, ok := described(meta)["parts"]; ok {
		t.Error("parts in the metadata of a network that takes none")
	}
	meta.Fragments = true
	md := described(meta)
	if got, err := Parse("f", md); err != nil || !got.Fragments {
		t.Fatalf("%+v, %v", got, err)
	}
	md["parts"] = "yes"
	if _, err := Parse("f", md); err == nil || !strings.Contains(err.Error(), `metadata parts: "yes"`) {
		t.Errorf("error %v", err)
	}
	meta.Context = nil
	if _, err := Parse("f", described(meta)); err == nil ||
		!strings.Contains(err.Error(), "parts: want context with types") {
		t.Errorf("error %v", err)
	}
	rows := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if MarkFixed(rows[3:5]); !slices.Equal(rows, []float32{1, 2, 3, 8, 10, 6, 7, 8, 9, 10}) {
		t.Errorf("marked %v", rows)
	}
}
