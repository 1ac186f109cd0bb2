package rng_test

import (
	"fmt"

	"github.com/symdiff-go/symdiff/core/rng"
)

// A stream is a function of its four numbers: what other molecules draw changes nothing.
func ExampleNew() {
	a := rng.New(7, 3, rng.Haar, 20)
	other := rng.New(7, 4, rng.Haar, 20)
	other.Float64()
	b := rng.New(7, 3, rng.Haar, 20)
	fmt.Println(a.Norm() == b.Norm())
	// Output: true
}
