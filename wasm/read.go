//go:build js && wasm && files

package main

import (
	"errors"
	"strings"
	"syscall/js"

	"github.com/symdiff-go/symdiff/core/molecule"
)

func init() { functions["read"] = guard(read) }

// maxRead bounds what one file may bring, so that a page is not filled by accident.
const maxRead = 100_000

// read parses the text of a file by the readers of core/molecule: that of its
// extension, XYZ where it has another. As by the commands, a record that is at
// fault is skipped and counted, the first of them named; a fault beyond which no
// record is found, and a file without a good one, are errors. Bonds are those of the
// Lewis structure (molecule.DrawnBonds), which also makes the SDF of each.
func read(args []js.Value) (map[string]any, error) {
	name := args[0].String()
	list, ok := molecule.Read(strings.NewReader(args[1].String()), name)
	if !ok {
		list = molecule.ReadXYZ(strings.NewReader(args[1].String()), name)
	}
	var molecules []any
	var fault error
	atoms, skipped := 0, 0
	for m, err := range list {
		if err != nil {
			if !molecule.OneRecord(err) {
				return nil, err
			}
			if skipped++; fault == nil {
				fault = err
			}
			continue
		}
		if atoms += len(m.Elements); atoms > maxRead {
			return nil, errors.New(name + ": more than 100,000 atoms in all")
		}
		molecules = append(molecules, map[string]any{
			"formula":   m.Formula(),
			"elements":  symbols(m),
			"positions": positionBytes(m),
			"bonds":     bondBytes(m.DrawnBonds()),
			"sdf":       text(m, molecule.WriteSDF),
		})
	}
	out := map[string]any{"molecules": molecules, "skipped": skipped}
	switch {
	case molecules == nil && fault != nil:
		return nil, fault
	case molecules == nil:
		return nil, errors.New(name + ": no molecule in it")
	case fault != nil:
		out["fault"] = fault.Error()
	}
	return out, nil
}
