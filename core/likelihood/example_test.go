package likelihood_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symdiff"
)

// The bound of one molecule under the shipped model.
func ExampleEstimate() {
	const water = "3\n\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"
	var molecules []*molecule.Molecule
	for m, err := range molecule.ReadXYZ(strings.NewReader(water), "water.xyz") {
		if err != nil {
			panic(err)
		}
		molecules = append(molecules, m)
	}
	model := symdiff.QM9()
	b, err := likelihood.Estimate(context.Background(), model.Network, model.Meta, molecules,
		likelihood.Options{Seed: 1, Samples: 4})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d molecule, %d samples, finite: %t\n", b.Molecules, b.Samples, b.NLL == b.NLL)
	// Output: 1 molecule, 4 samples, finite: true
}
