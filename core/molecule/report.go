package molecule

import (
	"iter"
	"slices"
)

// Report is what [Evaluate] finds. The rates are fractions of 1: StableAtoms of
// the atoms, UniqueAmongValid of the valid molecules, Valid and ValidAndUnique of
// those that the rule judges, the others of all molecules; 0 where there is
// nothing to divide by.
type Report struct {
	Rule             Rule    `json:"rule"` // of validity and uniqueness
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
	// molecules with an element that the rule does not judge
	NotJudged int `json:"not_judged"`
	// valid molecules with a free valence: radicals, or a hydrogen is missing
	FreeValences int `json:"free_valences"`
}

// Evaluate measures all molecules of a sequence and stops at its first error.
// Stability, validity and uniqueness are those of [Molecule.StableAtoms],
// [Molecule.ValidBy] and [Molecule.KeyBy], by the rule of [ChooseRule].
func Evaluate(seq iter.Seq2[*Molecule, error]) (Report, error) {
	rule, seq := ChooseRule(seq)
	return EvaluateBy(rule, seq)
}

// EvaluateBy is Evaluate by a rule.
func EvaluateBy(rule Rule, seq iter.Seq2[*Molecule, error]) (Report, error) {
	r := Report{Rule: rule}
	keys := make(map[string]struct{})
	for m, err := range seq {
		if err != nil {
			return Report{}, err
		}
		r.add(m, keys)
	}
	r.Counts.Unique = len(keys)
	r.StableAtoms = ratio(r.Counts.StableAtoms, r.Atoms)
	r.StableMolecules = ratio(r.Counts.StableMolecules, r.Molecules)
	r.Valid = ratio(r.Counts.Valid, r.Molecules-r.Counts.NotJudged)
	r.UniqueAmongValid = ratio(r.Counts.Unique, r.Counts.Valid)
	r.ValidAndUnique = ratio(r.Counts.Unique, r.Molecules-r.Counts.NotJudged)
	r.Connected = ratio(r.Counts.Connected, r.Molecules)
	return r, nil
}

// add counts one molecule.
func (r *Report) add(m *Molecule, keys map[string]struct{}) {
	g := m.graph()
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
	if !r.Rule.Judges(m.Elements) {
		r.Counts.NotJudged++
		return
	}
	if g = m.graphBy(r.Rule); !first(g.valid(r.Rule)) {
		return
	}
	r.Counts.Valid++
	keys[g.key()] = struct{}{}
	if r.Rule == QM9Rule && g.free() {
		r.Counts.FreeValences++
	}
}

func first(ok bool, _ string) bool { return ok }

// free tells whether an atom has fewer bonds than its valence, after cleanUp.
func (g *graph) free() bool {
	for i, e := range g.elements {
		if g.valence[i] < limit(e, g.charge[i]) {
			return true
		}
	}
	return false
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
