package dataset

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Balanced are molecules that were chosen from others, and what there was to choose from.
type Balanced struct {
	Molecules []*molecule.Molecule
	Read      int // molecules
	Plausible int // different ones of these, to choose from
	Patterns  int // of the data
	Missing   int // molecules of a pattern of which there were not enough
}

// Balance chooses about n of the plausible molecules of files (see molecule.Molecule.Plausible),
// without duplicates (see molecule.Molecule.Key). The sample is stratified: double and triple bonds
// and aromatic rings are as common as in the reference. Of each pattern it takes its share of n, or
// all that there are. The choice is a function of seed. A model that is trained on its own molecules
// as they come learns to avoid what it finds difficult.
func Balance(names []string, reference string, n int, seed uint64) (*Balanced, error) {
	wanted, total := map[string]int{}, 0
	for m, err := range Open(reference) {
		if err != nil {
			return nil, err
		}
		wanted[patternOf(m)]++
		total++
	}
	out := &Balanced{Patterns: len(wanted)}
	found, seen := map[string][]*molecule.Molecule{}, map[string]bool{}
	for _, name := range names {
		for m, err := range Open(name) {
			if err != nil {
				return nil, err
			}
			out.Read++
			if !m.Plausible() {
				continue
			}
			if key := m.Key(); !seen[key] {
				seen[key] = true
				p := patternOf(m)
				found[p] = append(found[p], m)
			}
		}
	}
	out.Plausible = len(seen)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		want, list := int(math.Round(float64(n)*float64(wanted[p])/float64(total))), found[p]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		out.Missing += max(0, want-len(list))
		out.Molecules = append(out.Molecules, list[:min(want, len(list))]...)
	}
	if len(out.Molecules) == 0 {
		return nil, fmt.Errorf("%s: no plausible molecule with the bonds of %s",
			strings.Join(names, ", "), reference)
	}
	return out, nil
}

// patternOf counts the aromatic rings of a molecule, and its double and triple bonds by their
// elements, each up to 2.
func patternOf(m *molecule.Molecule) string {
	g := m.Geometry()
	counts := map[string]int{}
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
	fmt.Fprintf(&s, "rings:%d", min(len(g.Rings), 2))
	return s.String()
}
