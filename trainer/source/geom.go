package source

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/symdiff-go/symdiff/core/budget"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// conformer is what is read of one conformer of GEOM.
type conformer struct {
	energy float64     // Hartree
	xyz    [][]float64 // (N, 4): atomic number and position in Å
}

// geom reads GEOM's msgpack, drugs_crude.msgpack: a sequence of maps from SMILES
// to what is known of a molecule, among it its conformers. Of each molecule the
// Options.Conformers of lowest energy are taken.
func (r *reader) geom() error {
	d := msgpack.NewDecoder(r.in)
	for record := 0; ; {
		n, err := d.DecodeMapLen()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.fail(fmt.Errorf("after record %d: %w", record, err))
		}
		for range n {
			record++
			smiles, err := word(d)
			if err != nil {
				return r.fail(fmt.Errorf("record %d: SMILES: %w", record, err))
			}
			conformers, err := r.geomMolecule(d)
			if err != nil {
				return r.fail(fmt.Errorf("record %d, %s: %w", record, smiles, err))
			}
			if err := r.geomEmit(record, smiles, conformers); err != nil {
				return err
			}
		}
	}
}

// geomMolecule reads the conformers of one molecule and leaves the rest.
func (r *reader) geomMolecule(d *msgpack.Decoder) (conformers []conformer, err error) {
	n, err := d.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	for range n {
		key, err := word(d)
		if err != nil {
			return nil, err
		}
		if key != "conformers" {
			if err := r.skip(d); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			continue
		}
		err = r.list(d, 64, func() error {
			c, err := r.geomConformer(d)
			conformers = append(conformers, c)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("conformers: %w", err)
		}
	}
	return conformers, nil
}

// geomConformer reads energy and positions of one conformer and leaves the rest.
func (r *reader) geomConformer(d *msgpack.Decoder) (c conformer, err error) {
	n, err := d.DecodeMapLen()
	for ; n > 0 && err == nil; n-- {
		var key string
		if key, err = word(d); err != nil {
			break
		}
		switch key {
		case "totalenergy":
			c.energy, err = d.DecodeFloat64()
		case "xyz":
			err = r.list(d, 48, func() error {
				var row []float64
				err := r.list(d, 8, func() error {
					v, err := d.DecodeFloat64()
					row = append(row, v)
					return err
				})
				c.xyz = append(c.xyz, row)
				return err
			})
		default:
			err = r.skip(d)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
	}
	return c, err
}

// list reads the items of an array one by one, so that memory grows with what is
// there and not with what a length claims.
// Each takes so many bytes.
func (r *reader) list(d *msgpack.Decoder, bytes int64, item func() error) error {
	n, err := d.DecodeArrayLen()
	for ; n > 0 && err == nil; n-- {
		if err = r.budget.Spend(bytes); err == nil {
			err = item()
		}
	}
	return err
}

// word reads a text, whose length is checked before it is read.
func word(d *msgpack.Decoder) (string, error) {
	n, err := d.DecodeBytesLen()
	if err != nil {
		return "", err
	}
	if n > budget.Line {
		return "", &budget.Error{What: "text", Limit: budget.Line, Unit: "bytes"}
	}
	text := make([]byte, max(0, n))
	return string(text), d.ReadFull(text)
}

// skip leaves out a value, however it is nested, within the budget of the record.
// The package's own way has no bound on depth and ends the process.
func (r *reader) skip(d *msgpack.Decoder) error {
	code, err := d.PeekCode()
	if err != nil {
		return err
	}
	n, each := 0, 1
	switch {
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		n, err = d.DecodeArrayLen()
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		n, err = d.DecodeMapLen()
		each = 2
	default:
		return d.Skip()
	}
	if err == nil {
		err = r.budget.Enter()
	}
	for ; n > 0 && err == nil; n-- {
		for range each {
			if err == nil {
				err = r.skip(d)
			}
		}
	}
	r.budget.Leave()
	return err
}

// geomEmit hands on the conformers of lowest energy.
func (r *reader) geomEmit(record int, smiles string, conformers []conformer) error {
	if len(conformers) == 0 {
		return r.emit(r.corrupt(record, "no conformers: "+smiles))
	}
	slices.SortStableFunc(conformers,
		func(a, b conformer) int { return cmp.Compare(a.energy, b.energy) })
	if r.Conformers > 0 {
		conformers = conformers[:min(r.Conformers, len(conformers))]
	}
	for _, c := range conformers {
		m := &molecule.Molecule{Properties: []molecule.Property{{Key: "smiles", Value: smiles},
			{Key: "energy", Value: strconv.FormatFloat(c.energy, 'g', -1, 64)}}}
		rec := Record{Molecule: m, Number: record, Group: smiles}
		for i, row := range c.xyz {
			if len(row) != 4 || row[0] != math.Trunc(row[0]) || row[0] < 1 || row[0] > 118 ||
				slices.ContainsFunc(row[1:],
					func(x float64) bool { return !(math.Abs(x) <= molecule.MaxCoordinate) }) {
				rec = r.corrupt(record, fmt.Sprintf("want an atomic number and a position: %s: atom %d is %v",
					smiles, i+1, row))
				break
			}
			m.Elements, m.Positions = append(m.Elements, molecule.Element(row[0])),
				append(m.Positions, [3]float64(row[1:]))
		}
		if len(c.xyz) == 0 {
			rec = r.corrupt(record, "a conformer without atoms: "+smiles)
		}
		if rec.Err == nil {
			rec.Doubts = m.Doubts()
		}
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}
