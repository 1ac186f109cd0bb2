package dataset

import (
	"fmt"
	"iter"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Open reads the molecules of a file, one at a time. name is a path of a format
// that molecule.Open knows, or a packed data set (.safetensors), perhaps with @key=value: then only molecules with
// that property are taken. An error ends the sequence.
func Open(name string) iter.Seq2[*molecule.Molecule, error] {
	return func(yield func(*molecule.Molecule, error) bool) {
		path, filter, key, value, err := splitName(name)
		if err != nil {
			yield(nil, err)
			return
		}
		all, taken := molecule.Open(path), 0
		if isPacked(path) {
			p, err := OpenPacked(path)
			if err != nil {
				yield(nil, err)
				return
			}
			from, to, err := p.part(key, value)
			if err != nil {
				yield(nil, err)
				return
			}
			all, key = p.molecules(from, to), ""
		}
		for m, err := range all {
			if err == nil && key != "" {
				if v, ok := m.Property(key); !ok || v != value {
					continue
				}
			}
			taken++
			if !yield(m, err) || err != nil {
				return
			}
		}
		if taken == 0 {
			yield(nil, fmt.Errorf("%s: no molecules%s", path, map[bool]string{true: " with " + filter}[filter != ""]))
		}
	}
}
