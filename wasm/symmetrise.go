//go:build js && wasm

package main

import (
	"errors"
	"math"
	"strconv"
	"syscall/js"
	"unsafe"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// symmetriseCall makes one call of a denoiser written in JavaScript, symmetrised by the Haar
// measure of a group:
//
//	symmetrise(denoise, {group, axis, features, seed, call, t}, z Uint8Array, turn Uint8Array, eps Uint8Array) -> {gamma}
//
// denoise(z Uint8Array, eps Uint8Array) is called once with the rotated molecule, float32 (n,
// 3+features), and fills eps. The noise of gamma is that of (seed, call); turn, nine float64 by
// rows or none, couples it to a molecule rotated by that H: R0' = Hᵀ·R0.
func symmetriseCall(args []js.Value) (map[string]any, error) {
	denoise, o := args[0], args[1]
	features := o.Get("features").Int()
	width, rows := 3+features, args[2].Length()/4
	if features < 0 || features > 1024 || rows == 0 || rows%width != 0 ||
		args[2].Length() != args[4].Length() {
		return nil, errors.New(
			"symmetrise: z of " + strconv.Itoa(rows) +
				" values is no (n, 3+features) with features = " + strconv.Itoa(features),
		)
	}
	if rows/width > sampler.MaxAtoms {
		return nil, errors.New(
			"symmetrise: " + strconv.Itoa(rows/width) + " atoms, want at most " +
				strconv.Itoa(sampler.MaxAtoms),
		)
	}
	group, err := groupOf(o)
	if err != nil {
		return nil, err
	}
	seed, err := strconv.ParseUint(o.Get("seed").String(), 10, 64)
	if err != nil {
		return nil, errors.New("seed: expected a whole number below 2^64")
	}
	var failed error
	k := symmetrise.Func(features, func(eps, z []float32, _ float32) {
		in := toJS(float32Bytes(z))
		out := js.Global().Get("Uint8Array").New(4 * len(eps))
		if result := denoise.Invoke(in, out); result.Type() == js.TypeString {
			failed = errors.New(result.String())
			return
		}
		js.CopyBytesToGo(float32Bytes(eps), out)
	})
	n := rows / width
	z, eps := make([]float32, rows), make([]float32, rows)
	js.CopyBytesToGo(float32Bytes(z), args[2])
	if i := notFinite(z); i >= 0 {
		return nil, errors.New("symmetrise: value " + strconv.Itoa(i) + " of z is not finite")
	}
	net := symmetrise.New(k, symmetrise.Haar(group))
	noise := symmetrise.NewNoise(net, []int{n})
	stream := rng.New(seed, 0, rng.Haar, uint32(o.Get("call").Int()))
	noise.Draw(net, 0, 0, n, &stream, &stream)
	if args[3].Length() == 9*8 {
		var h o3.Matrix
		js.CopyBytesToGo(unsafe.Slice((*byte)(unsafe.Pointer(&h)), 9*8), args[3])
		if d := h.Deviation(); !(d <= 1e-6) {
			return nil, errors.New(
				"turn: not orthogonal: HᵀH is off by " + strconv.FormatFloat(d, 'g', 3, 64),
			)
		}
		noise.R0[0] = h.T().Mul(noise.R0[0])
	}
	state := net.NewState([]int{n})
	state.Eps(eps, z, float32(o.Get("t").Float()), noise)
	if failed != nil {
		return nil, failed
	}
	if i := notFinite(eps); i >= 0 {
		return nil, errors.New(
			"symmetrise: the denoiser gave a value that is not finite, " + strconv.Itoa(i) +
				" of eps",
		)
	}
	js.CopyBytesToJS(args[4], float32Bytes(eps))
	gamma := make([]any, 0, 9)
	for _, row := range state.Gamma(0) {
		for _, v := range row {
			gamma = append(gamma, v)
		}
	}
	return map[string]any{"gamma": gamma}, nil
}

// notFinite is the index of the first NaN or infinity, or -1.
func notFinite(x []float32) int {
	for i, v := range x {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return i
		}
	}
	return -1
}

// groupOf reads group ("O(3)", "SO(3)", "O(2)") and axis.
func groupOf(o js.Value) (symmetrise.Group, error) {
	switch name := o.Get("group").String(); name {
	case "O(3)":
		return symmetrise.O3, nil
	case "SO(3)":
		return symmetrise.SO3, nil
	case "O(2)":
		a := o.Get("axis")
		return symmetrise.O2([3]float64{a.Index(0).Float(), a.Index(1).Float(), a.Index(2).Float()})
	default:
		return symmetrise.Group{}, errors.New(
			"group: " + strconv.Quote(name) + ", want O(3), SO(3) or O(2)",
		)
	}
}
