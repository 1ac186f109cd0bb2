//go:build js && wasm

package main

import (
	"errors"
	"strconv"
	"syscall/js"

	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// energy is symmetrise.EnergyTest of two samples of vectors of one width, float32 one after the
// other:
//
//	energy(x Uint8Array, y Uint8Array, width, permutations, seed) -> {energy, p}
func (e *engine) energy(args []js.Value) (map[string]any, error) {
	x, y, width, permutations := args[0], args[1], args[2].Int(), args[3].Int()
	seed, err := strconv.ParseUint(args[4].String(), 10, 64)
	if err != nil {
		return nil, errors.New(
			"seed: want a whole number below 2^64, have " + strconv.Quote(args[4].String()),
		)
	}
	if permutations < 1 || permutations > 1e6 {
		return nil, errors.New(
			"permutations: want 1 to 1000000, have " + strconv.Itoa(permutations),
		)
	}
	for _, s := range []js.Value{x, y} {
		if width < 1 || s.Length() == 0 || s.Length()%(4*width) != 0 {
			return nil, errors.New(
				"energy: a sample of " + strconv.Itoa(s.Length()/4) +
					" values is not one of vectors of " + strconv.Itoa(width),
			)
		}
	}
	distance, p := symmetrise.EnergyTest(vectors(x, width), vectors(y, width), permutations, seed)
	return map[string]any{"energy": distance, "p": p}, nil
}

// vectors copies float32 values from JavaScript, cut into vectors.
func vectors(bytes js.Value, width int) [][]float32 {
	all := make([]float32, bytes.Length()/4)
	js.CopyBytesToGo(float32Bytes(all), bytes)
	var out [][]float32
	for ; len(all) > 0; all = all[width:] {
		out = append(out, all[:width])
	}
	return out
}
