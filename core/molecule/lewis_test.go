package molecule

import (
	"bytes"
	_ "embed"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Structures by GFN2-xTB, with the bonds, charges and unpaired electrons of the SMILES that they were
// made of, aromatic bonds as type 4. A test with RDKit compares them with the property smiles.
//
//go:embed testdata/lewis.sdf
var lewisSDF []byte

func lewisCases(t testing.TB) []*Molecule {
	t.Helper()
	all, err := collect(ReadSDF(bytes.NewReader(lewisSDF), "lewis.sdf"))
	if err != nil || len(all) < 100 {
		t.Fatalf("%d molecules, %v", len(all), err)
	}
	return all
}

// bare is a molecule without what its file states.
func bare(m *Molecule) *Molecule { return &Molecule{Elements: m.Elements, Positions: m.Positions} }

func TestLewisFindsTheGraphOfTheSMILES(t *testing.T) {
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		l := bare(m).Lewis(m.Charge())
		bonds, aromatic := slices.Clone(l.Bonds), l.Aromatic()
		for k := range bonds {
			if aromatic[k] {
				bonds[k].Order = 4
			}
		}
		if !slices.Equal(bonds, m.FileBonds) {
			t.Errorf("%s: bonds %v, want %v", name, bonds, m.FileBonds)
		}
		if !slices.Equal(whole(l.Charges, len(l.Charges)), m.FileCharges) {
			t.Errorf("%s: charges %v, want %v", name, l.Charges, m.FileCharges)
		}
		if !slices.Equal(whole(l.Radicals, len(l.Radicals)), m.FileRadicals) {
			t.Errorf("%s: unpaired electrons %v, want %v", name, l.Radicals, m.FileRadicals)
		}
		if l.Charge() != m.Charge() {
			t.Errorf("%s: charge %d, want %d", name, l.Charge(), m.Charge())
		}
	}
}

// Every bit of all Kekulé structures is the same natively and as WebAssembly, which runs this test
// too.
func TestLewisIsTheSameEverywhere(t *testing.T) {
	h := fnv.New64a()
	for _, m := range lewisCases(t) {
		l := bare(m).Lewis(m.Charge())
		aromatic := l.Aromatic()
		for k, b := range l.Bonds {
			h.Write([]byte{byte(b.I), byte(b.J), byte(b.Order)})
			if aromatic[k] {
				h.Write([]byte{1})
			}
		}
		for i, q := range l.Charges {
			h.Write([]byte{byte(q), byte(l.Radicals[i])})
		}
	}
	const want = "ba95bba23c46790"
	if got := strconv.FormatUint(h.Sum64(), 16); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// The order of the atoms decides only between pairings of one weight: what they have in common does
// not depend on it.
func TestLewisOfReversedAtoms(t *testing.T) {
	summary := func(m *Molecule, l *Lewis) (s [4]int) {
		aromatic := l.Aromatic()
		for k, b := range l.Bonds {
			s[0] += b.Order
			if aromatic[k] {
				s[1]++
			}
		}
		for i, q := range l.Charges {
			s[2] += q * q * int(m.Elements[i])
			s[3] += l.Radicals[i] * int(m.Elements[i])
		}
		return s
	}
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		r := bare(m)
		r.Elements, r.Positions = slices.Clone(r.Elements), slices.Clone(r.Positions)
		slices.Reverse(r.Elements)
		slices.Reverse(r.Positions)
		got, want := summary(r, r.Lewis(m.Charge())), summary(m, bare(m).Lewis(m.Charge()))
		if got != want {
			t.Errorf("%s: orders, aromatic bonds, charges, radicals %v reversed, %v as it is", name, got, want)
		}
	}
}

// The total charge decides what an atom without an octet is.
func TestLewisTakesTheTotalCharge(t *testing.T) {
	named := map[string]*Molecule{}
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		named[name] = m
	}
	for _, c := range []struct {
		name              string
		charge            int
		charges, radicals string // by element
	}{
		{"methyl radical", 0, "", "C1"}, {"methyl radical", 1, "C+1", ""}, {"methyl radical", -1, "C-1", ""},
		{"acetate", -1, "O-1", ""}, {"acetate", 0, "", "O1"},
		{"betaine", 0, "N+1 O-1", ""}, {"betaine", 1, "N+1", "O1"},
		{"superoxide-like TEMPO", 0, "", "O1"}, {"superoxide-like TEMPO", 1, "N+1", ""},
		{"superoxide-like TEMPO", -1, "O-1", ""},
		{"nitrobenzene", 0, "N+1 O-1", ""},
	} {
		m := named[c.name]
		if m == nil {
			t.Fatalf("no molecule %s", c.name)
		}
		l := bare(m).Lewis(c.charge)
		var charges, radicals []string
		for i, e := range m.Elements {
			if q := l.Charges[i]; q > 0 {
				charges = append(charges, e.Symbol()+"+"+strconv.Itoa(q))
			} else if q < 0 {
				charges = append(charges, e.Symbol()+strconv.Itoa(q))
			}
			if n := l.Radicals[i]; n > 0 {
				radicals = append(radicals, e.Symbol()+strconv.Itoa(n))
			}
		}
		slices.Sort(charges)
		if got := strings.Join(charges, " "); got != c.charges {
			t.Errorf("%s of charge %d: charges %q, want %q", c.name, c.charge, got, c.charges)
		}
		if got := strings.Join(radicals, " "); got != c.radicals {
			t.Errorf("%s of charge %d: radicals %q, want %q", c.name, c.charge, got, c.radicals)
		}
	}
}

