package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

// Embedded is a file of the conformers that were made so far. A run that is killed
// leaves it, and the next one takes from it what it has. Conformers depend on the
// SMILES and on [Options] alone, so both runs make the same data.
//
// The file is a sequence of blocks: the length of the data and its CRC-32, each
// four bytes, little endian, and the data as MessagePack. The first block is
// [embeddedBy], the others are of type embedding. A block is written by one call;
// what is behind the last whole block is cut off when the file is opened.
type Embedded struct {
	mu    sync.Mutex
	f     *os.File
	end   int64
	at    map[string]int64 // offset of the block of a SMILES
	found int              // SMILES in the file when it was opened
	full  bool             // a block could not be written; no more are tried
}

// embeddedBy is what conformers depend on beside the SMILES.
type embeddedBy struct {
	Format, RDKit, Limit    string
	Tries, Conformers, Seed int
	XTB                     string // its version; empty without it
}

// embedding is what was made of a SMILES.
type embedding struct {
	SMILES           string
	Err              string
	Charge, Radicals int
	Elements         []byte
	Positions        []float64 // (conformers, atoms, 3) Å
	Energies         []float64 // (conformers) kcal/mol, of the last relaxation
}

// maxBlock bounds the length of a block in bytes.
const maxBlock = 1 << 28

// OpenEmbedded opens the file of conformers made with these options, or begins it.
// Conformers of other options are an error that names the option.
func OpenEmbedded(path string, o Options) (*Embedded, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fileError(path, err)
	}
	e := &Embedded{f: f, at: map[string]int64{}}
	by, err := o.by()
	if err == nil {
		err = e.load(by)
	}
	if err != nil {
		f.Close()
		return nil, fileError(path, err)
	}
	return e, nil
}

func (o Options) by() (by embeddedBy, err error) {
	by = embeddedBy{"symdiff-embedded 2", rdkit.Version(), o.limit().String(), o.tries(),
		max(1, o.Conformers), int(o.Seed & 0x7fffffff), ""}
	if o.XTB {
		program, missing := xtb.Find()
		if missing != nil {
			return by, missing
		}
		by.XTB, err = program.Version(context.Background())
	}
	return by, err
}

// load reads where blocks are, or writes the first.
func (e *Embedded) load(want embeddedBy) error {
	info, err := e.f.Stat()
	if err != nil {
		return err
	}
	var have embeddedBy
	next, ok := e.block(0, info.Size(), &have)
	if !ok {
		if info.Size() > 0 {
			return errors.New("is no file of conformers that a run has left; remove it, or choose another --out")
		}
		return e.append(want)
	}
	for _, field := range []struct {
		name       string
		have, want any
	}{
		{"format", have.Format, want.Format}, {"version of RDKit", have.RDKit, want.RDKit},
		{"--embed-limit", have.Limit, want.Limit},
		{"--tries", have.Tries, want.Tries}, {"--conformers", have.Conformers, want.Conformers},
		{"--seed", have.Seed, want.Seed}, {"--xtb (the program's version)", have.XTB, want.XTB},
	} {
		if field.have != field.want {
			return fmt.Errorf("has conformers of a run that was not finished, whose %s is %v, and here it is %v; "+
				"take the same, or remove the file", field.name, field.have, field.want)
		}
	}
	for ok {
		e.end = next
		var b embedding
		if next, ok = e.block(e.end, info.Size(), &b); ok {
			e.at[b.SMILES] = e.end
		}
	}
	e.found = len(e.at)
	return e.f.Truncate(e.end)
}

// block reads the block at an offset, and returns where the next begins; it is not
// ok where there is no whole one.
func (e *Embedded) block(at, size int64, v any) (next int64, ok bool) {
	var head [8]byte
	if _, err := e.f.ReadAt(head[:], at); err != nil {
		return 0, false
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > maxBlock || at+8+n > size {
		return 0, false
	}
	data := make([]byte, n)
	if _, err := e.f.ReadAt(data, at+8); err != nil && err != io.EOF {
		return 0, false
	}
	if crc32.ChecksumIEEE(data) != binary.LittleEndian.Uint32(head[4:]) ||
		msgpack.Unmarshal(data, v) != nil {
		return 0, false
	}
	return at + 8 + n, true
}

// append writes a block at the end.
func (e *Embedded) append(v any) error {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	if err := msgpack.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	data := b.Bytes()
	binary.LittleEndian.PutUint32(data, uint32(len(data)-8))
	binary.LittleEndian.PutUint32(data[4:], crc32.ChecksumIEEE(data[8:]))
	n, err := e.f.WriteAt(data, e.end)
	if err == nil {
		e.end += int64(n)
	}
	return err
}

// Found is the number of SMILES whose conformers were in the file when it was opened.
func (e *Embedded) Found() int {
	if e == nil {
		return 0
	}
	return e.found
}

// find takes what was made of a SMILES from the file.
func (e *Embedded) find(smiles string) (c rdkit.Conformers, failed error, ok bool) {
	if e == nil {
		return c, nil, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at, ok := e.at[smiles]
	var b embedding
	if ok {
		_, ok = e.block(at, e.end, &b)
	}
	n := len(b.Elements)
	if !ok || b.SMILES != smiles || len(b.Positions) != 3*n*len(b.Energies) {
		return c, nil, false
	}
	if b.Err != "" {
		return c, errors.New(b.Err), true
	}
	c = rdkit.Conformers{Charge: b.Charge, Radicals: b.Radicals, Energies: b.Energies}
	elements := make([]molecule.Element, n)
	for i, z := range b.Elements {
		elements[i] = molecule.Element(z)
	}
	for k := range b.Energies {
		m := &molecule.Molecule{Elements: elements, Positions: make([][3]float64, n)}
		for i := range m.Positions {
			copy(m.Positions[i][:], b.Positions[3*(n*k+i):])
		}
		c.Molecules = append(c.Molecules, m)
	}
	return c, nil, true
}

// keep writes what was made of a SMILES. It returns its first error, and then no other.
func (e *Embedded) keep(smiles string, c rdkit.Conformers, failed error) error {
	if e == nil {
		return nil
	}
	b := embedding{SMILES: smiles, Charge: c.Charge, Radicals: c.Radicals, Energies: c.Energies}
	if failed != nil {
		b.Err = failed.Error()
	}
	for k, m := range c.Molecules {
		for i, p := range m.Positions {
			if k == 0 {
				b.Elements = append(b.Elements, byte(m.Elements[i]))
			}
			b.Positions = append(b.Positions, p[:]...)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full {
		return nil
	}
	at := e.end
	if err := e.append(b); err != nil {
		e.full = true
		return fmt.Errorf("conformers from here on are not kept for another run: %w", err)
	}
	e.at[smiles] = at
	return nil
}

// Close leaves the file for the next run; Remove also removes it.
func (e *Embedded) Close() error {
	if e == nil {
		return nil
	}
	return e.f.Close()
}

// Remove removes the file, which is not needed any more.
func (e *Embedded) Remove() error {
	if e == nil {
		return nil
	}
	return errors.Join(e.f.Close(), os.Remove(e.f.Name()))
}
