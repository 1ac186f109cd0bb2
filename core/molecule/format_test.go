package molecule

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/budget"
)

// collect reads all molecules.
func collect(seq iter.Seq2[*Molecule, error]) (all []*Molecule, err error) {
	for m, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}

func TestReadXYZ(t *testing.T) {
	text := "\xEF\xBB\xBF2\r\n" + `id=gdb_1 smiles="[H][H]" note="a \"b\" \\ c" flag q='it is' lattice="1 0 0" s={x y} t=[1 2] e=` + "\r\n" +
		"H 0 0 0\r\nH\t0.5  -1e-1 +2 9.9 extra\r\n" +
		"\n  1  \nplain comment, \"unclosed\n cl 1 2 3\n" +
		"1\n\nF 1 2 3\n" +
		"1\nProperties=id:I:1:pos:R:3:species:S:1:forces:R:3 a=1\n7 1 2 3 O 4 5 6"
	all, err := collect(ReadXYZ(strings.NewReader(text), "x"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*Molecule{
		{Elements: []Element{H, H}, Positions: [][3]float64{{0, 0, 0}, {.5, -.1, 2}}, Properties: []Property{
			{"id", "gdb_1"}, {"smiles", "[H][H]"}, {"note", `a "b" \ c`}, {"flag", "T"}, {"q", "it is"},
			{"lattice", "1 0 0"}, {"s", "x y"}, {"t", "1 2"}, {"e", ""}}},
		{Elements: []Element{17}, Positions: [][3]float64{{1, 2, 3}},
			Properties: []Property{{"comment", `plain comment, "unclosed`}}},
		{Elements: []Element{F}, Positions: [][3]float64{{1, 2, 3}}},
		{Elements: []Element{O}, Positions: [][3]float64{{1, 2, 3}}, Properties: []Property{{"a", "1"}}},
	}
	if len(all) != len(want) {
		t.Fatalf("%d molecules, want %d", len(all), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(all[i], want[i]) {
			t.Errorf("molecule %d: %+v, want %+v", i, all[i], want[i])
		}
	}
}

func TestReadXYZRejects(t *testing.T) {
	for _, c := range []struct {
		text         string
		record, line int
		reason       string
	}{
		{"x\n", 1, 1, `want a number of atoms, found "x"`},
		{"-1\n\n", 1, 1, "want a number of atoms"},
		{"99999999999999999999\n\n", 1, 1, "want a number of atoms"},
		{"100001\n\n", 1, 1, "want a number of atoms"},
		{"1", 1, 2, "file ends, want a line of properties"},
		{"100000\n\nH 0 0 0\n", 1, 4, "file ends, want atom 2 of 100000"},
		{"1\n\nH 0 0 0\n2\n\nH 0 0 0\nXx 0 0 0\n", 2, 7, `unknown element "Xx"`},
		{"1\n\nH 0 0\n", 1, 3, "want a symbol and three coordinates"},
		{"1\n\nH 0 0 1,5\n", 1, 3, `want a coordinate, found "1,5"`},
		{"1\n\nH 0 NaN 0\n", 1, 3, `want a coordinate, found "NaN"`},
		{"1\n\nH 0 1e999 0\n", 1, 3, "want a coordinate"},
		{"1\r\rH 0 0 0\r", 0, 1, "a CR within a line: lines must end in LF or CR LF"},
		{"1\na\rb\nH 0 0 0\n", 1, 2, "a CR within a line"},
		{"1\nunits=Bohr Properties=species:S:1:pos:R:3\nH 0 0 0\n", 1, 2, "in Å are wanted: units=Bohr"},
		{"1\nenergy=1 pos_unit=nm\nH 0 0 0\n", 1, 2, "in Å are wanted: pos_unit=nm"},
		{"1\nProperties=species:S:1\nH 0 0 0\n", 1, 2, "want species:S:1 or Z:I:1, and pos:R:3"},
		{"1\nProperties=species:S:1:pos:R:-3\nH 0 0 0\n", 1, 2, `count from 1 to 1000 at "pos:R:-3"`},
		{"1\nProperties=species:S:1:pos:R:2:y:R:1\nH 0 0 0\n", 1, 2, `found "pos:R:2"`},
		{"1\nProperties=species:S:1:pos:R:3:a\nH 0 0 0\n", 1, 2, `at "a"; a name holds no colon`},
		{"1\nProperties=species:S:1:pos:R:3:pos:R:3\nH 0 0 0 0 0 0\n", 1, 2, "pos twice"},
		{"1\nProperties=species:S:1:pos:R:3 Properties=species:S:1:pos:R:3\nH 0 0 0\n", 1, 2, "given twice"},
		{"1\nProperties=species:S:1:pos:R:3\nH 0 0 0 0\n", 1, 3, "want 4 columns, as Properties says, found 5"},
		{"1\nProperties=species:S:1:pos:R:3:f:R:1\nH 0 0 0\n", 1, 3, "want 5 columns, as Properties says, found 4"},
		{"1\nProperties=species:S:1:pos:R:3\n1 0 0 0\n", 1, 3, "Z:I:1 holds atomic numbers"},
		{"1\nProperties=species:S:1:pos:R:3:Z:I:1\nH 0 0 0 6\n", 1, 3, "species is H, Z is that of C"},
		{"1\nProperties of water\nH 0 0 0\n", 1, 2, "names columns"},
		{"1\na=\"b Properties=species:S:1:pos:R:3\nH 0 0 0\n", 1, 2, "names columns"},
		{"1\na=[1 Properties=species:S:1:pos:R:3\nH 0 0 0\n", 1, 2, "names columns"},
		{"1\na=\"b properties = species:S:1:pos:R:3\nH 0 0 0\n", 1, 2, "names columns"},
		{"1\nAtoms. Timestep: 0\n1 0 0 0\n", 1, 3, "LAMMPS writes types"},
		{"1\n\n0 0 0 0\n", 1, 3, `unknown element "0"`},
		{"1\n\n119 0 0 0\n", 1, 3, `unknown element "119"`},
		{"1\n\nX1 0 0 0\n", 1, 3, `unknown element "X1"`},
		{"1\n\nH 0 0 1e300\n", 1, 3, "more than 1000000 Å from the origin"},
		{"1\n\nH 0 0 1.0-103\n", 1, 3, "want a coordinate"},
		{"1\n\nH 0 0 0x1p4\n", 1, 3, "want a coordinate"},
		{"1\n\nH 0 0 inf\n", 1, 3, "want a coordinate"},
		{"2\n\nH 0 0 0\n2\n", 1, 4, "where the next record begins is not known"},
		{"0\n\n", 1, 2, "no atoms"},
		{"\xFF\xFE3\x00\n\x00", 0, 1, "is UTF-16"},
		{"1\n\nH\x00 0 0 0\n", 1, 3, "a NUL byte"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", 0, 1, "git lfs pull"},
		{"<html>", 0, 1, "a web page"},
		{"\x1f\x8b", 0, 1, "ends in .gz"},
		{"1\n" + strings.Repeat("x", budget.Line+2) + "\n", 1, 2, "line takes more than"},
	} {
		_, err := collect(ReadXYZ(strings.NewReader(c.text), "f.xyz"))
		e, ok := errors.AsType[*ParseError](err)
		if !ok {
			t.Errorf("%.40q: error %v, want a *ParseError", c.text, err)
			continue
		}
		if e.File != "f.xyz" || e.Record != c.record || e.Line != c.line || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%.40q: %+v, want molecule %d, line %d, %q", c.text, e, c.record, c.line, c.reason)
		}
	}
	long := "1\n" + strings.Repeat("x", 100_000) + "\nH 0 0 0\n"
	if all, err := collect(ReadXYZ(strings.NewReader(long), "long")); err != nil || len(all) != 1 ||
		len(all[0].Properties[0].Value) != 100_000 {
		t.Errorf("a comment of 100000 bytes: %v", err)
	}
	failing := io.MultiReader(strings.NewReader("1\n\n"), iotestErrReader{})
	if _, err := collect(ReadXYZ(failing, "f")); !errors.Is(err, errBroken) {
		t.Errorf("error of the reader: %v", err)
	}
}

var errBroken = errors.New("broken")

type iotestErrReader struct{}

func (iotestErrReader) Read([]byte) (int, error) { return 0, errBroken }

func TestWriteXYZ(t *testing.T) {
	m := &Molecule{
		Elements: []Element{H, 17}, Positions: [][3]float64{{0, -1e-9, 1.23456789}, {-10, 2, 3}},
		Properties: []Property{{"seed", "7"}, {"note", `a "b" \`}, {"none", ""}},
	}
	m.Properties = append(m.Properties, Property{"a key", "x=1, [2]"}, Property{"lines", "1\n\n2"},
		Property{"properties", "p"})
	var b bytes.Buffer
	if err := WriteXYZ(&b, m); err != nil {
		t.Fatal(err)
	}
	want := "2\nseed=7 note=\"a \\\"b\\\" \\\\\" none=\"\" \"a key\"=\"x=1, [2]\" lines=\"1\\n\\n2\" " +
		"_properties=p\nH 0.000000 0.000000 1.234568\nCl -10.000000 2.000000 3.000000\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	again, err := collect(ReadXYZ(&b, "again"))
	m.Properties[len(m.Properties)-1].Key = "_properties"
	if err != nil || len(again) != 1 || !slices.Equal(again[0].Properties, m.Properties) {
		t.Errorf("read again: %+v, %v", again, err)
	}
}

func TestWriteRejects(t *testing.T) {
	one := func(x float64, p ...Property) *Molecule {
		return &Molecule{Elements: []Element{H}, Positions: [][3]float64{{x, 0, 0}}, Properties: p}
	}
	many := &Molecule{}
	for i := range 1000 {
		many.Elements = append(many.Elements, H)
		many.Positions = append(many.Positions, [3]float64{float64(i) * 9, 0, 0})
	}
	xyz := func(w io.Writer, m *Molecule) error { return WriteXYZ(w, m) }
	pdb := func(w io.Writer, m *Molecule) error { return WritePDB(w, m, 1) }
	for i, c := range []struct {
		write func(io.Writer, *Molecule) error
		m     *Molecule
		large bool
	}{
		{xyz, one(math.NaN()), false}, {WriteSDF, one(math.Inf(1)), false}, {pdb, one(math.NaN()), false},
		{xyz, one(0, Property{"a\r", "1"}), false}, {xyz, one(0, Property{"a", "1\x00"}), false},
		{xyz, one(0, Property{"", "1"}), false},
		{WriteSDF, one(0, Property{"a>", "1"}), false}, {WriteSDF, one(0, Property{"a", "1\n\n2"}), false},
		{WriteSDF, one(0, Property{"a", "$$$$"}), false}, {WriteSDF, one(0, Property{"title", "a\nb"}), false},
		{WriteSDF, one(0, Property{"a", "1\n>  <b>\n2"}), false},
		{WriteSDF, one(0, Property{"a", "M  END"}), false},
		{WriteSDF, one(0, Property{"a", " $$$$"}), false},
		{WriteSDF, one(0, Property{"title", " $$$$ "}), false},
		{WriteSDF, one(0, Property{"a", "1\x00"}), false},
		{WriteSDF, one(0, Property{"title", "1\x00"}), false},
		{pdb, one(0, Property{"a", "1\n2"}), false}, {pdb, one(0, Property{"a", "1\x00"}), false},
		{pdb, one(0, Property{"", "1"}), false}, {pdb, one(0, Property{"a=b", "1"}), false},
		{WriteSDF, many, true}, {WriteSDF, one(-12345.6), true}, {WriteSDF, one(123456.7), true},
		{pdb, one(-1234.5), true}, {func(w io.Writer, m *Molecule) error { return WritePDB(w, m, 10_000) }, one(0), true},
	} {
		var b bytes.Buffer
		if err := c.write(&b, c.m); err == nil || errors.Is(err, ErrTooLarge) != c.large || b.Len() > 0 {
			t.Errorf("case %d: error %v, %d bytes written", i, err, b.Len())
		}
	}
}

func TestSDF(t *testing.T) {
	m := small(t)["nitromethane"]
	m.Properties = []Property{{"seed", "7"}, {"two", "lines\nof text"}, {"none", ""}}
	var b bytes.Buffer
	for range 2 {
		if err := WriteSDF(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	text := b.String()
	first := m.Positions[0]
	for _, want := range []string{
		"CH3NO2\n  SymDiff           3D\n\n  7  6  0  0  0  0  0  0  0  0999 V2000\n" +
			string(pad(pad(pad(nil, fixed(first[0], 4), 10), fixed(first[1], 4), 10), fixed(first[2], 4), 10)) +
			" C   0  0  0  0  0  0  0  0  0  0  0  0\n",
		"\n  1  2  1  0\n", "\n  2  3  2  0\n  2  4  1  0\n",
		"\nM  CHG  2   2   1   4  -1\nM  END\n>  <seed>\n7\n\n>  <two>\nlines\nof text\n\n>  <none>\n\n$$$$\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), strings.TrimSuffix(text, "$$$$\n"),
		text + "\n\n"} {
		all, err := collect(ReadSDF(strings.NewReader(text), "x.sdf"))
		if err != nil || len(all) != 2 {
			t.Fatalf("%d molecules, %v", len(all), err)
		}
		for _, got := range all {
			if !slices.Equal(got.Elements, m.Elements) || !slices.Equal(got.Properties,
				append([]Property{{"title", "CH3NO2"}}, m.Properties...)) {
				t.Errorf("read %+v", got)
			}
			if want := []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, {1, 2, 2},
				{1, 3, 1}}; !slices.Equal(got.FileBonds, want) {
				t.Errorf("bonds %v, want %v", got.FileBonds, want)
			}
			for i := range got.Positions {
				for k := range 3 {
					if math.Abs(got.Positions[i][k]-m.Positions[i][k]) > 0.5001e-4 {
						t.Errorf("atom %d: %v, want %v", i, got.Positions[i], m.Positions[i])
					}
				}
			}
		}
	}
}

// More than eight charged atoms take several lines.
func TestSDFCharges(t *testing.T) {
	nitro := small(t)["nitromethane"]
	m := &Molecule{}
	for k := range 5 {
		for i, e := range nitro.Elements {
			p := nitro.Positions[i]
			m.Elements = append(m.Elements, e)
			m.Positions = append(m.Positions, [3]float64{p[0] + 20*float64(k), p[1], p[2]})
		}
	}
	var b bytes.Buffer
	if err := WriteSDF(&b, m); err != nil {
		t.Fatal(err)
	}
	want := "M  CHG  8   2   1   4  -1   9   1  11  -1  16   1  18  -1  23   1  25  -1\nM  CHG  2  30   1  32  " +
		"-1\nM  END\n"
	if !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func TestReadSDFRejects(t *testing.T) {
	head := "t\n\n\n"
	counts := "  2  1  0  0  0  0  0  0  0  0999 V2000\n"
	atom := "    0.0000    0.0000    0.0000 H   0  0\n"
	for _, c := range []struct {
		text   string
		line   int
		reason string
	}{
		{"t\n", 2, "file ends in the header"},
		{head + "  2  1  0     0  0            999 V4000\n", 4, "want a line of counts with V2000 or V3000"},
		{head + " x2  1 V2000\n", 4, "want a line of counts"},
		{head + " -2  1 V2000\n", 4, "want a line of counts"},
		{head + counts + atom, 6, "file ends, want atom 2"},
		{head + counts + atom + "    0.0000\n", 6, "want an atom"},
		{head + counts + atom + "    0.0000       NaN    0.0000 H\n", 6, `want a coordinate, found "NaN"`},
		{head + counts + atom + "    0.0000    0.0000    0.0000 Q  \n", 6, `unknown element "Q"`},
		{head + counts + atom + atom, 7, "file ends, want bond 1"},
		{head + counts + atom + atom + "  1  3  1\n", 7, "want a bond of two of 2 atoms"},
		{head + counts + atom + atom + "  1  1  1\n", 7, "want a bond"},
		{head + counts + atom + atom + "  1  2  0\n", 7, "bond type 0, want 1 to 8"},
		{head + counts + atom + atom + "  1  2  9\n", 7, "bond type 9, want 1 to 8"},
		{head + "  2  2  0  0  0  0  0  0  0  0999 V2000\n" + atom + atom + "  1  2  1\n  2  1  1\n", 8,
			"the bond of atoms 1 and 2 is there twice"},
		{head + counts + atom + atom + "  1  2  1\n" + atom + "M  END\n", 8,
			"want M  END or a property after 2 atoms and 1 bonds, as the line of counts says"},
		{head + counts + atom + atom + "  1  2  1\n  1  2  1\nM  END\n", 8, "want M  END or a property"},
		{head + "1000  0  0  0  0  0            999 V2000\n" + strings.Repeat(atom, 1000) + "M  END\n", 105,
			"want M  END or a property after 100 atoms and 0 bonds"},
		{head + counts + atom + atom + "  1  2  1\n$$$$\n", 8, "the record ends, want M  END"},
		{head + counts + atom + atom + "  1  2  1\n", 8, "file ends, want M  END"},
		{head + counts + atom + atom + "  1  2  1\nM  END\nx\n", 9, "want a data field"},
		{head + counts + atom + atom + "  1  2  1\nM  END\n> <x>\n1\n\n2\n", 12, "want a data field"},
		{head + counts + atom + atom + "  1  2  1\nM  END\n> <x>\n1\nM  END\n", 11, "$$$$ is missing before it"},
		{head + counts + atom + atom + "  1  2  1\nM  CHG  1   3   1\nM  END\n", 8, "want pairs of one of 2 atoms"},
		{head + counts + atom + atom + "  1  2  1\nM  CHG  2   1   1\nM  END\n", 8, "want M  CHG"},
		{head + "  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n", 5, "no atoms"},
	} {
		_, err := collect(ReadSDF(strings.NewReader(c.text), "f.sdf"))
		e, ok := errors.AsType[*ParseError](err)
		if !ok || e.File != "f.sdf" || e.Record != 1 || e.Line != c.line || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%q: %v, want line %d, %q", c.text, err, c.line, c.reason)
		}
	}
}

func TestWritePDB(t *testing.T) {
	m := &Molecule{
		Elements: []Element{C, H, O, 17}, Positions: [][3]float64{{0, 0, 0}, {0, 0, 1.09}, {0, 1.2, 0}, {1.77, 0, -0.0001}},
		Properties: []Property{{"seed", "7"}},
	}
	var b bytes.Buffer
	if err := WritePDB(&b, m, 12); err != nil {
		t.Fatal(err)
	}
	want := `COMPND    CHClO
REMARK 999 seed=7
HETATM    1  C1  UNL A  12       0.000   0.000   0.000  1.00  0.00           C
HETATM    2  H2  UNL A  12       0.000   0.000   1.090  1.00  0.00           H
HETATM    3  O3  UNL A  12       0.000   1.200   0.000  1.00  0.00           O
HETATM    4 CL4  UNL A  12       1.770   0.000   0.000  1.00  0.00          CL
CONECT    1    2    3    3    4
CONECT    2    1
CONECT    3    1    1
CONECT    4    1
END
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	for number, name := range map[int]string{1: " H1 ", 99: " H99", 100: "H100", 1000: " H  "} {
		if got := atomName("H", number); got != name {
			t.Errorf("name of H %d: %q, want %q", number, got, name)
		}
	}
}

// fuzzed calls check with every molecule that is read. Reading never panics, its
// errors are typed, and molecules are whole.
func fuzzed(t *testing.T, seq iter.Seq2[*Molecule, error], check func(*Molecule)) {
	t.Helper()
	for m, err := range seq {
		if err != nil {
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Fatalf("error %v of type %T", err, err)
			}
			continue
		}
		n := len(m.Elements)
		if n == 0 || len(m.Positions) != n || !m.finite() || m.FileCharges != nil && len(m.FileCharges) != n ||
			m.FileRadicals != nil && len(m.FileRadicals) != n {
			t.Fatalf("molecule %+v", m)
		}
		for _, b := range m.FileBonds {
			if b.I < 0 || b.I >= b.J || b.J >= n {
				t.Fatalf("bond %v of %d atoms", b, n)
			}
		}
		if n <= 40 {
			m.Valid()
			m.Key()
			m.Doubts()
			check(m)
		}
	}
}

// again reads what a writer wrote: one molecule of the same elements.
func again(t *testing.T, read func(io.Reader, string) iter.Seq2[*Molecule, error], written string,
	m *Molecule) *Molecule {
	t.Helper()
	all, err := collect(read(strings.NewReader(written), "again"))
	if err != nil || len(all) != 1 || !slices.Equal(all[0].Elements, m.Elements) {
		t.Fatalf("read %+v, written %q, read again %+v, %v", m, written, all, err)
	}
	return all[0]
}

// addCases adds the cases of some extensions to a fuzzer's seeds.
func addCases(f *testing.F, extensions ...string) {
	files, err := caseFiles.ReadDir("testdata/cases")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if slices.ContainsFunc(extensions, func(e string) bool { return strings.HasSuffix(file.Name(), e) }) {
			data, _ := caseFiles.ReadFile("testdata/cases/" + file.Name())
			f.Add(data)
		}
	}
}

// What is read as XYZ is written and read again unchanged, but for the rounding
// of coordinates.
func FuzzReadXYZ(f *testing.F) {
	addCases(f, ".xyz", ".extxyz")
	for _, seed := range []string{
		"1\nid=1 s=\"a b\" flag\nH 0 0 0\n", "2\r\n\r\nH 1 2 3\r\nCl -1e3 .5 +4 9\r\n", "1\nfree text\nC 0 0 0\n0\n\n",
		"1\nProperties=pos:R:3:species:S:1 a={b c}\n0 0 0 N\n", "100000\n\nH 0 0 0", "-1\n", "1\na='\nH 0 0 0",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzed(t, ReadXYZ(bytes.NewReader(data), "fuzz"), func(m *Molecule) {
			var b bytes.Buffer
			if err := WriteXYZ(&b, m); err != nil {
				if bytes.ContainsAny(data, "\r") { // which no line can hold
					return
				}
				t.Fatal(err)
			}
			for i := range m.Properties {
				if strings.EqualFold(m.Properties[i].Key, "Properties") {
					m.Properties[i].Key = "_" + m.Properties[i].Key
				}
			}
			if got := again(t, ReadXYZ, b.String(), m); !slices.Equal(got.Properties, m.Properties) {
				t.Fatalf("properties %q, written %q, read again %q", m.Properties, b.String(), got.Properties)
			}
		})
	})
}

func FuzzReadSDF(f *testing.F) {
	var b bytes.Buffer
	m := small(f)["nitromethane"]
	for range 2 {
		if err := WriteSDF(&b, m); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b.Bytes())
	addCases(f, ".sdf", ".mol")
	f.Add([]byte("\n\n\n  0  0 V2000\nM  END"))
	f.Add([]byte("\n\n\n999999 V2000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzed(t, ReadSDF(bytes.NewReader(data), "fuzz"), func(m *Molecule) {
			var b bytes.Buffer
			if err := WriteSDF(&b, m); err == nil { // else more than the format holds
				again(t, ReadSDF, b.String(), m)
			}
		})
	})
}

func FuzzReadPDB(f *testing.F) {
	var b bytes.Buffer
	for _, m := range small(f) {
		if err := WritePDB(&b, m, 1); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzed(t, ReadPDB(bytes.NewReader(data), "fuzz"), func(m *Molecule) {
			var b bytes.Buffer
			if err := WritePDB(&b, m, 1); err == nil {
				again(t, ReadPDB, b.String(), m)
			}
		})
	})
}

