package molecule_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
)

const water = `3
name=water
O 0.000 0.000 0.119
H 0.000 0.763 -0.477
H 0.000 -0.763 -0.477
`

func ExampleReadXYZ() {
	for m, err := range molecule.ReadXYZ(strings.NewReader(water), "water.xyz") {
		if err != nil {
			panic(err)
		}
		name, _ := m.Property("name")
		valid, _ := m.Valid()
		fmt.Println(name, m.Formula(), m.Bonds(), m.Stable(), valid)
	}
	// Output: water H2O [{0 1 1} {0 2 1}] true true
}

func ExampleEvaluate() {
	r, err := molecule.Evaluate(molecule.ReadXYZ(strings.NewReader(water+water), "water.xyz"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d molecules, stable %.0f%%, unique among valid %.0f%%\n", r.Molecules, 100*r.StableMolecules,
		100*r.UniqueAmongValid)
	// Output: 2 molecules, stable 100%, unique among valid 50%
}

func ExampleWriteSDF() {
	for m := range molecule.ReadXYZ(strings.NewReader(water), "water.xyz") {
		if err := molecule.WriteSDF(os.Stdout, m); err != nil {
			panic(err)
		}
	}
	// Output:
	// H2O
	//   SymDiff           3D
	//
	//   3  2  0  0  0  0  0  0  0  0999 V2000
	//     0.0000    0.0000    0.1190 O   0  0  0  0  0  0  0  0  0  0  0  0
	//     0.0000    0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
	//     0.0000   -0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
	//   1  2  1  0
	//   1  3  1  0
	// M  END
	// >  <name>
	// water
	//
	// $$$$
}
