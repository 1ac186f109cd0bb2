//go:build js && wasm

package main

import (
	"bytes"
	"io"
	"syscall/js"
	"unsafe"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// result is a finished molecule with all that core can say of it. The second argument is the
// SHA-256 of the weights, or an empty text; it travels with the molecule's files, beside the
// arguments of the run (sampler.Result). The rule of the verdict is that of the model's data set.
func (e *engine) result(args []js.Value) (map[string]any, error) {
	m, err := e.Result(args[0].Int(), args[1].String())
	if err != nil {
		return nil, err
	}
	rule := e.Info().Network.Meta.Rule()
	v := m.Judge(rule)
	out := map[string]any{
		"formula":   m.Formula(),
		"elements":  symbols(m),
		"positions": positionBytes(m),
		"bonds":     bondBytes(v.Bonds),
		"stable":    v.Stable(),
		"connected": v.Connected(),
		"fragments": v.Fragments,
		"valid":     v.Valid,
		"reason":    v.Reason,
		"key":       m.KeyBy(rule),
	}
	atoms := make([]any, len(m.Elements))
	for a, ok := range v.StableAtoms {
		atoms[a] = ok
	}
	out["stableAtoms"] = atoms
	out["xyz"], out["sdf"] = text(m, molecule.WriteXYZ), text(m, molecule.WriteSDF)
	out["pdb"] = text(m,
		func(w io.Writer, m *molecule.Molecule) error { return molecule.WritePDB(w, m, 1) })
	return out, nil
}

// text is a molecule in the format of write; empty where the format cannot hold it, such as
// coordinates beyond PDB's columns.
func text(m *molecule.Molecule, write func(io.Writer, *molecule.Molecule) error) string {
	var b bytes.Buffer
	if err := write(&b, m); err != nil {
		return ""
	}
	return b.String()
}

// symbols is the element of each atom.
func symbols(m *molecule.Molecule) []any {
	out := make([]any, len(m.Elements))
	for i, e := range m.Elements {
		out[i] = e.Symbol()
	}
	return out
}

// positionBytes is the bytes of the positions (atoms, 3), float64, Å.
func positionBytes(m *molecule.Molecule) js.Value {
	n := len(m.Positions)
	if n == 0 {
		return toJS(nil)
	}
	return toJS(unsafe.Slice((*byte)(unsafe.Pointer(&m.Positions[0])), n*3*8))
}

// bondBytes is the bytes of the triples (i, j, order), uint16.
func bondBytes(bonds []molecule.Bond) js.Value {
	flat := make([]byte, 0, 6*len(bonds))
	for _, b := range bonds {
		for _, v := range [3]int{b.I, b.J, b.Order} {
			flat = append(flat, byte(v), byte(v>>8))
		}
	}
	return toJS(flat)
}

// float32Bytes views s as bytes.
func float32Bytes(s []float32) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), 4*len(s))
}

// toJS copies bytes to a new Uint8Array.
func toJS(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}
