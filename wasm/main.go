//go:build js && wasm

// Command wasm is the core library for JavaScript: it loads weights, runs the sampler one step at a time and describes the molecules.
//
// It defines one object, globalThis.symdiffCore, and then waits for calls. Every function is synchronous and returns an object;
// one that fails returns {error: text}, and {error: text, fatal: true} after a Go panic, when the state can no longer be trusted.
// Arrays cross the edge as bytes, little-endian, through Uint8Arrays that the caller owns:
//
//	load(name, weights Uint8Array)                  -> model information
//	start(options)                                  -> {atoms, steps, elements}, see options; atoms of every molecule
//	step()                                          -> {step, done}
//	frame(i, positions Uint8Array, scores Uint8Array, gamma Uint8Array, predicted Uint8Array or null)
//	                                                -> {step, bonds} of molecule i
//	result(i, sha256)                               -> molecule i
//	calibrate(most)                                 -> {done, best}, one timed step of sampler.Calibration; most 0 goes on
//	energy(x, y, width, permutations, seed)         -> {energy, p}, see energy
//	read(name, text)                                -> {molecules}, of a file; with the build tag files only (npm), for its size
//	symmetrise(denoise, options, z, turn, eps)      -> {gamma}, see symmetriseCall
//
// The caller lives in a worker and yields between calls of step: Go on js/wasm has one thread, and a call blocks its event loop.
package main

import (
	"errors"
	"io"
	"maps"
	"strconv"
	"syscall/js"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
)

// engine is what the worker holds: one model and the run in progress.
type engine struct {
	model       *checkpoint.Network
	sampler     *sampler.Sampler
	calibration *sampler.Calibration
	pos         []float32 // (atoms of the largest molecule, 3), Å
	scores      []float32 // (atoms, elements)
}

// functions is what JavaScript may call.
var functions = map[string]any{}

var (
	errNoModel = errors.New("no model is loaded")
	errNoRun   = errors.New("no run was started")
)

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
	e.model, e.sampler, e.calibration = nil, nil, nil
	data := fileInJS{args[1]}
	file, err := safetensors.New(args[0].String(), data, int64(data.Length()))
	if err != nil {
		return nil, err
	}
	m, err := checkpoint.Load(file)
	if err != nil {
		return nil, err
	}
	e.model = m
	return describe(m, file.Metadata), nil
}

// fileInJS is a file in a Uint8Array. It is read piece by piece: Go's memory never shrinks, that of JavaScript is freed.
type fileInJS struct{ js.Value }

