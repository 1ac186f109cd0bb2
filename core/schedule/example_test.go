package schedule_test

import (
	"fmt"

	"github.com/symdiff-go/symdiff/core/schedule"
)

// The noise schedule of EDM: how much of a molecule is left at a time.
func ExampleNew() {
	s, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		panic(err)
	}
	for _, t := range []int{0, 500, s.T()} {
		fmt.Printf("t = %4d: alpha %.4f, sigma %.4f\n", t, s.Alpha(t), s.Sigma(t))
	}
	// Output:
	// t =    0: alpha 1.0000, sigma 0.0032
	// t =  500: alpha 0.7500, sigma 0.6614
	// t = 1000: alpha 0.0032, sigma 1.0000
}
