package evaluation

import (
	"errors"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// Structures of all kinds of groups have the graphs of their SMILES; with the SMILES of others they
// fail by kind.
func TestCompareBonds(t *testing.T) {
	all := lewisCases(t)
	b, err := CompareBonds(t.Context(), list(all), BondOptions{Name: "set", List: 5})
	if !rdkit.Available {
		if !errors.Is(err, rdkit.ErrMissing) {
			t.Errorf("without RDKit: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	n := len(all)
	if b.Molecules != n || b.Same.Count != n || b.Skeleton.Count != n || b.Aromatic.Count != n || len(b.Kinds) > 0 ||
		b.Neutral.Of >= n || b.Neutral.Count != b.Neutral.Of || b.Table.Count >= n {
		t.Errorf("%d molecules: %+v", n, b)
	}
	named := map[string]*molecule.Molecule{}
	for _, m := range all {
		name, _ := m.Property("title")
		named[name] = m
	}
	with := func(name, smiles string) *molecule.Molecule {
		m := named[name]
		return &molecule.Molecule{Elements: m.Elements, Positions: m.Positions,
			Properties: []molecule.Property{{Key: "smiles", Value: smiles}}}
	}
	b, err = CompareBonds(t.Context(), list([]*molecule.Molecule{
		with("azide", "C[N-][N+]#N"), with("purine", "c1ccccc1"), with("water", "O"), with("water", "no SMILES"),
		with("acetate", "CC(=O)[O-]"),
	}), BondOptions{Name: "set", List: 1})
	if err != nil {
		t.Fatal(err)
	}
	if b.Molecules != 4 || b.Same.Count != 2 || b.Skeleton.Count != 3 || b.Kinds["another resonance form"] != 1 ||
		b.Kinds["other atoms are bonded"] != 1 || len(b.Failures) != 1 || b.Failures[0].Index != 1 ||
		b.Failures[0].Found != "CN=[N+]=[N-]" {
		t.Errorf("%+v", b)
	}
}

// A SMILES with bonds that no Kekulé structure has is compared like any other.
func TestCompareBondsOfAnyOrder(t *testing.T) {
	if !rdkit.Available {
		t.Skip("needs RDKit")
	}
	var all []*molecule.Molecule
	for _, smiles := range []string{"C$C", "C~C", "[CH3]->[Fe]", "C=C"} {
		all = append(all, &molecule.Molecule{Elements: []molecule.Element{molecule.C, molecule.C},
			Positions: [][3]float64{{}, {0, 0, 1.2}}, Properties: []molecule.Property{{Key: "smiles", Value: smiles}}})
	}
	b, err := CompareBonds(t.Context(), list(all), BondOptions{Name: "set"})
	if err != nil || b.Molecules != len(all) || b.Same.Count != 0 || b.Features.Count != 0 {
		t.Errorf("%+v, %v", b, err)
	}
}