func (f fileInJS) ReadAt(p []byte, offset int64) (int, error) {
	n := js.CopyBytesToGo(p, f.Call("subarray", int(offset)))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// describe is what a page needs to know of a model. JSON from the file's metadata is passed on as text: JavaScript parses it.
func describe(m *checkpoint.Network, metadata map[string]string) map[string]any {
	histogram := map[string]any{}
	for n, count := range m.Meta.Histogram {
		histogram[strconv.Itoa(n)] = count
	}
	md := map[string]any{}
	for k, v := range metadata {
		md[k] = v
	}
	elements := make([]any, len(m.Meta.Elements))
	for i, s := range m.Meta.Elements {
		elements[i] = s
	}
	last := m.Meta.Schedule.Timesteps
	usual, whole := sampler.Options{}.Usual(m.Meta), sampler.Options{Start: last}.Usual(m.Meta)
	return map[string]any{
		"variant":    m.Kind,
		"elements":   elements,
		"histogram":  histogram,
		"timesteps":  last,
		"usual":      map[string]any{"method": string(usual.Method), "start": usual.Start, "steps": usual.Steps, "wholeSteps": whole.Steps},
		"takesTypes": m.Meta.TakesTypes(),
		"takesParts": m.Meta.Parts,
		"parameters": m.Parameters,
		"metadata":   md,
	}
}

// start begins a batch of molecules of the stream of a seed; atoms 0 draws a size from the data's histogram.
func (e *engine) start(args []js.Value) (map[string]any, error) {
	if e.model == nil {
		return nil, errNoModel
	}
	o, err := options(args[0])
	if err != nil {
		return nil, err
	}
	e.sampler = nil // its memory is free for the new one
	s, err := sampler.NewNetwork(e.model.Network, e.model.Meta, o.Usual(e.model.Meta))
	if err != nil {
		return nil, err
	}
	atoms, largest := make([]any, s.Len()), 0
	for i := range atoms {
		n := s.Atoms(i)
		atoms[i], largest = n, max(largest, n)
	}
	e.sampler = s
	e.pos = make([]float32, largest*3)
	e.scores = make([]float32, largest*len(e.model.Meta.Elements))
	return map[string]any{"atoms": atoms, "steps": s.Steps() - 1, "elements": len(e.model.Meta.Elements)}, nil
}

// step makes one step; the last also makes the sampler's final call, which turns z_0 into the molecule.
func (e *engine) step([]js.Value) (map[string]any, error) {
	if e.sampler == nil {
		return nil, errNoRun
	}
	s := e.sampler
	if s.Done() {
		return nil, errors.New("the run is finished")
	}
	if err := s.Step(); err != nil {
		return nil, err
	}
	if s.StepsDone() == s.Steps()-1 {
		if err := s.Step(); err != nil {
			return nil, err
		}
	}
	return map[string]any{"step": e.stepsDone(), "done": s.Done()}, nil
}

// stepsDone counts steps, without the final call.
func (e *engine) stepsDone() int { return min(e.sampler.StepsDone(), e.sampler.Steps()-1) }

// calibrate makes one step of finding the best batch.
func (e *engine) calibrate(args []js.Value) (map[string]any, error) {
	if e.model == nil {
		return nil, errNoModel
	}
	if most := args[0].Int(); most > 0 {
		e.calibration = sampler.NewCalibration(e.model.Network, e.model.Meta, most)
	}
	if e.calibration == nil {
		return nil, errNoRun
	}
	done, err := e.calibration.Step()
	return map[string]any{"done": done, "best": e.calibration.Best()}, err
}

// molecule is the argument that tells which molecule of the batch is meant.
func (e *engine) molecule(v js.Value) (int, error) {
	if e.sampler == nil {
		return 0, errNoRun
	}
	i := v.Int()
	if i < 0 || i >= e.sampler.Len() {
		return 0, errors.New("molecule " + strconv.Itoa(i) + " of " + strconv.Itoa(e.sampler.Len()))
	}
	return i, nil
}

// frame fills the caller's arrays with molecule i as it stands, float32: positions (atoms, 3) in Å and type scores (atoms, elements),
// the nine numbers of gamma in the last call of the network, zero before the first, and, where asked for, the positions that it
// predicted (atoms, 3). Its bonds come as triples (i, j, order) of uint16.
func (e *engine) frame(args []js.Value) (map[string]any, error) {
	i, err := e.molecule(args[0])
	if err != nil {
		return nil, err
	}
	atoms := e.sampler.Atoms(i)
	pos, scores := e.pos[:3*atoms], e.scores[:atoms*len(e.model.Meta.Elements)]
	e.sampler.Frame(i, pos, scores)
	js.CopyBytesToJS(args[1], float32Bytes(pos))
	js.CopyBytesToJS(args[2], float32Bytes(scores))
	var gamma [9]float32
	for k, row := range e.sampler.Gamma(i) {
		for j, v := range row {
			gamma[3*k+j] = float32(v)
		}
	}
	js.CopyBytesToJS(args[3], float32Bytes(gamma[:]))
	if args[4].Truthy() {
		e.sampler.Predicted(i, pos, nil)
		js.CopyBytesToJS(args[4], float32Bytes(pos))
	}
	return map[string]any{
		"step":  e.stepsDone(),
		"bonds": bondBytes(e.sampler.Molecule(i).ShownBonds()),
	}, nil
}
