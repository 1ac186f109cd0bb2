// Command call times a network: the milliseconds of one call for a batch of molecules, in one
// thread. It is core alone, so that it is built natively and as WebAssembly.
//
//	call MODEL.safetensors MOLECULES ATOMS CALLS
package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "call:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: call MODEL MOLECULES ATOMS CALLS")
	}
	var n [3]int
	for i, text := range args[1:] {
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 || v > 1000 {
			return fmt.Errorf("%q: want a number from 1 to 1000", text)
		}
		n[i] = v
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	f, err := safetensors.Parse(args[0], data)
	if err != nil {
		return err
	}
	net, err := checkpoint.Load(f)
	if err != nil {
		return err
	}
	const warm = 2
	o := sampler.Options{N: n[0], Atoms: n[1], Steps: n[2] + warm, TStart: net.Meta.Schedule.Timesteps}
	s, err := sampler.New(net.Network, net.Meta, o)
	if err != nil {
		return err
	}
	var took []float64
	for i := range n[2] + warm {
		start := time.Now()
		if err := s.Step(); err != nil {
			return err
		}
		if i >= warm {
			took = append(took, time.Since(start).Seconds()*1e3)
		}
	}
	slices.Sort(took)
	fmt.Println(took[len(took)/2]) // the median
	return nil
}
