package molecule

import (
	"bytes"
	"embed"
	"math"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/cases
var caseFiles embed.FS

// open reads a file of testdata/cases: formulas of its molecules, and the errors.
func openCase(t *testing.T, name string) (list []*Molecule, faults []error) {
	t.Helper()
	data, err := caseFiles.ReadFile("testdata/cases/" + name)
	if err != nil {
		t.Fatal(err)
	}
	seq, ok := Read(bytes.NewReader(data), name)
	if !ok {
		t.Fatalf("%s: no reader", name)
	}
	for m, err := range seq {
		if err != nil {
			faults = append(faults, err)
		} else {
			list = append(list, m)
		}
	}
	return list, faults
}

// Files as users of the field bring them: what is read, and what is refused with
// which reason. A reason that begins with ! ends the file, another one record.
func TestFilesOfTheFieldAreReadOrRefused(t *testing.T) {
	water := "H2O"
	for _, c := range []struct {
		file     string
		formulas string
		faults   []string
	}{
		{"sdf-control.sdf", "CH4 H2O H3N", nil},
		{"sdf-crlf.sdf", "CH4 H2O", nil},
		{"sdf-blank-before-m-end.sdf", "H2O CH4", nil},
		{"sdf-blank-after-m-end.sdf", "H2O CH4", nil},
		{"sdf-120-atoms.sdf", "C120", nil},
		{"sdf-ammonium-chg.sdf", "H4N", nil},
		{"sdf-no-blank-last-plain.sdf", "CH4 H2O H3N CH4 H2O", nil},
		{"sdf-no-blank-before-end.sdf", "CH4 H2O H3N", nil},
		{"sdf-no-last-dollars.sdf", "CH4 H2O", nil},
		{"sdf-space-as-blank-line.sdf", "CH4 H2O H3N", nil},
		{"sdf-trailing-blank-lines.sdf", water, nil},
		{"sdf-field-number.sdf", water, nil},
		{"sdf-pubchem-like-data.sdf", "CH4 H2O", nil},
		{"sdf-v3000.sdf", water, nil},
		{"sdf-no-version.mol", water, nil},
		{"sdf-lower-v2000.mol", water, nil},
		{"sdf-2d-no-hydrogens.sdf", "C2O", nil},
		{"sdf-star-atom.sdf", "CH4 H2O", []string{`:20: molecule 2: unknown element "*"`}},
		{"xyz-control.xyz", water, nil},
		{"xyz-tabs-crlf-bom.xyz", water, nil},
		{"xyz-upper-lower.xyz", "CH2BrCl", nil},
		{"xyz-labels.xyz", water, nil},
		{"xyz-multiframe.xyz", "H2O H2", nil},
		{"xyz-lammps-comment.xyz", "Ar", nil},
		{"xyz-ase-bool-key.xyz", water, nil},
		{"xyz-1d-array-control.extxyz", water, nil},
		{"xyz-2d-array-before-properties.extxyz", water, nil},
		{"xyz-spaces-around-equals.extxyz", water, nil},
		{"xyz-quoted-key.extxyz", water, nil},
		{"xyz-json-value.extxyz", water, nil},
		{"xyz-id-first.extxyz", water, nil},
		{"xyz-species-and-z-after-pos.extxyz", water, nil},
		{"xyz-newline-escape.extxyz", water, nil},
		{"xyz-fortran-exponent.xyz", water, nil},
		{"xyz-fortran-exponent-properties.extxyz", water, nil},
		{"xyz-mathematica-exponent.xyz", water, nil},
		{"xyz-atomic-numbers.xyz", water, nil},
		{"xyz-deuterium.xyz", water, nil},
		{"dsgdb9nsd_000001.xyz", "CH4", nil},
		{"dsgdb9nsd_000002.xyz", "CH4", nil},
		{"qm9-three-files-concatenated.xyz", "CH4 CH4 CH4", nil},
		{"xyz-huge.xyz", "", []string{":3: molecule 1: more than 1000000 Å from the origin: coordinate 1e300"}},
		{"xyz-nan.xyz", "", []string{`:3: molecule 1: want a coordinate, found "nan"`}},
		{"xyz-stars.xyz", "", []string{`:3: molecule 1: want a coordinate, found "********"`}},
		{"xyz-too-few-lines.xyz", "", []string{`!:6: molecule 1: want atom 4 of 4, found "2"`}},
		{"xyz-too-many-lines.xyz", water, []string{`!:6: molecule 2: want a number of atoms, found "H 5 5 5"`}},
		{"xyz-count-with-text.xyz", "", []string{`!:1: molecule 1: want a number of atoms, found "3 water"`}},
		{"xyz-utf16.xyz", "", []string{"!:1: is UTF-16, want ASCII or UTF-8"}},
		{"xyz-metatrain-colons.extxyz", "",
			[]string{`name:type:count, of types S, I, R and L, at "mtt::charge"; a name holds no colon`}},
		{"xyz-two-atoms-one-place.xyz", water, nil},
		{"eval-small-molecules.xyz", "CO N2O O3 H2 He H O2 N2 FH CH2 CH3 H4N CO2 C2H3N CH3NO2", nil},
		{"drug-like.xyz", "", nil}, // its formulas are those of its names; see the test of validity
		{"keep-far-from-origin.xyz", "CO", nil},
	} {
		list, faults := openCase(t, c.file)
		var formulas []string
		for _, m := range list {
			formulas = append(formulas, m.Formula())
		}
		if got := strings.Join(formulas, " "); c.formulas != "" && got != c.formulas {
			t.Errorf("%s: read %q, want %q", c.file, got, c.formulas)
		}
		if len(faults) != len(c.faults) || len(list) == 0 && len(faults) == 0 {
			t.Errorf("%s: %d molecules, faults %v, want %q", c.file, len(list), faults, c.faults)
			continue
		}
		for i, want := range c.faults {
			reason, ends := strings.CutPrefix(want, "!")
			if !strings.Contains(faults[i].Error(), reason) || OneRecord(faults[i]) == ends ||
				!strings.HasPrefix(faults[i].Error(), c.file) {
				t.Errorf("%s: %v (one record: %v), want %q", c.file, faults[i], OneRecord(faults[i]), want)
			}
		}
		at := [3][3]float64{{0, 0, 0.1173}, {0, 0.7572, -0.4692}, {0, -0.7572, -0.4692}}
		if strings.HasPrefix(c.file, "xyz-mathematica") {
			at[0][1] = 1.2e-6
		}
		for _, m := range list {
			if m.Formula() == water && !strings.HasPrefix(c.file, "xyz-two") && !slices.Equal(m.Positions, at[:]) {
				t.Errorf("%s: water at %v", c.file, m.Positions)
			}
		}
	}
}

// What the files say of a molecule beside its atoms.
func TestPropertiesOfFilesOfTheField(t *testing.T) {
	for _, c := range []struct{ file, key, value string }{
		{"sdf-field-number.sdf", "DT12", "55.0"},
		{"sdf-field-number.sdf", "MELTING.POINT", "179.0"},
		{"sdf-pubchem-like-data.sdf", "PUBCHEM_COORDINATE_TYPE", "1\n5\n255"},
		{"sdf-space-as-blank-line.sdf", "id", "1"},
		{"sdf-space-as-blank-line.sdf", "src", "lab"},
		{"sdf-no-blank-before-end.sdf", "id", "1"},
		{"xyz-control.xyz", "energy", "-76.4"},
		{"xyz-spaces-around-equals.extxyz", "energy", "-76.4"},
		{"xyz-quoted-key.extxyz", "total energy", "-76.4"},
		{"xyz-2d-array-before-properties.extxyz", "virial", "[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]"},
		{"xyz-1d-array-control.extxyz", "virial", "1 0 0 0 1 0 0 0 1"},
		{"xyz-json-value.extxyz", "info", `_JSON {"a": [1, 2]}`},
		{"xyz-newline-escape.extxyz", "note", "line one\nline two"},
		{"xyz-ase-bool-key.xyz", "2S-2-Amino-3-methylbutanoic", "T"},
		{"xyz-ase-bool-key.xyz", "dipole", "-0.1 0.2 0.1"},
		{"xyz-lammps-comment.xyz", "comment", "Atoms. Timestep: 1000000"},
		{"dsgdb9nsd_000001.xyz", "id", "gdb_000001"},
		{"dsgdb9nsd_000001.xyz", "gap", "0.5048"},
		{"dsgdb9nsd_000001.xyz", "smiles", "C"},
	} {
		list, _ := openCase(t, c.file)
		if got, ok := list[0].Property(c.key); !ok || got != c.value {
			t.Errorf("%s: %s is %q, want %q", c.file, c.key, got, c.value)
		}
	}
	ammonium, _ := openCase(t, "sdf-ammonium-chg.sdf")
	if got := ammonium[0].FileCharges; !slices.Equal(got, []int{1, 0, 0, 0, 0}) {
		t.Errorf("charges of ammonium: %v", got)
	}
	for _, name := range []string{"sdf-v3000.sdf", "sdf-no-version.mol"} {
		m, _ := openCase(t, name)
		if got := m[0].FileBonds; !slices.Equal(got, []Bond{{0, 1, 1}, {0, 2, 1}}) {
			t.Errorf("%s: bonds %v", name, got)
		}
	}
	first, _ := openCase(t, "dsgdb9nsd_000001.xyz")
	if got, want := first[0].Positions[4], [3]float64{-0.5238136345, 1.4379326443,
		0.9063972942}; math.Abs(got[2]-want[2]) > 1e-9 || got[0] != want[0] {
		t.Errorf("an exponent *^-1: %v, want %v", got, want)
	}
	for i, m := range must(openCase(t, "qm9-three-files-concatenated.xyz")) {
		if id, _ := m.Property("id"); id != []string{"gdb_000057", "gdb_000058", "gdb_000059"}[i] {
			t.Errorf("molecule %d of three is %s", i+1, id)
		}
	}
}

func must[T any](list []*Molecule, _ T) []*Molecule { return list }

func TestDoubts(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"sdf-2d-no-hydrogens.sdf", "2D coordinates, no hydrogens, 6 are missing"},
		{"sdf-ammonium-chg.sdf", "an ion, charge +1"},
		{"xyz-two-atoms-one-place.xyz", "overlapping atoms, 1 and 2 are 0.00 Å apart"},
		{"sdf-120-atoms.sdf", "no hydrogens, 242 are missing"},
		{"sdf-control.sdf", ""},
		{"sdf-v3000.sdf", ""},
		{"xyz-control.xyz", ""},
		{"xyz-lammps-comment.xyz", ""},
		{"keep-far-from-origin.xyz", "no hydrogens, 2 are missing"},
	} {
		if got := strings.Join(must(openCase(t, c.file))[0].Doubts(), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.file, got, c.want)
		}
	}
	for _, file := range []string{"eval-small-molecules.xyz", "drug-like.xyz"} {
		for _, m := range must(openCase(t, file)) {
			if list := m.Doubts(); len(list) > 0 {
				t.Errorf("%s: %s: %v", file, m.Formula(), list)
			}
		}
	}
	for text, want := range map[string]string{
		"3\nin bohr\nO 0 0 0.2217\nH 0 1.4309 -0.8867\nH 0 -1.4309 -0.8867\n": "no bonds, the closest atoms are 1.81 Å apart",
		"2\n\nHe 0 0 0\nHe 0 0 3\n":  "no bonds, the closest atoms are 3.00 Å apart",
		"1\n\nHe 0 0 0\n":            "",
		"2\n\nH 0 0 0\nH 0 0 0.74\n": "",
	} {
		if got := strings.Join(must(collect(ReadXYZ(strings.NewReader(text), "x")))[0].Doubts(), ", "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	radical := "\n\n\n  1  0\n    0.0000    0.0000    0.0000 H   0\nM  RAD  1   1   2\nM  END\n"
	list, err := collect(ReadSDF(strings.NewReader(radical), "H"))
	if err != nil || !slices.Equal(list[0].Doubts(), []string{"a radical, 1 unpaired electron"}) {
		t.Errorf("a hydrogen atom: %v, %v", list[0].Doubts(), err)
	}
}

// Lists and tables of SMILES: rows as smiles|name|split, and what is refused.
func TestReadSMILES(t *testing.T) {
	for _, c := range []struct {
		file, text string
		rows       string
		faults     []string
	}{
		{"smi-mixed.smi", "", "", []string{"the extension |$;;R$| of CXSMILES"}},
		{"smi-dots.smi", "", "", nil},
		{"smi-utf16.smi", "", "", []string{"!:1: is UTF-16"}},
		{"smi-bom-crlf.smi", "", "CCO|first| CCN|second|", nil},
		{"smi-table.csv", "", "CCO||train", nil},
		{"smi-table.tsv", "", "CCO|1|train CCN|2|val C(C)C|4|test", []string{":4: molecule 3: no SMILES"}},
		{"smi-uppercase-header.tsv", "", "CCO||train CCN||val", nil},
		{"smi-hang.smi", "", "", nil},
		{"a.csv", "name;Smiles\n\"a;b\";CC\n", "CC|a;b|", nil},
		{"a.csv", "Smiles,x\n\"CC\"\"\",1\n", "CC\"||", nil},
		{"a.csv", "a,b\nCC,1\n", "", []string{"!:1: no column smiles among \"a, b\""}},
		{"a.tsv", "smiles,x\nCC,a,b\nC,1\n", "C||", []string{"3 columns, want 2"}},
		{"a.csv", "smiles,x\n\"CC,1\nC,1\n", "C||", []string{"a quote is not closed"}},
		{"a.csv", "smiles,SMILES\nC,C\n", "", []string{"!:1: two columns smiles"}},
		{"a.smi", "# a list\nCC\tethane and more\n\nC |&1:1,o2:3| methane\n", "CC|ethane and more| C|methane|", nil},
		{"a.smi", "smiles split\nCC train\nC\n", "CC||train", []string{"no column split"}},
		{"a.smi", "C\x00\n", "", []string{"!:1: a NUL byte"}},
		{"a.smi", "CCO\rCCN\r", "", []string{"!:1: a CR within a line"}},
		{"a.smi", "CCO\r\r\nCCN\r\n", "CCO|| CCN||", nil},
		{"a.txt", "\xEF\xBB\xBFSMILES\nCC\n", "CC||", nil},
	} {
		data := []byte(c.text)
		if c.text == "" {
			data, _ = caseFiles.ReadFile("testdata/cases/" + c.file)
		}
		var rows []string
		var faults []error
		n := 0
		for s, err := range ReadSMILES(bytes.NewReader(data), c.file) {
			if n++; err != nil {
				faults = append(faults, err)
			} else {
				rows = append(rows, s.Text+"|"+s.Name+"|"+s.Split)
			}
		}
		if got := strings.Join(rows, " "); c.rows != "" && got != c.rows {
			t.Errorf("%s: %q, want %q", c.file, got, c.rows)
		}
		if len(faults) != len(c.faults) || n == 0 {
			t.Errorf("%s: faults %v, want %q", c.file, faults, c.faults)
			continue
		}
		for i, want := range c.faults {
			reason, ends := strings.CutPrefix(want, "!")
			if !strings.Contains(faults[i].Error(), reason) || OneRecord(faults[i]) == ends {
				t.Errorf("%s: %v, want %q", c.file, faults[i], want)
			}
		}
	}
	mixed, _ := caseFiles.ReadFile("testdata/cases/smi-mixed.smi")
	var first SMILES
	n := 0
	for s, err := range ReadSMILES(bytes.NewReader(mixed), "mixed") {
		if n++; n == 1 {
			first = s
		}
		_ = err
	}
	if n != 32 || first != (SMILES{1, 2, "CCO", "ethanol", ""}) {
		t.Errorf("%d rows, the first %+v", n, first)
	}
}

// EDM's rule for GEOM, with every bond single, takes all drug-like molecules;
// bonds with their orders, which the tables have for few elements, do not.
func TestRuleOfGEOM(t *testing.T) {
	list := must(openCase(t, "drug-like.xyz"))
	seq := func(yield func(*Molecule, error) bool) {
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
	}
	r, err := Evaluate(seq)
	if err != nil || r.Rule != GEOMRule || r.Molecules != 14 || r.Counts.Valid != 14 || r.Valid != 1 ||
		r.Counts.NotJudged != 0 || r.Counts.Unique != 14 {
		t.Errorf("drug-like molecules: %+v, %v", r, err)
	}
	r, err = EvaluateBy(QM9Rule, seq)
	if err != nil || r.Counts.NotJudged == 0 || r.Valid != float64(r.Counts.Valid)/float64(14-r.Counts.NotJudged) {
		t.Errorf("by the rule for QM9: %+v, %v", r, err)
	}
	small := must(openCase(t, "xyz-control.xyz"))
	argon := must(openCase(t, "xyz-lammps-comment.xyz"))
	r, err = Evaluate(func(yield func(*Molecule, error) bool) { _ = yield(small[0], nil) && yield(argon[0], nil) })
	if err != nil || r.Rule != QM9Rule || r.Counts.NotJudged != 1 || r.Valid != 1 {
		t.Errorf("an argon atom is not judged, and water is valid: %+v, %v", r, err)
	}
	four := &Molecule{Elements: []Element{N, H, H, H, H}, Positions: [][3]float64{{}, {1, 0, 0}, {-1, 0, 0},
		{0, 1, 0}, {0, -1, 0}}}
	if ok, reason := four.ValidBy(GEOMRule); ok || reason != "atom 1 (N): bond orders sum to 4, at most 3" {
		t.Errorf("N of four bonds: %v, %s", ok, reason)
	}
}

// One molecule with an element of GEOM decides the rule for all, wherever it
// stands: silane, which QM9's rule does not judge. A triple, a double and a single
// bond of nitrogen are three molecules by QM9's rule, one by GEOM's.
func TestRuleDoesNotDependOnTheOrder(t *testing.T) {
	var nitrogen [3]*Molecule
	for i, d := range []float64{1.10, 1.25, 1.45} {
		nitrogen[i] = &Molecule{Elements: []Element{N, N}, Positions: [][3]float64{{}, {d}}}
	}
	silane := &Molecule{Elements: []Element{14, H, H, H, H}, Positions: [][3]float64{{}, {0.85, 0.85, 0.85},
		{-0.85, -0.85, 0.85}, {-0.85, 0.85, -0.85}, {0.85, -0.85, -0.85}}}
	const n = 1500
	for _, place := range []int{-1, 0, 1, 511, 512, 513, n - 1} {
		r, err := Evaluate(func(yield func(*Molecule, error) bool) {
			for i := range n {
				m := nitrogen[i%3]
				if i == place {
					m = silane
				}
				if !yield(m, nil) {
					return
				}
			}
		})
		rule, unique := GEOMRule, 2
		if place < 0 {
			rule, unique = QM9Rule, 3
		}
		if err != nil || r.Rule != rule || r.Counts.Valid != n || r.Counts.NotJudged != 0 || r.Counts.Unique != unique {
			t.Errorf("silane at %d: %+v, %v, want rule %s and %d molecules", place, r, err, rule, unique)
		}
	}
}
