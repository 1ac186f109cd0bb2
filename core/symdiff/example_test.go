//go:build !js

package symdiff_test

import (
	"context"
	"fmt"
	"math"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Molecules come in the order of their index, each with what it takes to make it again.
func ExampleModel_Generate() {
	o := symdiff.Options{Seed: 7, N: 3, Atoms: 18, Steps: 20}
	for mol, err := range symdiff.QM9().Generate(context.Background(), o) {
		if err != nil {
			panic(err)
		}
		index, _ := mol.Property("index")
		steps, _ := mol.Property("steps")
		fmt.Println(index, len(mol.Elements), "atoms in", steps, "steps")
	}
	// Output:
	// 0 18 atoms in 20 steps
	// 1 18 atoms in 20 steps
	// 2 18 atoms in 20 steps
}

// Every molecule has the formula that is asked for.
func ExampleModel_Generate_formula() {
	o := symdiff.Options{Seed: 1, N: 2, Formula: "C3H8O"}
	for mol, err := range symdiff.QM9().Generate(context.Background(), o) {
		if err != nil {
			panic(err)
		}
		fmt.Println(mol.Formula())
	}
	// Output:
	// C3H8O
	// C3H8O
}

// The atoms of a fragment stay where they are, and the rest is made around them.
func ExampleModel_Generate_fragment() {
	hydroxyl := &symdiff.Molecule{
		Elements:  []molecule.Element{molecule.O, molecule.H},
		Positions: [][3]float64{{0, 0, 0}, {0.96, 0, 0}}, // Å
	}
	o := symdiff.Options{Seed: 3, Formula: "C2H6O", Fragment: hydroxyl}
	for mol, err := range symdiff.QM9().Generate(context.Background(), o) {
		if err != nil {
			panic(err)
		}
		fmt.Println(mol.Formula(), mol.Elements[0].Symbol(), mol.Positions[1])
	}
	// Output: C2H6O O [0.96 0 0]
}

// An error names the option that is invalid.
func ExampleModel_Generate_error() {
	for _, err := range symdiff.QM9().Generate(context.Background(), symdiff.Options{Steps: 1000}) {
		fmt.Println(err)
	}
	// Output: steps 1000: want 1 to 600
}

// Any denoiser becomes equivariant: that of a molecule rotated by H is the rotated one.
func Example_symmetrise() {
	crooked := symmetrise.Func(0, func(eps, z []float32, t float32) {
		for i, v := range z { // each coordinate in its own way
			eps[i] = float32(math.Tanh(float64(v)*float64(1+i%3))) + t
		}
	})
	net := symmetrise.New(crooked, symmetrise.Haar(symmetrise.O3)).NewState([]int{3})
	stream := rng.New(1, 0, rng.Haar, 0)
	r0, h := o3.Haar(&stream), o3.Haar(&stream)
	x := []float32{1, 0, 0, -1, 0.5, 0, 0, -0.5, 0}
	rotated, want, got := make([]float32, 9), make([]float32, 9), make([]float32, 9)
	h.Rotate(rotated, 3, x, 3, 3)
	net.Eps(want, x, 0.5, symmetrise.Noise{R0: []o3.Matrix{r0}})
	net.Eps(got, rotated, 0.5, symmetrise.Noise{R0: []o3.Matrix{h.T().Mul(r0)}})
	h.Rotate(want, 3, want, 3, 3)
	worst := 0.0
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	fmt.Println(worst < 1e-6)
	// Output: true
}

// The molecules of a file are read and judged one at a time.
func ExampleEvaluate() {
	for mol, err := range symdiff.ReadMolecules("testdata/three.sdf") {
		if err != nil {
			panic(err)
		}
		fmt.Println(mol.Formula(), mol.Stable(), mol.Connected())
	}
	r, err := symdiff.Evaluate(symdiff.ReadMolecules("testdata/three.sdf"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.0f %% of the atoms are stable, %d of %d molecules valid\n", 100*r.StableAtoms,
		r.Counts.Valid, r.Molecules)
	// Output:
	// C6H9NO2 true true
	// C7H10N2 true true
	// C5H11N3O true true
	// 100 % of the atoms are stable, 3 of 3 molecules valid
}
