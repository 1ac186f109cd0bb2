package dataset

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"symdiff/core/molecule"
)

// Balanced are molecules that were chosen from others, and what there was to choose from.
type Balanced struct {
	Molecules []*molecule.Molecule
	Repeated  []*molecule.Molecule // the sound ones, every time, of molecules that occur Often times or more
	Read      int                  // molecules
	Sound     int                  // of these, to choose from
	Patterns  int                  // of the data
	Missing   int                  // molecules of a pattern of which there were not enough
}

// Often is how many times a molecule occurs that is repeated.
const Often = 3

// Balance chooses about n of the sound molecules of files (see molecule.Molecule.Sound), none of them twice (see
// molecule.Molecule.Key), so that double and triple bonds and aromatic rings are as common among them as in the data of like: of each
// pattern as many as its share of n, or all that there are. A model's own molecules, trained on as they come, would teach it to
// avoid what it finds difficult, and to repeat what it repeats. The choice is a function of seed.
func Balance(names []string, like string, n int, seed uint64) (*Balanced, error) {
	wanted, total := map[string]int{}, 0
	for m, err := range Open(like) {
		if err != nil {
			return nil, err
		}
		wanted[pattern(m)]++
		total++
	}
	out := &Balanced{Patterns: len(wanted)}
	var sound []*molecule.Molecule
	var keys []string
	times := map[string]int{}
	for _, name := range names {
		for m, err := range Open(name) {
			if err != nil {
				return nil, err
			}
			out.Read++
			if m.Sound() {
				key := m.Key()
				times[key]++
				sound, keys = append(sound, m), append(keys, key)
			}
		}
	}
	out.Sound = len(times)
	found, seen := map[string][]*molecule.Molecule{}, map[string]bool{}
	for i, m := range sound {
		if times[keys[i]] >= Often {
			out.Repeated = append(out.Repeated, m)
		}
		if !seen[keys[i]] {
			seen[keys[i]] = true
			p := pattern(m)
			found[p] = append(found[p], m)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		want, list := int(math.Round(float64(n)*float64(wanted[p])/float64(total))), found[p]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		out.Missing += max(0, want-len(list))
		out.Molecules = append(out.Molecules, list[:min(want, len(list))]...)
	}
	if len(out.Molecules) == 0 {
		return nil, fmt.Errorf("%s: no sound molecule with the bonds of %s", strings.Join(names, ", "), like)
	}
	return out, nil
}

// pattern counts the aromatic rings of a molecule and its double and triple bonds by their elements, each up to 2.
func pattern(m *molecule.Molecule) string {
	g := m.Geometry()
	counts := map[string]int{"rings": len(g.Rings)}
	for _, l := range g.Lengths {
		if l.Order > 1 {
			a, b := m.Elements[l.I], m.Elements[l.J]
			counts[fmt.Sprint(min(a, b).Symbol(), l.Order, max(a, b).Symbol())]++
		}
	}
	var s strings.Builder
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&s, "%s:%d ", key, min(counts[key], 2))
	}
	return s.String()
}
