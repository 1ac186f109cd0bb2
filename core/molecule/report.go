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
// [Molecule.ValidBy] and [Molecule.KeyBy]. The rule is one for all of them,
// whatever their order: GEOM's where [RuleOf] has it for any molecule, else QM9's.
func Evaluate(seq iter.Seq2[*Molecule, error]) (Report, error) { return EvaluateBy("", seq) }

// EvaluateBy is Evaluate by a rule; "" chooses it as Evaluate does.
func EvaluateBy(rule Rule, seq iter.Seq2[*Molecule, error]) (Report, error) {
	var r Report
	judges := judgesBy(rule)
	for m, err := range seq {
		if err != nil {
			return Report{}, err
		}
		g := m.graph()
		r.count(g)
		if len(judges) > 1 && RuleOf(m.Elements) == GEOMRule {
			judges = judges[1:] // QM9's rule is out from here on
		}
		for _, j := range judges {
			j.judge(m)
		}
	}
	j := judges[0]
	r.Rule = j.rule
	r.Counts.Valid, r.Counts.NotJudged, r.Counts.FreeValences = j.valid, j.notJudged, j.free
	r.Counts.Unique = len(j.keys)
	r.StableAtoms = ratio(r.Counts.StableAtoms, r.Atoms)
	r.StableMolecules = ratio(r.Counts.StableMolecules, r.Molecules)
	r.Valid = ratio(r.Counts.Valid, r.Molecules-r.Counts.NotJudged)
	r.UniqueAmongValid = ratio(r.Counts.Unique, r.Counts.Valid)
	r.ValidAndUnique = ratio(r.Counts.Unique, r.Molecules-r.Counts.NotJudged)
	r.Connected = ratio(r.Counts.Connected, r.Molecules)
	return r, nil
}

// EvaluateJudged is EvaluateBy for molecules that a model made: what is stable and connected is
// that of [Molecule.Judge].
func EvaluateJudged(rule Rule, seq iter.Seq2[*Molecule, error]) (Report, error) {
	if rule != GEOMRule {
		return EvaluateBy(rule, seq)
	}
	var c Counts
	r, err := EvaluateBy(rule, func(yield func(*Molecule, error) bool) {
		for m, err := range seq {
			if err == nil {
				c.add(m.Judge(rule))
			}
			if !yield(m, err) {
				return
			}
		}
	})
	r.Counts.StableAtoms, r.Counts.StableMolecules, r.Counts.Connected = c.StableAtoms,
		c.StableMolecules, c.Connected
	r.StableAtoms = ratio(c.StableAtoms, r.Atoms)
	r.StableMolecules = ratio(c.StableMolecules, r.Molecules)
	r.Connected = ratio(c.Connected, r.Molecules)
	return r, err
}

// add counts what of a verdict differs from EDM's measures.
func (c *Counts) add(v Verdict) {
	for _, stable := range v.StableAtoms {
		if stable {
			c.StableAtoms++
		}
	}
	if v.Stable() {
		c.StableMolecules++
	}
	if v.Connected() {
		c.Connected++
	}
}

// count counts what does not depend on the rule.
func (r *Report) count(g *graph) {
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
}

// judge counts what depends on the rule.
type judge struct {
	rule                   Rule
	valid, notJudged, free int
	keys                   map[string]struct{} // of the valid
}

// judgesBy is a judge by a rule; by each, that of QM9 first, while none is chosen.
func judgesBy(rule Rule) (judges []*judge) {
	rules := []Rule{rule}
	if rule == "" {
		rules = []Rule{QM9Rule, GEOMRule}
	}
	for _, r := range rules {
		judges = append(judges, &judge{rule: r, keys: map[string]struct{}{}})
	}
	return judges
}

func (j *judge) judge(m *Molecule) {
	if !j.rule.Judges(m.Elements) {
		j.notJudged++
		return
	}
	g := m.graphBy(j.rule)
	if ok, _ := g.valid(j.rule); !ok {
		return
	}
	j.valid++
	j.keys[g.key()] = struct{}{}
	if j.rule == QM9Rule && g.free() {
		j.free++
	}
}

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
