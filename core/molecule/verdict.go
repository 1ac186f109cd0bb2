package molecule

import "slices"

// Verdict is the judgement of a molecule that a model made.
type Verdict struct {
	Bonds       []Bond
	StableAtoms []bool // (N) whether the atom has a valence of its element
	Fragments   int
	Valid       bool
	Reason      string // why it is not valid
}

// Stable tells whether there are atoms and all of them are stable.
func (v *Verdict) Stable() bool {
	return len(v.StableAtoms) > 0 && !slices.Contains(v.StableAtoms, false)
}

// Connected tells whether the atoms form exactly one fragment.
func (v *Verdict) Connected() bool { return v.Fragments == 1 }

// Judge judges a molecule by the rule of the data set of the model that made it. Validity is that
// of [Molecule.ValidBy]. By [QM9Rule] bonds, stability and fragments are EDM's too. EDM's table of
// bonds knows no aromatic ones, and little of elements beyond QM9's: by [GEOMRule] bonds and
// fragments are those of the Lewis structure, and an atom is stable if its valence is one of
// GEOM-Drugs revisited, as [Molecule.Checks] has it.
func (m *Molecule) Judge(rule Rule) Verdict {
	var v Verdict
	if rule == GEOMRule {
		v.Valid, v.Reason = m.ValidBy(rule)
		l := m.Lewis(m.Charge())
		v.Bonds, v.StableAtoms = l.Bonds, l.listed()
		v.Fragments = len(l.graph().fragments())
		return v
	}
	g := m.graph()
	v.Bonds, v.StableAtoms, v.Fragments = slices.Clone(g.bonds), g.stable(), len(g.fragments())
	g.cleanUp()
	v.Valid, v.Reason = g.valid(rule)
	return v
}

// listed reports for each atom whether it has a listed valence. It does not look for aromatic
// bonds, which takes a lot of code for a page: in a Kekulé structure without unpaired electrons the
// orders of a aromatic bonds sum to a or a+1. Of the 103 structures of the tests and 193 molecules
// of GEOM-Drugs one atom, the O+ of pyrylium, is judged otherwise than by [Molecule.Checks].
func (l *Lewis) listed() []bool {
	sums := make([]int, len(l.Elements))
	charges := slices.Clone(l.Charges)
	edges := l.graph().edges(all(len(l.Elements)))
	for _, b := range l.Bonds {
		order := b.Order
		if s, o, ok := sulfoxide(l.Elements, edges, b); ok {
			charges[s], charges[o], order = charges[s]+1, charges[o]-1, 1
		}
		sums[b.I] += order
		sums[b.J] += order
	}
	stable := make([]bool, len(sums))
	for i, e := range l.Elements {
		stable[i] = l.Radicals[i] == 0 && slices.ContainsFunc(listedValences, func(v listed) bool {
			return v.element == e && v.charge == charges[i] &&
				slices.ContainsFunc(v.bonds, func(n [2]int) bool {
					more := sums[i] - n[0] - n[1]
					return more == 0 || more == 1 && n[0] > 0
				})
		})
	}
	return stable
}
