package o3_test

import (
	"fmt"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// A random rotation or reflection of a molecule, and the way back.
func ExampleHaar() {
	stream := rng.New(1, 0, rng.Haar, 0)
	c := o3.Haar(&stream)
	back := c.T()
	x := []float32{1, 3, 1, 3, 2, 1} // two atoms
	rotated := make([]float32, len(x))
	c.Rotate(rotated, 3, x, 3, 2)
	back.Rotate(rotated, 3, rotated, 3, 2)
	fmt.Printf("%.3f %t\n", rotated, c.Deviation() < 1e-12)
	// Output: [1.000 3.000 1.000 3.000 2.000 1.000] true
}