// Rows have a text, and a row that is written as a table is read again.
func FuzzReadSMILES(f *testing.F) {
	addCases(f, ".smi", ".csv", ".tsv")
	f.Fuzz(func(t *testing.T, data []byte) {
		for s, err := range ReadSMILES(bytes.NewReader(data), "fuzz") {
			if err != nil {
				if _, ok := errors.AsType[*ParseError](err); !ok {
					t.Fatalf("error %v of type %T", err, err)
				}
				continue
			}
			quoted := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
			table := "smiles,name,split\n" + quoted(s.Text) + "," + quoted(s.Name) + "," + quoted(s.Split) + "\n"
			n := 0
			for got, err := range ReadSMILES(strings.NewReader(table), "again") {
				if n++; err != nil || got.Text != s.Text || got.Name != s.Name || got.Split != s.Split {
					t.Fatalf("%+v, written %q, read again %+v, %v", s, table, got, err)
				}
			}
			if n != 1 {
				t.Fatalf("%+v, written %q, %d rows", s, table, n)
			}
		}
	})
}

// What WritePDB writes is read again: atoms, bonds, charges, properties; and so are files
// of others.
func TestReadPDB(t *testing.T) {
	var b bytes.Buffer
	var want []*Molecule
	for _, m := range small(t) {
		want = append(want, m)
		if err := WritePDB(&b, m, len(want)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := collect(ReadPDB(&b, "x.pdb"))
	if err != nil || len(all) != len(want) {
		t.Fatalf("%d molecules, %v; want %d", len(all), err, len(want))
	}
	for i, m := range all {
		l := want[i].Lewis(0)
		if !slices.Equal(m.Elements, want[i].Elements) || !slices.Equal(m.FileBonds, l.Bonds) ||
			!slices.Equal(m.FileCharges, whole(l.Charges, len(l.Charges))) || !slices.Equal(m.Properties, want[i].Properties) {
			t.Errorf("%+v read again: %+v", want[i], m)
		}
		for k, p := range m.Positions {
			for c := range p {
				if math.Abs(p[c]-want[i].Positions[k][c]) > 0.5001e-3 {
					t.Errorf("atom %d at %v, want %v", k+1, p, want[i].Positions[k])
				}
			}
		}
	}
	atom := func(name, alternate, x, tail string) string {
		return "ATOM      1 " + name + alternate + "GLY A   1    " + string(pad(nil, x, 8)) + "   0.000   0.000" + tail + "\n"
	}
	for _, c := range []struct{ text, want, reason string }{
		{atom(" CA ", " ", "0.000", ""), "C", ""},
		{atom("CA  ", " ", "0.000", ""), "Ca", ""},
		{atom("HG11", " ", "0.000", ""), "H", ""},
		{atom("HG1 ", " ", "0.000", ""), "H", ""},
		{atom("HO1 ", " ", "0.000", ""), "H", ""},
		{atom("HG  ", " ", "0.000", ""), "Hg", ""},
		{atom("1HB ", " ", "0.000", ""), "H", ""},
		{atom(" D1 ", " ", "0.000", ""), "H", ""},
		{atom(" CA ", " ", "0.000", "  1.00  0.00           N1+"), "N", ""},
		{atom(" CA ", "A", "0.000", "") + atom(" CA ", "B", "9.000", ""), "C", ""},
		{"MODEL        1\n" + atom(" N  ", " ", "0.000", "") + "ENDMDL\nMODEL        2\n" +
			atom(" N  ", " ", "1.000", "") + "ENDMDL\nEND\n", "N N", ""},
		{atom(" X  ", " ", "0.000", ""), "", `unknown element "" of atom " X  "`},
		{atom(" N  ", " ", "nan", "") + "END\n" + atom(" N  ", " ", "0.000", ""), "N", "want a coordinate"},
		{"ATOM      1  N   GLY\n", "", "columns 31 to 54"},
		{"HEADER\nEND\n", "", "no line ATOM or HETATM"},
		{"", "", "no line ATOM or HETATM"},
	} {
		var got []string
		reason := ""
		for m, err := range ReadPDB(strings.NewReader(c.text), "x.pdb") {
			if err != nil {
				reason = err.Error()
			} else {
				got = append(got, m.Elements[0].Symbol())
			}
		}
		if strings.Join(got, " ") != c.want || !strings.Contains(reason, c.reason) || (reason == "") != (c.reason == "") {
			t.Errorf("%q: %v, %q, want %s, %q", c.text, got, reason, c.want, c.reason)
		}
	}
}

// A record that is at fault does not take the next one with it.
func TestReadingGoesOnAfterARecord(t *testing.T) {
	atom := "    0.0000    0.0000    0.0000 H   0  0\n"
	record := func(symbol string) string {
		return "t\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n" + strings.Replace(atom, "H", symbol, 1) + "M  END\n$$$$\n"
	}
	for text, want := range map[string]string{
		record("Q") + record("C"): "! C",
		"t\n$$$$\n" + record("C"): "! C",
		"t\n\n\n  2  0  0  0  0  0  0  0  0  0999 V2000\n" + atom + "$$$$\n" + record("C"): "! C",
		record("N") + "\n\n\n\n\n" + record("C"):                                           "N C",
		strings.Replace(record("N"), "$$$$\n", "", 1) + record("C") + record("O"):          "! ! O",
		strings.Replace(record("N"), "$$$$", " $$$$", 1) + record("C"):                     "N C",
		strings.Replace(record("N"), "$$$$", "$$$", 1) + record("C") + record("O"):         "! ! O",
		strings.Replace(record("Q"), "$$$$\n", "", 1) + record("C"):                        "! !",
		strings.Replace(record("N"), "M  END\n$$$$\n", "", 1) + record("C") + record("O"):  "! ! O",
		strings.Replace(record("N"), "t\n", "t\nx\n", 1) + record("C"):                     "! C",
		record("N") + "t\n\n\n": "N !",
	} {
		var got []string
		for m, err := range ReadSDF(strings.NewReader(text), "x.sdf") {
			if err != nil {
				got = append(got, "!")
			} else {
				got = append(got, m.Formula())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"1\n\nX 0 0 0\n1\n\nC 0 0 0\n":                                    "! C",
		"2\n\nX 0 0 0\nH 0 0 0\n1\n\nC 0 0 0\n":                           "! C",
		"1\nProperties=pos\nH 0 0 0\n1\n\nC 0 0 0\n":                      "! C",
		"0\n\n1\n\nC 0 0 0\n":                                             "! C",
		"1\n\nC 0 0 0\n2\n\nC 0 0 0\n":                                    "C !",
		"2\n\nC 0 0 0\n\n1\n\nC 0 0 0\n":                                  "!",
		"1\n\nC 0 0 0\nC 1 1 1\n1\n\nC 0 0 0\n":                           "C !",
		"1\n\nX 0 0 0\n1\nProperties=species:S:1:pos:R:3\nC 0 0 0\n1\n\n": "! C !",
	} {
		var got []string
		for m, err := range ReadXYZ(strings.NewReader(text), "x.xyz") {
			if err != nil {
				got = append(got, "!")
			} else {
				got = append(got, m.Formula())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}
