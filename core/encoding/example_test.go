package encoding_test

import (
	"fmt"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// The rows [x, h] that a network takes of a molecule: positions without their mean, then one-hot
// types of H, C, N, O, F and the atomic number, both scaled.
func ExampleMeta_Rows() {
	rows, err := encoding.QM9().Rows(&molecule.Molecule{Elements: []molecule.Element{molecule.C, molecule.O},
		Positions: [][3]float64{{0, 0, 0}, {0, 0, 1.2}}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.2f\n%.2f\n", rows[:9], rows[9:])
	// Output:
	// [0.00 0.00 -0.60 0.00 0.25 0.00 0.00 0.00 0.60]
	// [0.00 0.00 0.60 0.00 0.00 0.00 0.25 0.00 0.80]
}
