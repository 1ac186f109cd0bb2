package source

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Whatever the bytes, reading ends, with molecules that are whole or with an error.
func FuzzRead(f *testing.F) {
	geom, err := msgpack.Marshal(map[string]any{"C": map[string]any{"conformers": []any{
		map[string]any{"totalenergy": 1.0, "xyz": [][]float64{{6, 0, 0, 0}}},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	for kind, seeds := range [][]string{{"1\n\nH 0 0 0\n", "1\n\nH nan 0 0\n", "100000\n"},
		{"\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 H   0\nM  END\n$$$$\n"},
		{string(geom), string(geom[:20]), "\xdf\xff\xff\xff\xff", "\x81\xa1C\x81\xaaconformers\xdd\xff\xff\xff\xff"}} {
		for _, s := range seeds {
			f.Add(kind, []byte(s))
		}
	}
	extensions := []string{".xyz", ".sdf", ".msgpack"}
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		if kind < 0 || kind >= len(extensions) {
			return
		}
		name := extensions[kind]
		r := &reader{ctx: context.Background(), path: "fuzz", name: name, in: bytes.NewReader(data),
			emit: func(r Record) error {
				if (r.Molecule == nil) == (r.Err == nil) {
					t.Errorf("record %+v", r)
				}
				if r.Err != nil {
					return nil
				}
				if len(r.Molecule.Elements) == 0 || len(r.Molecule.Elements) != len(r.Molecule.Positions) {
					t.Errorf("%d elements, %d positions", len(r.Molecule.Elements), len(r.Molecule.Positions))
				}
				for _, p := range r.Molecule.Positions {
					if math.IsNaN(p[0]+p[1]+p[2]) && !math.IsInf(p[0]+p[1]+p[2], 0) {
						t.Errorf("position %v", p)
					}
				}
				return nil
			}}
		r.bound()
		_ = formatOf(name)(r)
	})
}
