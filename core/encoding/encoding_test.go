package encoding

import (
	"slices"
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
	for _, mol := range []*molecule.Molecule{{}, {Elements: []molecule.Element{16}, Positions: make([][3]float64, 1)}} {
		if _, err := m.Rows(mol); err == nil {
			t.Errorf("%v has rows", mol.Elements)
		}
	}
}
