package evaluation

import (
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// without is a molecule that has lost atoms.
func without(m *molecule.Molecule, atoms ...int) *molecule.Molecule {
	out := &molecule.Molecule{}
	for i, e := range m.Elements {
		if !slices.Contains(atoms, i) {
			out.Elements = append(out.Elements, e)
			out.Positions = append(out.Positions, m.Positions[i])
		}
	}
	return out
}

func TestFailures(t *testing.T) {
	methane := &molecule.Molecule{
		Elements:  []molecule.Element{molecule.C, molecule.H, molecule.H, molecule.H, molecule.H},
		Positions: [][3]float64{{}, {0.63, 0.63, 0.63}, {-0.63, -0.63, 0.63}, {-0.63, 0.63, -0.63}, {0.63, -0.63, -0.63}},
	}
	far := &molecule.Molecule{Elements: slices.Clone(methane.Elements), Positions: slices.Clone(methane.Positions)}
	far.Positions[4] = [3]float64{9, 0, 0}
	e := evaluate(t, []*molecule.Molecule{methane, without(methane, 4), without(methane, 3, 4), far, {}}, Options{})
	want := []AtomFailure{{"C", 3, 2, 2}, {"C", 2, 1, 1}, {"H", 0, 1, 1}}
	// CH3
	if !slices.Equal(e.Failures.Atoms, want) || e.Failures.Pieces != 1 || e.Failures.Odd != 1 {
		t.Errorf("%+v, want %+v, one in pieces and one odd", e.Failures, want)
	}
	var titles []string
	for _, m := range e.failing {
		titles = append(titles, m.Title)
		if n := strings.Count(m.SVG(), `class="marked"`); n != strings.Count(m.Title, " with ") {
			t.Errorf("%s: %d atoms are marked", m.Title, n)
		}
	}
	if list := strings.Join(titles, "; "); list != "2: C with 3; 3: C with 2; 4: C with 3, H with 0, 2 pieces" {
		t.Errorf("drawn are %q", list)
	}
	var text, page strings.Builder
	if err := e.Document().Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := e.Document().HTML(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "C with 3") || !strings.Contains(text.String(),
		"1 of 5 molecules are in several pieces") || !strings.Contains(text.String(), "1 of 5 molecules could not") ||
		strings.Count(page.String(), "<circle") != 4+3+5+4 {
		t.Errorf("%s\n%s", text.String(), page.String())
	}

	good := evaluate(t, []*molecule.Molecule{methane}, Options{})
	text.Reset()
	if err := good.Document().Text(&text); err != nil {
		t.Fatal(err)
	}
	if len(good.Failures.Atoms) > 0 || strings.Contains(text.String(), "Failures") {
		t.Errorf("methane fails: %s", text.String())
	}
}
