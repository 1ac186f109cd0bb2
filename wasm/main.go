//go:build js && wasm

// Command wasm is the core library for JavaScript: it loads weights, runs the sampler one step at
// a time and describes the molecules.
//
// It defines one object, globalThis.symdiffCore, and then waits for calls. Every function is
// synchronous and returns an object; one that fails returns {error: text}, and {error: text,
// fatal: true} after a Go panic, when the state can no longer be trusted. Arrays cross the edge
// as bytes, little-endian, through Uint8Arrays that the caller owns:
//
//	load(name, weights Uint8Array)                  -> model information
//	start(options)                                  -> {first, atoms, steps, elements} of JSON, see sampler.Options
//	step()                                          -> {step, done}
//	frame(i, positions Uint8Array, scores Uint8Array, gamma Uint8Array, predicted Uint8Array or null)
//	                                                -> {step, bonds} of molecule i
//	result(i, sha256)                               -> molecule i
//	calibrate(most)                                 -> {done, best}, one timed step; most 0 goes on
//	energy(x, y, width, permutations, seed)         -> {energy, p}, see energy
//	read(name, text)                                -> {molecules, skipped, fault}, of a file; with the tag files only
//	symmetrise(denoise, options, z, turn, eps)      -> {gamma}, see symmetriseCall
//
// The caller lives in a worker and yields between calls of step: Go on js/wasm has one thread,
// and a call blocks its event loop.
package main

import (
	"io"
	"maps"
	"strconv"
	"syscall/js"

	"github.com/symdiff-go/symdiff/wasm/internal/session"
)

// engine is what the worker holds.
type engine struct{ session.Session }

// functions is what JavaScript may call.
var functions = map[string]any{}

func main() {
	e := &engine{}
	maps.Copy(functions, map[string]any{
		"load":   guard(e.load),
		"start":  guard(e.start),
		"step":   guard(e.step),
		"frame":  guard(e.frame),
		"result": guard(e.result),
		"energy": guard(e.energy),

		"calibrate": guard(e.calibrate),

		"symmetrise": guard(symmetriseCall),
	})
	js.Global().Set("symdiffCore", functions)
	select {}
}

// guard turns errors and panics of f into values.
func guard(f func(args []js.Value) (map[string]any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (out any) {
		defer func() {
			if r := recover(); r != nil {
				out = map[string]any{"error": panicText(r), "fatal": true}
			}
		}()
		v, err := f(args)
		if err != nil {
			return map[string]any{"error": err.Error()}
		}
		return v
	})
}

// panicText is the text of a recovered value, without package fmt.
func panicText(r any) string {
	switch r := r.(type) {
	case error:
		return r.Error()
	case string:
		return r
	}
	return "panic in the core"
}

// load reads a safetensors file and replaces the model.
func (e *engine) load(args []js.Value) (map[string]any, error) {
	data := fileInJS{args[1]}
	if err := e.Load(args[0].String(), data, int64(data.Length())); err != nil {
		return nil, err
	}
	return describe(e.Info()), nil
}

// fileInJS is a file in a Uint8Array. It is read piece by piece: Go's memory never shrinks, that
// of JavaScript is freed.
type fileInJS struct{ js.Value }

func (f fileInJS) ReadAt(p []byte, offset int64) (int, error) {
	n := js.CopyBytesToGo(p, f.Call("subarray", int(offset)))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// describe is what a page needs to know of a model. JSON from the file's metadata is passed on as
// text: JavaScript parses it.
func describe(info session.Info) map[string]any {
	meta, d := info.Network.Meta, info.Defaults
	histogram := map[string]any{}
	for n, count := range meta.Sizes() {
		histogram[strconv.Itoa(n)] = count
	}
	md := map[string]any{}
	for k, v := range info.Metadata {
		md[k] = v
	}
	var elements []any
	for _, e := range meta.Apart() {
		elements = append(elements, e.Symbol())
	}
	return map[string]any{
		"variant":   info.Network.Kind,
		"elements":  elements,
		"histogram": histogram,
		"timesteps": meta.Schedule.Timesteps,
		"defaults": map[string]any{
			"method":  string(d.Method),
			"t_start": d.TStart,
			"steps":   d.Steps,
		},
		"compositionConditional": meta.CompositionConditional(),
		"fragmentConditional":    meta.Fragments,
		"parameters":             info.Network.Parameters,
		"metadata":               md,
	}
}

func (e *engine) start(args []js.Value) (map[string]any, error) {
	size, err := e.Start(args[0].String())
	if err != nil {
		return nil, err
	}
	atoms := make([]any, len(size.Atoms))
	for i, n := range size.Atoms {
		atoms[i] = n
	}
	return map[string]any{
		"first":    size.First,
		"atoms":    atoms,
		"steps":    size.Steps,
		"elements": size.Elements,
	}, nil
}

func (e *engine) step([]js.Value) (map[string]any, error) {
	step, done, err := e.Step()
	return map[string]any{"step": step, "done": done}, err
}

func (e *engine) calibrate(args []js.Value) (map[string]any, error) {
	done, best, err := e.Calibrate(args[0].Int())
	return map[string]any{"done": done, "best": best}, err
}

// frame fills the caller's arrays with molecule i as it stands, float32: positions (atoms, 3) in
// Å and type scores (atoms, elements), the nine numbers of gamma in the last evaluation of the
// network, zero before the first, and, where asked for, the positions that it predicted (atoms,
// 3). Its bonds come as triples (i, j, order) of uint16.
func (e *engine) frame(args []js.Value) (map[string]any, error) {
	i := args[0].Int()
	f, err := e.Frame(i)
	if err != nil {
		return nil, err
	}
	js.CopyBytesToJS(args[1], float32Bytes(f.Positions))
	js.CopyBytesToJS(args[2], float32Bytes(f.Scores))
	js.CopyBytesToJS(args[3], float32Bytes(f.Gamma[:]))
	if args[4].Truthy() {
		predicted, err := e.Predicted(i)
		if err != nil {
			return nil, err
		}
		js.CopyBytesToJS(args[4], float32Bytes(predicted))
	}
	return map[string]any{"step": f.Step, "bonds": bondBytes(f.Bonds)}, nil
}
