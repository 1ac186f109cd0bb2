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
	// the plausible ones of molecules that occur Choice.MinCount times or more, each time
	Duplicates []*molecule.Molecule
	// the plausible ones that are molecules of the reference too, each time; nil if not asked for
	Memorised []*molecule.Molecule
	Read      int // molecules
	Plausible int // of these, to choose from
	Patterns  int // of the data
	Missing   int // molecules of a pattern of which there were not enough
}

// Choice is what Balance is asked for.
type Choice struct {
	N         int    // molecules, about
	MinCount  int    // how many times a molecule occurs that counts as duplicates
	Memorised bool   // whether Balanced.Memorised is asked for
	Seed      uint64 // the choice is a function of it
}

// Balance chooses about N of the plausible molecules of files (see molecule.Molecule.Plausible),
// without duplicates (see molecule.Molecule.Key). The sample is stratified: double and triple bonds
// and aromatic rings are as common as in the reference. Of each pattern it takes its share of N, or
// all that there are. A model that is trained on its own molecules as they come learns to avoid
// what it finds difficult.
func Balance(names []string, reference string, by Choice) (*Balanced, error) {
	wanted, total := map[string]int{}, 0
	ofData := map[string]bool{}
	for m, err := range Open(reference) {
		if err != nil {
			return nil, err
		}
		wanted[patternOf(m)]++
		total++
		if by.Memorised && m.Plausible() {
			ofData[m.Key()] = true
		}
	}
	out := &Balanced{Patterns: len(wanted)}
	var plausible []*molecule.Molecule
	var keys []string
	times := map[string]int{}
	for _, name := range names {
		for m, err := range Open(name) {
			if err != nil {
				return nil, err
			}
			out.Read++
			if m.Plausible() {
				key := m.Key()
				times[key]++
				plausible, keys = append(plausible, m), append(keys, key)
			}
		}
	}
	out.Plausible = len(times)
	found, seen := map[string][]*molecule.Molecule{}, map[string]bool{}
	for i, m := range plausible {
		if times[keys[i]] >= by.MinCount {
			out.Duplicates = append(out.Duplicates, m)
		}
		if ofData[keys[i]] {
			out.Memorised = append(out.Memorised, m)
		}
		if !seen[keys[i]] {
			seen[keys[i]] = true
			p := patternOf(m)
			found[p] = append(found[p], m)
		}
	}
	r := rand.New(rand.NewPCG(by.Seed, 0))
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		want, list := int(math.Round(float64(by.N)*float64(wanted[p])/float64(total))), found[p]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		out.Missing += max(0, want-len(list))
		out.Molecules = append(out.Molecules, list[:min(want, len(list))]...)
	}
	if len(out.Molecules) == 0 {
		return nil, fmt.Errorf("%s: no plausible molecule with the bonds of %s", strings.Join(names, ", "), reference)
	}
	return out, nil
}

// patternOf is what Balance counts.
func patternOf(m *molecule.Molecule) string {
	rings, bonds := pattern(m)
	return fmt.Sprintf("%srings:%d", bonds, rings)
}

// Paired are aromatic molecules, and others that differ from them in little else: Others[i] is the
// partner of Aromatic[i].
type Paired struct {
	Aromatic, Others []*molecule.Molecule
	SameFormula      int // pairs of one formula
	Alone            int // aromatic molecules without a partner
}

// shares is how many partners a molecule may have.
const shares = 3

// Pairs finds for each of the plausible aromatic molecules of files another one, plausible and without
// aromatic ring, with as many double and triple bonds of every kind (each up to 2), of the same
// formula where there is one. A molecule has at most 3 partners. The choice is a function of seed.
func Pairs(names []string, seed uint64) (*Paired, error) {
	type ring struct {
		*molecule.Molecule
		bonds string
	}
	var aromatic []ring
	others := map[string][]*molecule.Molecule{} // by bonds, and by formula and bonds
	for _, name := range names {
		for m, err := range Open(name) {
			if err != nil {
				return nil, err
			}
			if !m.Plausible() {
				continue
			}
			rings, bonds := pattern(m)
			if rings > 0 {
				aromatic = append(aromatic, ring{m, bonds})
				continue
			}
			others[bonds] = append(others[bonds], m)
			others[m.Formula()+" "+bonds] = append(others[m.Formula()+" "+bonds], m)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	partners := map[*molecule.Molecule]int{}
	choose := func(key string) *molecule.Molecule {
		for list := others[key]; len(list) > 0; list = others[key] {
			k := r.IntN(len(list))
			m := list[k]
			if partners[m] < shares {
				partners[m]++
				return m
			}
			list[k] = list[len(list)-1]
			others[key] = list[:len(list)-1]
		}
		return nil
	}
	out := &Paired{}
	for _, m := range aromatic {
		other := choose(m.Formula() + " " + m.bonds)
		if other != nil {
			out.SameFormula++
		} else if other = choose(m.bonds); other == nil {
			out.Alone++
			continue
		}
		out.Aromatic, out.Others = append(out.Aromatic, m.Molecule), append(out.Others, other)
	}
	if len(out.Aromatic) == 0 {
		return nil, fmt.Errorf("%s: no aromatic molecule, or no other with the bonds of one", strings.Join(names, ", "))
	}
	return out, nil
}

// pattern counts the aromatic rings of a molecule, and its double and triple bonds by their
// elements, each up to 2.
func pattern(m *molecule.Molecule) (rings int, bonds string) {
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
	return min(len(g.Rings), 2), s.String()
}
