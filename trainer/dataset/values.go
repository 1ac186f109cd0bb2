package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Values reads a scalar property of the molecules that Load takes from the same names, in their
// order; NaN where a molecule does not have it. A value that is no number is an error that names
// the file and the molecule, and so is a property that no molecule has.
func Values(names []string, property string, limit int) ([]float32, error) {
	return (*Reader)(nil).Values(names, property, limit)
}

// Values is that of the molecules that this reader's Load takes.
func (r *Reader) Values(names []string, property string, limit int) ([]float32, error) {
	var list []float32
	known := 0
	for _, name := range names {
		for rec, err := range r.quiet().records(name) {
			if err != nil {
				return nil, err
			}
			if limit > 0 && len(list) >= limit {
				break
			}
			text, ok := rec.Molecule.Property(property)
			if !ok {
				list = append(list, float32(math.NaN()))
				continue
			}
			v, err := strconv.ParseFloat(text, 32)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("%s, molecule %d: property %s is %q, want a number", name, rec.Number,
					property, text)
			}
			list, known = append(list, float32(v)), known+1
		}
	}
	if known == 0 {
		return nil, fmt.Errorf("%s: no molecule has a property %s", strings.Join(names, ", "), property)
	}
	return list, nil
}
