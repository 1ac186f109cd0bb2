package molecule

import (
	"iter"
	"slices"
)

// Report is what [Evaluate] finds. The rates are fractions of 1: StableAtoms of
// the atoms, UniqueAmongValid of the valid molecules, the others of all
// molecules; 0 where there is nothing to divide by.
type Report struct {
	Molecules        int     `json:"molecules"`
	Atoms            int     `json:"atoms"`
	StableAtoms      float64 `json:"stable_atoms"`
	StableMolecules  float64 `json:"stable_molecules"`
	Valid            float64 `json:"valid"`
	UniqueAmongValid float64 `json:"unique_among_valid"`
	ValidAndUnique   float64 `json:"valid_and_unique"`
	Connected        float64 `json:"connected"`
	Counts           Counts  `json:"counts"`
}

// Counts are the numbers behind a report's rates.
type Counts struct {
	StableAtoms     int `json:"stable_atoms"`
	StableMolecules int `json:"stable_molecules"`
	Valid           int `json:"valid"`
	Unique          int `json:"unique"` // distinct keys among the valid
	Connected       int `json:"connected"`
	NotJudged       int `json:"not_judged"` // molecules with an element outside H, C, N, O, F: counted as not valid
}

// Evaluate measures all molecules of a sequence and stops at its first error.
// Stability, validity and uniqueness are those of [Molecule.StableAtoms],
// [Molecule.Valid] and [Molecule.Key].
func Evaluate(seq iter.Seq2[*Molecule, error]) (Report, error) {
	var r Report
	keys := make(map[string]struct{})
	for m, err := range seq {
		if err != nil {
			return Report{}, err
		}
		r.add(m.graph(), keys)
	}
	r.Counts.Unique = len(keys)
	r.StableAtoms = ratio(r.Counts.StableAtoms, r.Atoms)
	r.StableMolecules = ratio(r.Counts.StableMolecules, r.Molecules)
	r.Valid = ratio(r.Counts.Valid, r.Molecules)
	r.UniqueAmongValid = ratio(r.Counts.Unique, r.Counts.Valid)
	r.ValidAndUnique = ratio(r.Counts.Unique, r.Molecules)
	r.Connected = ratio(r.Counts.Connected, r.Molecules)
	return r, nil
}

// add counts one molecule.
func (r *Report) add(g *graph, keys map[string]struct{}) {
	r.Molecules++
	r.Atoms += len(g.elements)
	stable := g.stable()
	for _, s := range stable {
		if s {
			r.Counts.StableAtoms++
		}
	}
	if len(stable) > 0 && !slices.Contains(stable, false) {
		r.Counts.StableMolecules++
	}
	if len(g.fragments()) == 1 {
		r.Counts.Connected++
	}
	if !g.judged() {
		r.Counts.NotJudged++
	}
	g.cleanUp()
	if ok, _ := g.valid(); ok {
		r.Counts.Valid++
		keys[g.key()] = struct{}{}
	}
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
