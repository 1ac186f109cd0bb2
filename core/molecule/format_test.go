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
		"0\nempty=T\n" +
		"1\nProperties=id:I:1:pos:R:3:species:S:1:forces:R:3 a=1\n7 1 2 3 O 4 5 6"
	all, err := collect(ReadXYZ(strings.NewReader(text), "x"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*Molecule{
		{Elements: []Element{H, H}, Positions: [][3]float64{{0, 0, 0}, {.5, -.1, 2}}, Properties: []Property{
			{"id", "gdb_1"}, {"smiles", "[H][H]"}, {"note", `a "b" \ c`}, {"flag", "T"}, {"q", "it is"}, {"lattice", "1 0 0"}, {"s", "x y"}, {"t", "1 2"}, {"e", ""}}},
		{Elements: []Element{17}, Positions: [][3]float64{{1, 2, 3}}, Properties: []Property{{"comment", `plain comment, "unclosed`}}},
		{Elements: []Element{F}, Positions: [][3]float64{{1, 2, 3}}},
		{Elements: []Element{}, Positions: [][3]float64{}, Properties: []Property{{"empty", "T"}}},
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
		{"1\nProperties=species:S:1\nH 0 0 0\n", 1, 2, "want species:S:1 and pos:R:3"},
		{"1\nProperties=species:S:1:pos:R:-3\nH 0 0 0\n", 1, 2, "want species:S:1 and pos:R:3"},
		{"1\n" + strings.Repeat("x", maxLine+2) + "\n", 1, 2, "line longer than"},
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
	if all, err := collect(ReadXYZ(strings.NewReader(long), "long")); err != nil || len(all) != 1 || len(all[0].Properties[0].Value) != 100_000 {
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
	var b bytes.Buffer
	if err := WriteXYZ(&b, m); err != nil {
		t.Fatal(err)
	}
	want := "2\nseed=7 note=\"a \\\"b\\\" \\\\\" none=\"\"\nH 0.000000 0.000000 1.234568\nCl -10.000000 2.000000 3.000000\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	again, err := collect(ReadXYZ(&b, "again"))
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
		{xyz, one(0, Property{"a b", "1"}), false}, {xyz, one(0, Property{"a", "1\n2"}), false}, {xyz, one(0, Property{"", "1"}), false},
		{xyz, one(0, Property{"Properties", "x"}), false},
		{WriteSDF, one(0, Property{"a>", "1"}), false}, {WriteSDF, one(0, Property{"a", "1\n\n2"}), false},
		{WriteSDF, one(0, Property{"a", "$$$$"}), false}, {WriteSDF, one(0, Property{"title", "a\nb"}), false},
		{pdb, one(0, Property{"a", "1\n2"}), false},
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
		"\n  1  2  1  0\n", "\n  2  3  1  0\n  2  4  2  0\n", "\nM  CHG  2   2   1   3  -1\nM  END\n>  <seed>\n7\n\n>  <two>\nlines\nof text\n\n>  <none>\n\n$$$$\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), strings.TrimSuffix(text, "$$$$\n"), text + "\n\n"} {
		all, err := collect(ReadSDF(strings.NewReader(text), "x.sdf"))
		if err != nil || len(all) != 2 {
			t.Fatalf("%d molecules, %v", len(all), err)
		}
		for _, got := range all {
			if !slices.Equal(got.Elements, m.Elements) || !slices.Equal(got.Properties, append([]Property{{"title", "CH3NO2"}}, m.Properties...)) {
				t.Errorf("read %+v", got)
			}
			if want := []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, {1, 2, 1}, {1, 3, 2}}; !slices.Equal(got.FileBonds, want) {
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
	want := "M  CHG  8   2   1   3  -1   9   1  10  -1  16   1  17  -1  23   1  24  -1\nM  CHG  2  30   1  31  -1\nM  END\n"
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
		{head + "  2  1  0     0  0            999 V3000\n", 4, "want a line of counts with V2000"},
		{head + " x2  1 V2000\n", 4, "want a line of counts"},
		{head + " -2  1 V2000\n", 4, "want a line of counts"},
		{head + counts + atom, 6, "file ends, want atom 2"},
		{head + counts + atom + "    0.0000\n", 6, "want an atom"},
		{head + counts + atom + "    0.0000       NaN    0.0000 H\n", 6, `want a coordinate, found "NaN"`},
		{head + counts + atom + "    0.0000    0.0000    0.0000 Q  \n", 6, `unknown element "Q"`},
		{head + counts + atom + atom, 7, "file ends, want bond 1"},
		{head + counts + atom + atom + "  1  3  1\n", 7, "want a bond of two of 2 atoms"},
		{head + counts + atom + atom + "  1  1  1\n", 7, "want a bond"},
		{head + counts + atom + atom + "  1  2  0\n", 7, "want a bond"},
		{head + counts + atom + atom + "  1  2  1\n$$$$\n", 9, "file ends, want M  END"},
		{head + counts + atom + atom + "  1  2  1\nM  END\n> x\n", 9, "want a data field"},
		{head + counts + atom + atom + "  1  2  1\nM  END\n> <x>\n1\n", 11, `want the value of field "x"`},
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

// Reading never panics, errors are typed, and what is read can be written and
// read again unchanged, but for the rounding of coordinates.
func FuzzReadXYZ(f *testing.F) {
	for _, seed := range []string{
		"1\nid=1 s=\"a b\" flag\nH 0 0 0\n", "2\r\n\r\nH 1 2 3\r\nCl -1e3 .5 +4 9\r\n", "1\nfree text\nC 0 0 0\n0\n\n",
		"1\nProperties=pos:R:3:species:S:1 a={b c}\n0 0 0 N\n", "100000\n\nH 0 0 0", "-1\n", "1\na='\nH 0 0 0",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for m, err := range ReadXYZ(bytes.NewReader(data), "fuzz") {
			if err != nil {
				if _, ok := errors.AsType[*ParseError](err); !ok {
					t.Fatalf("error %v of type %T", err, err)
				}
				return
			}
			if len(m.Elements) > 200 {
				return
			}
			m.Valid()
			m.Key()
			var b bytes.Buffer
			if err := WriteXYZ(&b, m); err != nil {
				if strings.ContainsAny(string(data), "\r'\"{}[]") { // keys and values the format cannot take back
					return
				}
				t.Fatal(err)
			}
			written := b.String()
			again, err := collect(ReadXYZ(&b, "again"))
			if err != nil || len(again) != 1 || !slices.Equal(again[0].Elements, m.Elements) || !slices.Equal(again[0].Properties, m.Properties) {
				t.Fatalf("read %+v, written %q, read again %+v, %v", m, written, again, err)
			}
		}
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
	f.Add([]byte("\n\n\n  0  0 V2000\nM  END"))
	f.Add([]byte("\n\n\n999999 V2000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for m, err := range ReadSDF(bytes.NewReader(data), "fuzz") {
			if err != nil {
				if _, ok := errors.AsType[*ParseError](err); !ok {
					t.Fatalf("error %v of type %T", err, err)
				}
				return
			}
			var b bytes.Buffer
			if err := WriteSDF(&b, m); err != nil {
				continue // more bonds, larger coordinates or other fields than the format holds
			}
			again, err := collect(ReadSDF(&b, "again"))
			if err != nil || len(again) != 1 || !slices.Equal(again[0].Elements, m.Elements) {
				t.Fatalf("read %+v, read again %+v, %v", m, again, err)
			}
		}
	})
}
