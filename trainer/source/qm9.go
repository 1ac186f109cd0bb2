package source

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mathext/prng"
)

// Sizes of QM9 and of the split of Cormorant and EDM.
const (
	qm9Molecules  = 133_885
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
		if w := strings.Fields(lines.Text()); len(w) > 0 {
			if n, err := strconv.Atoi(w[0]); err == nil && n >= 1 && n <= qm9Molecules {
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
	if len(excluded) != qm9Molecules-qm9Consistent {
		return nil, fmt.Errorf("%d molecules are excluded, want %d", len(excluded),
			qm9Molecules-qm9Consistent)
	}
	split, kept := bytes.Repeat([]byte("x"), qm9Molecules), make([]int, 0, qm9Consistent)
	for k := range qm9Molecules {
		if !excluded[k+1] {
			kept = append(kept, k)
		}
	}
	for place, k := range permutation(0, len(kept)) {
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

// permutation is numpy.random.RandomState(seed).permutation(n): Fisher-Yates from
// the end, the place of each element drawn by rejection from the low bits of the
// Mersenne Twister.
//
// Source: numpy, random/mtrand.pyx (shuffle), legacy-distributions.c.
func permutation(seed uint32, n int) []int {
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
