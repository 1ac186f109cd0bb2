package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// qm9File is a molecule as QM9 is published.
func qm9File(index int) string {
	return fmt.Sprintf("5\ngdb %d\t157.7118\t157.70997\t157.70699\t0.\t13.21\t-0.3877\t0.1171\t0.5048\t35.3641"+
		"\t0.044749\t-40.47893\t-40.476062\t-40.475117\t-40.498597\t6.469\t\n", index) +
		"C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689\nH\t 2.150416e-3\t-6.0313176*^-3\t " +
		"1.9761204D-3\t 0.133921\n" +
		"H\t 1.0117308433\t 1.4637511618\t 0.0002765748\t 0.133922\nH\t-0.540815069\t " +
		"1.4475266138\t-0.8766437152\t 0.133923\nH\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923\n" +
		"1341.307\t1341.3284\nC\tC\t\nInChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4\n"
}

const waterFrame = "3\nid=gdb_000003 split=val\nO 0 0 0.1\nH 0.76 0 -0.5\nH -0.76 0 -0.5\n"

func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// archive is a tar of files.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(mapKeys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])),
			Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[name]))
	}
	w.Close()
	return b.String()
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func prepare(t *testing.T, j Job) (Summary, *Packed) {
	t.Helper()
	j.Out = filepath.Join(t.TempDir(), "out.safetensors")
	s, err := Prepare(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPacked(j.Out)
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(j.Out + ".tmp*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return s, p
}

// noting is a reader whose notes are kept.
func noting(notes *[]string) Reader {
	return Reader{Note: func(text string) { *notes = append(*notes, text) }}
}

func TestQM9Archive(t *testing.T) {
	text := archive(t, map[string]string{
		"dsgdb9nsd_000001.xyz": qm9File(1), "dsgdb9nsd_000002.xyz": qm9File(2),
		"dsgdb9nsd_000003.xyz": strings.Replace(qm9File(3), "-6.0313176*^-3", "six", 1),
		"dsgdb9nsd_000004.xyz": "5\ngdb 4\n", "readme.txt": "hello",
	})
	path := put(t, "q.tar", text)
	if bzip2, err := exec.LookPath("bzip2"); err == nil { // as published
		if out, err := exec.Command(bzip2, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		path += ".bz2"
	} else {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(text))
		z.Close()
		path = put(t, "q.tar.gz", b.String())
	}
	var notes []string
	s, p := prepare(t, Job{Inputs: []string{path}, Excluded: map[int]bool{2: true},
		Properties: []string{"mu", "gap"}, Reader: noting(&notes)})
	if s.Molecules != 1 || s.Skipped != 2 || s.Left != 1 || s.Atoms != 5 || len(s.Sources) != 1 ||
		len(s.Sources[0].SHA256) != 64 {
		t.Errorf("%+v", s)
	}
	if len(notes) != 3 || !strings.Contains(notes[0],
		`:4: molecule 3: want a coordinate, found "six" (dsgdb9nsd_000003.xyz)`) ||
		!strings.Contains(notes[1], "file ends, want atom 1 of 5 (dsgdb9nsd_000004.xyz)") ||
		!strings.HasSuffix(notes[2], ": 2 molecules read, 2 skipped (1: file ends; 1: want a coordinate)") {
		t.Errorf("notes %q", notes)
	}
	m := p.Molecule(0)
	if d := m.Distance(0, 1); d < 1.0919 || d > 1.0922 || !m.Stable() { // C-H of methane
		t.Errorf("distance %v, %v", d, m.Bonds())
	}
	if p.Properties["gap"][0] != 0.5048 || p.Properties["mu"][0] != 0 {
		t.Errorf("properties %v", p.Properties)
	}
	if _, err := Prepare(context.Background(), Job{Inputs: []string{path}, Out: filepath.Join(t.TempDir(), "x"),
		Reader: Reader{Strict: true}}); err == nil || !strings.Contains(err.Error(), "000003.xyz") {
		t.Errorf("strict: %v", err)
	}
}

func TestXYZAndSDF(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a/one.xyz", waterFrame+"2\nbroken\nH 0 0 0\nH 0 x 0\n"+waterFrame)
	write("a/gdb.xyz", qm9File(7))
	write("b.txt", "not of a known format")
	var sdf bytes.Buffer
	for m := range molecule.ReadXYZ(strings.NewReader(waterFrame), "water") {
		for _, title := range []string{"gdb_21", "gdb_22"} {
			m.Properties = []molecule.Property{{Key: "title", Value: title}}
			if err := molecule.WriteSDF(&sdf, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("c.sdf", strings.Replace(sdf.String(), "V2000", "V9999", 1))
	s, p := prepare(t, Job{Inputs: []string{dir}})
	if s.Molecules != 4 || s.Skipped != 2 || s.Splits["val"] != 2 || s.Splits["train"] != 2 ||
		!slices.Equal(s.Elements, []string{"H", "C", "O"}) {
		t.Errorf("%+v", s)
	}
	if p.Splits["train"] != [2]int{0, 2} || p.Splits["val"] != [2]int{2, 4} {
		t.Errorf("splits %v", p.Splits)
	}
	var got []int
	_, err := source.Read(context.Background(), filepath.Join(dir, "c.sdf"), source.Options{},
		func(r source.Record) error {
			got = append(got, r.Index)
			return nil
		})
	if err != nil || !slices.Equal(got, []int{0, 22}) {
		t.Errorf("SDF: indices %v, %v", got, err)
	}
	// Where the next record begins is not known after a bad count.
	_, err = Prepare(context.Background(), Job{Inputs: []string{put(t, "bad.xyz", waterFrame+"many\n"+waterFrame)},
		Out: filepath.Join(t.TempDir(), "x")})
	if err == nil || !strings.Contains(err.Error(), `bad.xyz:6: molecule 2: want a number of atoms, found "many"`) {
		t.Errorf("%v", err)
	}
	_, err = Prepare(context.Background(), Job{Inputs: []string{put(t, "w.xyz", waterFrame)},
		Elements: []molecule.Element{1, 6}, Out: filepath.Join(t.TempDir(), "x")})
	if err == nil || !strings.Contains(err.Error(), "w.xyz: gdb_000003: element O is not among the model's [H C]") {
		t.Errorf("%v", err)
	}
	for _, in := range []string{filepath.Join(dir, "b.txt"), filepath.Join(dir, "gone"), t.TempDir()} {
		if _, err := Prepare(context.Background(), Job{Inputs: []string{in},
			Out: filepath.Join(t.TempDir(), "x")}); err == nil {
			t.Errorf("%s is an input", in)
		}
	}
	// The file that cannot be written is named, not a molecule.
	folder := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for out, want := range map[string]string{
		folder:                     folder + ": is a folder",
		filepath.Join("none", "x"): filepath.Join("none", "x") + ": open: no such file or directory",
	} {
		_, err := Prepare(context.Background(), Job{Inputs: []string{put(t, "w.xyz", waterFrame)}, Out: out})
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(t.TempDir(), "x")
	if _, err := Prepare(ctx, Job{Inputs: []string{dir}, Out: out}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Conformers of a molecule go into one split, whatever the order.
func TestShares(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "1\nsmiles=%d\nH 0 0 0\n", i/3)
	}
	path := put(t, "a.xyz", b.String())
	s, _ := prepare(t, Job{Inputs: []string{path}, Split: "0.8,0.1"})
	for name, want := range map[string]int{"train": 2400, "val": 300, "test": 300} {
		if got := s.Splits[name]; got%3 != 0 || got < want-120 || got > want+120 {
			t.Errorf("%s: %d molecules, want about %d, by threes", name, got, want)
		}
	}
	again, _ := prepare(t, Job{Inputs: []string{path}, Split: "0.8,0.1"})
	other, _ := prepare(t, Job{Inputs: []string{path}, Split: "0.8,0.1", Reader: Reader{Source: source.Options{Seed: 1}}})
	if fmt.Sprint(again.Splits) != fmt.Sprint(s.Splits) || fmt.Sprint(other.Splits) == fmt.Sprint(s.Splits) {
		t.Errorf("%v, again %v, other seed %v", s.Splits, again.Splits, other.Splits)
	}
	for _, split := range []string{"0.9,0.2", "half", "1,2,3", "-1", "qm9"} {
		if _, err := Prepare(context.Background(), Job{Inputs: []string{path}, Split: split,
			Out: filepath.Join(t.TempDir(), "x")}); err == nil {
			t.Errorf("split %q is accepted", split)
		}
	}
}

// geomFile is a file of GEOM: two maps of one and of two molecules.
func geomFile(t *testing.T) string {
	t.Helper()
	conformer := func(energy, x float64) map[string]any {
		return map[string]any{"totalenergy": energy, "geom_id": 1, "xyz": [][]float64{{17, x, 0, 0}, {1, x + 1.28, 0, 0}}}
	}
	bad := conformer(-9, 0)
	bad["xyz"] = [][]any{{17, 0.0, 0.0}}
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	for _, m := range []map[string]any{
		{"Cl": map[string]any{"uniqueconfs": 3, "conformers": []any{conformer(-1, 1), conformer(-3, 3),
			conformer(-2, 2)}, "datasets": map[string]any{"x": []int{1}}}},
		{"[Cl]": map[string]any{"conformers": []any{}}, "Cl.Cl": map[string]any{"conformers": []any{bad, conformer(-1, 0)}}},
	} {
		e.SetSortMapKeys(true)
		if err := e.Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestGEOM(t *testing.T) {
	path := put(t, "drugs_crude.msgpack", geomFile(t))
	var energies []string
	var notes []string
	_, err := source.Read(context.Background(), path, source.Options{Conformers: 2}, func(r source.Record) error {
		if r.Err != nil {
			notes = append(notes, r.Err.Error())
			return nil
		}
		e, _ := r.Molecule.Property("energy")
		energies = append(energies, r.Group+" "+e+" "+r.Molecule.Formula())
		return nil
	})
	if err != nil || !slices.Equal(energies, []string{"Cl -3 HCl", "Cl -2 HCl", "Cl.Cl -1 HCl"}) &&
		!slices.Equal(energies, []string{"Cl -3 ClH", "Cl -2 ClH", "Cl.Cl -1 ClH"}) {
		t.Errorf("%v, %v", energies, err)
	}
	if len(notes) != 2 || !strings.Contains(strings.Join(notes, "\n"), "no conformers: [Cl]") ||
		!strings.Contains(strings.Join(notes, "\n"), "Cl.Cl: atom 1 is [17 0 0]") {
		t.Errorf("notes %q", notes)
	}
	truncated := put(t, "t.msgpack", geomFile(t)[:120])
	if _, err := source.Read(context.Background(), truncated, source.Options{},
		func(source.Record) error { return nil }); err == nil || !strings.Contains(err.Error(), "t.msgpack: record 1") {
		t.Errorf("truncated: %v", err)
	}
}

func TestSMILES(t *testing.T) {
	list := put(t, "list.smi", "# a comment\nCCO ethanol\nC1CC broken\n\nc1ccccc1\tbenzene\n")
	if !rdkit.Available {
		_, err := source.Read(context.Background(), list, source.Options{}, func(source.Record) error { return nil })
		if !errors.Is(err, rdkit.ErrMissing) || !strings.Contains(err.Error(), "list.smi") {
			t.Errorf("without RDKit: %v", err)
		}
		return
	}
	var notes []string
	r := noting(&notes)
	r.Source = source.Options{Conformers: 2, Tries: 6}
	s, p := prepare(t, Job{Inputs: []string{list}, Reader: r})
	if s.Skipped != 1 || len(notes) != 2 || !strings.Contains(notes[0],
		"list.smi:3: molecule 2: not a SMILES: C1CC broken") {
		t.Errorf("%+v, %q", s, notes)
	}
	if m := p.Molecule(0); m.Formula() != "C2H6O" || !m.Stable() {
		t.Errorf("%s, stable %v", m.Formula(), m.Stable())
	}
	table := put(t, "t.tsv", "split\tsmiles\ntest\tCCO\ntrain\tCO\n")
	if s, _ := prepare(t, Job{Inputs: []string{table}}); s.Splits["test"] != 1 || s.Splits["train"] != 1 {
		t.Errorf("table: %+v", s)
	}
	if _, err := source.Read(context.Background(), put(t, "u.tsv", "a\tb\n"), source.Options{}, nil); err == nil ||
		!strings.Contains(err.Error(), "no column smiles") {
		t.Errorf("%v", err)
	}
}

// QM9 with the properties of its file gives EDM's split: prepared from the records at hand, each
// has the split that it states.
func TestPrepareQM9(t *testing.T) {
	const dir = "../../../shared/data/"
	f, err := os.Open(dir + "qm9_uncharacterized_ids.txt")
	if err != nil {
		t.Skip("no QM9 here")
	}
	defer f.Close()
	excluded, err := source.ReadExcluded(f)
	if err != nil {
		t.Fatal(err)
	}
	split, err := parseSplit("qm9", excluded, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, n := errors.New("enough"), 0
	for _, name := range []string{"qm9_test", "qm9_val", "qm9_train"} {
		_, err = source.Read(context.Background(), dir+name+".xyz.gz", source.Options{}, func(r source.Record) error {
			if n++; n%500 == 0 {
				return stop
			}
			got, err := split(r)
			if want, _ := r.Molecule.Property("split"); got != want || err != nil {
				t.Errorf("molecule %s: %s, %v, want %s", strconv.Itoa(r.Index), got, err, want)
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
	}
}
