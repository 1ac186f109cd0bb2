package molecule

import "slices"

// Rule is how EDM judges validity and uniqueness, which depends on the data set.
type Rule string

const (
	// QM9Rule takes bonds with the orders that [BondOrder] has. It judges molecules
	// of H, C, N, O and F.
	QM9Rule Rule = "qm9"
	// GEOMRule takes every bond as single, since the tables have double ones for few
	// of GEOM's elements (EDM: limit_bonds_to_one). It judges molecules of H, B, C,
	// N, O, F, Al, Si, P, S, Cl, As, Br, I, Hg and Bi.
	GEOMRule Rule = "geom"
)

// Name is the rule's name for a report.
func (r Rule) Name() string {
	if r == GEOMRule {
		return "EDM's rule for GEOM, every bond single"
	}
	return "EDM's rule for QM9"
}

// most is the largest valence of an element with a charge under the rule; 0 where
// it judges none.
func (r Rule) most(e Element, charge int) int {
	if r != GEOMRule || limit(e, 0) != 0 {
		return limit(e, charge)
	}
	switch e { // as RDKit's periodic table has them
	case 5, 13, 80:
		return 3
	case 14, 16:
		return 6
	case 15, 33, 83:
		return 7
	case 17, 35:
		return 1
	case 53:
		return 5
	}
	return 0
}

// Judges tells whether a rule judges molecules of these elements.
func (r Rule) Judges(elements []Element) bool {
	return !slices.ContainsFunc(elements, func(e Element) bool { return r.most(e, 0) == 0 })
}

// RuleOf is the rule by which the elements of a molecule can be judged: GEOM's
// where these go beyond those of QM9 and are among GEOM's, else QM9's.
func RuleOf(elements []Element) Rule {
	if !QM9Rule.Judges(elements) && GEOMRule.Judges(elements) {
		return GEOMRule
	}
	return QM9Rule
}

// graphBy is the graph of m under a rule, after the clean-up of [Molecule.Valid].
func (m *Molecule) graphBy(rule Rule) *graph {
	g := m.graph()
	if rule == GEOMRule {
		clear(g.valence)
		for k := range g.bonds {
			b := &g.bonds[k]
			b.Order = 1
			g.valence[b.I]++
			g.valence[b.J]++
		}
	}
	g.cleanUp()
	return g
}

// BondsBy lists the bonds under a rule.
func (m *Molecule) BondsBy(rule Rule) []Bond {
	bonds := m.Bonds()
	if rule == GEOMRule {
		for k := range bonds {
			bonds[k].Order = 1
		}
	}
	return bonds
}

// ValidBy is Valid under a rule.
func (m *Molecule) ValidBy(rule Rule) (ok bool, reason string) {
	return m.graphBy(rule).valid(rule)
}

// KeyBy is Key under a rule.
func (m *Molecule) KeyBy(rule Rule) string { return m.graphBy(rule).key() }
