package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mathext/prng"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// QM9Properties are the scalar properties of a QM9 file, in its order.
var QM9Properties = []string{"A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv"}

// isQM9 tells a file of QM9 by its second line.
func isQM9(head []byte) bool {
	_, rest, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(rest, []byte("gdb ")) || bytes.HasPrefix(rest, []byte("gdb\t"))
}

// parseQM9 reads a file of QM9 as published: the number of atoms, the tag gdb,
// the index and 15 properties, a line of symbol, position and charge per atom, then frequencies, two SMILES and two InChI. Numbers may
// be written 1.5*^-6 or 1.5D-6.
func parseQM9(data []byte) (*molecule.Molecule, int, error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	next := func() []string {
		if !lines.Scan() {
			return nil
		}
		return words(lines.Bytes())
	}
	first := next()
	if len(first) != 1 {
		return nil, 0, errors.New("line 1: want the number of atoms")
	}
	n, err := strconv.Atoi(first[0])
	if err != nil || n < 1 || n > 1000 {
		return nil, 0, fmt.Errorf("line 1: %q atoms, want 1 to 1000", first[0])
	}
	head := next()
	if len(head) < 2+len(QM9Properties) || head[0] != "gdb" {
		return nil, 0, errors.New("line 2: want gdb, the index and 15 properties")
	}
	index, err := strconv.Atoi(head[1])
	if err != nil || index < 1 {
		return nil, 0, fmt.Errorf("line 2: index %q", head[1])
	}
	m := &molecule.Molecule{Properties: []molecule.Property{{Key: "id", Value: fmt.Sprintf("gdb_%06d", index)}}}
	for k, name := range QM9Properties {
		v, err := number(head[2+k])
		if err != nil {
			return nil, 0, fmt.Errorf("line 2: %s: %w", name, err)
		}
		m.Properties = append(m.Properties, molecule.Property{Key: name, Value: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	for i := range n {
		line := next()
		if len(line) < 4 {
			return nil, 0, fmt.Errorf("line %d: want atom %d of %d", 3+i, i+1, n)
		}
		e, ok := molecule.ParseElement(line[0])
		if !ok {
			return nil, 0, fmt.Errorf("line %d: unknown element %q", 3+i, line[0])
		}
		var p [3]float64
		for k := range p {
			if p[k], err = number(line[1+k]); err != nil {
				return nil, 0, fmt.Errorf("line %d: %w", 3+i, err)
			}
		}
		m.Elements, m.Positions = append(m.Elements, e), append(m.Positions, p)
	}
	next() // frequencies
	if smiles := next(); len(smiles) > 0 {
		m.Properties = append(m.Properties, molecule.Property{Key: "smiles", Value: smiles[len(smiles)-1]})
	}
	return m, index, nil
}

// number reads a finite number whose exponent may be written *^ or D.
func number(text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.NewReplacer("*^", "e", "D", "e", "d", "e").Replace(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return v, nil
}

// Sizes of QM9 and of the split of Cormorant and EDM.
const (
	QM9Molecules  = 133_885
	qm9Consistent = 130_831
	qm9Train      = 100_000
	qm9Test       = qm9Consistent / 10
)

// ReadExcluded reads the list of molecules that fail QM9's consistency check: of
// every line the first word, where it is a number.
func ReadExcluded(r io.Reader) (map[int]bool, error) {
	excluded := map[int]bool{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if w := words(lines.Bytes()); len(w) > 0 {
			if n, err := strconv.Atoi(w[0]); err == nil && n >= 1 && n <= QM9Molecules {
				excluded[n] = true
			}
		}
	}
	return excluded, lines.Err()
}

// QM9Split is the split of all QM9 molecules, molecule k (from 1) at k-1: t for
// training, v for validation, e for test, x for excluded. The molecules that
// are not excluded, in their order, are permuted as by
// numpy.random.RandomState(0).permutation: the first 100,000 train, the last
// tenth tests, those between validate.
func QM9Split(excluded map[int]bool) ([]byte, error) {
	if len(excluded) != QM9Molecules-qm9Consistent {
		return nil, fmt.Errorf("%d molecules are excluded, want %d", len(excluded), QM9Molecules-qm9Consistent)
	}
	split, kept := bytes.Repeat([]byte("x"), QM9Molecules), make([]int, 0, qm9Consistent)
	for k := range QM9Molecules {
		if !excluded[k+1] {
			kept = append(kept, k)
		}
	}
	for place, k := range Permutation(0, len(kept)) {
		switch {
		case place < qm9Train:
			split[kept[k]] = 't'
		case place < len(kept)-qm9Test:
			split[kept[k]] = 'v'
		default:
			split[kept[k]] = 'e'
		}
	}
	return split, nil
}

// Permutation is numpy.random.RandomState(seed).permutation(n): Fisher-Yates from
// the end, the place of each element drawn by rejection from the low bits of the
// Mersenne Twister.
//
// Source: numpy, random/mtrand.pyx (shuffle), legacy-distributions.c.
func Permutation(seed uint32, n int) []int {
	r := prng.NewMT19937()
	r.Seed(uint64(seed))
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		mask := uint32(1)<<bitLength(uint32(i)) - 1
		j := r.Uint32() & mask
		for j > uint32(i) {
			j = r.Uint32() & mask
		}
		p[i], p[j] = p[j], p[i]
	}
	return p
}

func bitLength(v uint32) (n int) {
	for ; v > 0; v >>= 1 {
		n++
	}
	return n
}
