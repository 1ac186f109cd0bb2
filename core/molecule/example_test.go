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

// A bad record is an error that names file, line and molecule; the sequence goes on.
func ExampleRead() {
	const text = "1\n\nXx 0 0 0\n" + water
	molecules, ok := molecule.Read(strings.NewReader(text), "two.xyz")
	if !ok {
		panic("no reader for this extension")
	}
	for m, err := range molecules {
		if molecule.OneRecord(err) {
			fmt.Println("skipped:", err)
			continue
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(m.Formula())
	}
	// Output:
	// skipped: two.xyz:3: molecule 1: unknown element "Xx"
	// H2O
}

// Keys tell molecules apart, whatever the order and place of their atoms.
func ExampleMolecule_Key() {
	const moved = "3\n\nH 5 0.763 -0.477\nO 5 0 0.119\nH 5 -0.763 -0.477\n"
	keys := map[string]bool{}
	for m, err := range molecule.ReadXYZ(strings.NewReader(water+moved), "water.xyz") {
		if err != nil {
			panic(err)
		}
		keys[m.Key()] = true
	}
	fmt.Println(len(keys))
	// Output: 1
}

// What is out of order in a structure: a bond that is too short.
func ExampleMolecule_Geometry() {
	const short = "3\n\nO 0 0 0\nH 0 0 0.96\nH 0 0.70 -0.20\n"
	for m, err := range molecule.ReadXYZ(strings.NewReader(short), "short.xyz") {
		if err != nil {
			panic(err)
		}
		for _, l := range m.Geometry().Lengths {
			fmt.Printf("%d-%d %.2f Å inside: %t\n", l.I+1, l.J+1, m.Distance(l.I, l.J), l.Inside)
		}
	}
	// Output:
	// 1-2 0.96 Å inside: true
	// 1-3 0.73 Å inside: false
}