// What is no molecule has a Lewis structure in which no atom has more bonds than it can have.
func TestLewisOfNoMolecule(t *testing.T) {
	spot, line, grid := &Molecule{}, &Molecule{}, &Molecule{}
	for i := range 3000 {
		spot.Elements, spot.Positions = append(spot.Elements, C), append(spot.Positions, [3]float64{})
		line.Elements = append(line.Elements, []Element{C, N, O, 16, H}[i%5])
		line.Positions = append(line.Positions, [3]float64{1.3 * float64(i), 0, 0})
		grid.Elements = append(grid.Elements, []Element{C, N}[i%7/6])
		grid.Positions = append(grid.Positions, [3]float64{1.4 * float64(i%55), 1.4 * float64(i/55), 0})
	}
	strange := &Molecule{Elements: []Element{0, 26, 92, 255, 11, 17},
		Positions: [][3]float64{{}, {1, 0, 0}, {2, 0, 0}, {3, 0, 0}, {4, 0, 0}, {9, 0, 0}}}
	for name, m := range map[string]*Molecule{"nothing": {}, "one spot": spot, "a line": line, "a grid": grid,
		"strange elements": strange, "two carbons": {Elements: []Element{C, C}, Positions: [][3]float64{{}, {1.24, 0, 0}}}} {
		l := m.Lewis(0)
		degree := make([]int, len(m.Elements))
		for _, b := range l.Bonds {
			degree[b.I]++
			degree[b.J]++
			if b.Order < 1 || b.Order > 3 || b.I >= b.J {
				t.Fatalf("%s: bond %v", name, b)
			}
		}
		for i, e := range m.Elements {
			if degree[i] > mostBonds(e) {
				t.Fatalf("%s: atom %d has %d bonds", name, i, degree[i])
			}
		}
		if len(l.Aromatic()) != len(l.Bonds) || len(l.Charges) != len(m.Elements) || len(l.Radicals) != len(m.Elements) {
			t.Errorf("%s: %d flags of %d bonds, %d charges", name, len(l.Aromatic()), len(l.Bonds), len(l.Charges))
		}
	}
	if l := strange.Lewis(0); len(l.Bonds) > 0 || l.Charges[5] != 0 || l.Radicals[5] != 1 {
		t.Errorf("chlorine among metals: %+v", l)
	}
}

func BenchmarkLewis(b *testing.B) {
	all := lewisCases(b)
	for b.Loop() {
		for _, m := range all {
			m.Lewis(m.Charge())
		}
	}
}

// Any atoms anywhere have a Lewis structure that keeps to the rules, and can be judged.
func FuzzLewis(f *testing.F) {
	f.Add([]byte{6, 0, 0, 0, 6, 12, 0, 0, 8, 0, 12, 0}, 0)
	f.Add([]byte{7, 0, 0, 0, 7, 11, 0, 0, 16, 0, 15, 0, 53, 20, 20, 0}, 1)
	f.Fuzz(func(t *testing.T, data []byte, charge int) {
		m := &Molecule{}
		for ; len(data) >= 4 && len(m.Elements) < 60; data = data[4:] {
			m.Elements = append(m.Elements, Element(data[0]%54))
			m.Positions = append(m.Positions, [3]float64{float64(data[1]) / 10, float64(data[2]) / 10, float64(data[3]) / 10})
		}
		charge %= 8
		l := m.Lewis(charge)
		degree := make([]int, len(m.Elements))
		for _, b := range l.Bonds {
			if degree[b.I]++; b.Order < 1 || b.Order > 3 || b.I >= b.J {
				t.Fatalf("bond %v", b)
			}
			degree[b.J]++
		}
		for i, e := range m.Elements {
			if degree[i] > mostBonds(e) || l.Radicals[i] < 0 || l.Charges[i] < -4 || l.Charges[i] > 4 {
				t.Fatalf("atom %d of %s: %d bonds, charge %d, %d unpaired electrons", i, e, degree[i], l.Charges[i], l.Radicals[i])
			}
		}
		if len(l.Aromatic()) != len(l.Bonds) {
			t.Fatal("flags of other bonds")
		}
		m.Checks(charge)
	})
}
