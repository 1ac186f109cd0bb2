package source

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// The first values of numpy.random.RandomState(0).permutation(130831) and of a
// small one.
func TestPermutation(t *testing.T) {
	p := permutation(0, 130831)
	if !slices.Equal(p[:4], []int{130195, 68784, 7957, 25911}) {
		t.Errorf("begins with %v", p[:4])
	}
	if got := permutation(0, 10); !slices.Equal(got, []int{2, 8, 4, 9, 1, 6, 7, 3, 0, 5}) {
		t.Errorf("of ten: %v", got)
	}
	if got := permutation(42, 5); !slices.Equal(got, []int{1, 4, 2, 0, 3}) {
		t.Errorf("seed 42 of five: %v", got)
	}
}

func TestQM9Split(t *testing.T) {
	if _, err := QM9Split(map[int]bool{1: true}); err == nil ||
		!strings.Contains(err.Error(), "1 molecules are excluded, want 3054") {
		t.Errorf("%v", err)
	}
	const dir = "../../../shared/data/"
	want, err := os.ReadFile(dir + "qm9_edm_split.txt")
	if err != nil {
		t.Skip("no QM9 here")
	}
	f, err := os.Open(dir + "qm9_uncharacterized_ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	excluded, err := ReadExcluded(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := QM9Split(excluded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bytes.TrimSpace(want)) {
		t.Error("the split is not EDM's")
	}
}
