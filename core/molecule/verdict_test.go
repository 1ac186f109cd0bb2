package molecule

import (
	"iter"
	"slices"
	"testing"
)

// By GEOM's rule bonds, stable atoms and fragments are of one structure, and are those of Checks, also
// where an atom was taken away, but for four atoms with aromatic bonds, whose sum of orders is listed
// for bonds that are not aromatic. A report of a model's molecules counts them.
func TestJudgeByGEOM(t *testing.T) {
	cases := lewisCases(t)
	for _, m := range cases[:len(cases):len(cases)] {
		less := *m
		less.Elements, less.Positions = m.Elements[1:], m.Positions[1:]
		cases = append(cases, &less)
	}
	stable, byTable, more := 0, 0, 0
	for _, m := range cases {
		c, v := m.Checks(m.Charge()), m.Judge(GEOMRule)
		atoms := 0
		for _, ok := range v.StableAtoms {
			if ok {
				atoms++
			}
		}
		more += atoms - c.StableAtoms
		if atoms < c.StableAtoms || v.Connected() != c.Connected ||
			!slices.Equal(v.Bonds, m.Lewis(m.Charge()).Bonds) {
			name, _ := m.Property("title")
			t.Errorf("%s: %d stable atoms, stable %v, connected %v; Checks has %+v", name, atoms, v.Stable(),
				v.Connected(), c)
		}
		if v.Stable() {
			stable++
		}
		if m.Stable() {
			byTable++
		}
	}
	t.Logf("%d of %d stable; by EDM's table %d", stable, len(cases), byTable)
	if stable < 2*byTable || more > 4 {
		t.Errorf("%d of %d stable, by EDM's table %d; %d atoms more than by Checks", stable, len(cases), byTable, more)
	}
	r, err := EvaluateJudged(GEOMRule, sequence(cases))
	if err != nil || r.Counts.StableMolecules != stable || r.Molecules != len(cases) || r.Rule != GEOMRule ||
		r.StableMolecules != float64(stable)/float64(len(cases)) {
		t.Errorf("%+v, %v; want %d stable", r, err, stable)
	}
}

// By QM9's rule all is EDM's.
func TestJudgeByQM9(t *testing.T) {
	cases := lewisCases(t)
	for _, m := range cases {
		valid, reason := m.Valid()
		v := m.Judge(QM9Rule)
		if !slices.Equal(v.Bonds, m.Bonds()) || !slices.Equal(v.StableAtoms, m.StableAtoms()) || v.Stable() != m.Stable() ||
			v.Fragments != len(m.Fragments()) || v.Valid != valid || v.Reason != reason {
			t.Errorf("%s: %+v", m.Formula(), v)
		}
	}
	got, err := EvaluateJudged(QM9Rule, sequence(cases))
	want, _ := EvaluateBy(QM9Rule, sequence(cases))
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func sequence(molecules []*Molecule) iter.Seq2[*Molecule, error] {
	return func(yield func(*Molecule, error) bool) {
		for _, m := range molecules {
			if !yield(m, nil) {
				return
			}
		}
	}
}
