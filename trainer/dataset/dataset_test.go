package dataset

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
)

var hcno = []molecule.Element{molecule.H, molecule.C, molecule.N, molecule.O}

const water = `3
id=1 split=train
O 1.0 2.0 3.0
H 1.0 2.0 4.0
H 1.0 3.0 3.0
`

const methane = `5
id=2 split=val
C 0 0 0
H 1 1 1
H -1 -1 1
H 1 -1 -1
H -1 1 -1
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	data := []byte(text)
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(data)
		z.Close()
		data = b.Bytes()
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	path := write(t, "a.xyz.gz", water+methane+water)
	s, err := Load([]string{path}, hcno, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 || s.Atoms() != 11 || s.Size(1) != 5 {
		t.Fatalf("%d molecules, %d atoms, the second of %d", s.Len(), s.Atoms(), s.Size(1))
	}
	if m := s.Moments(encoding.QM9()); m == nil || len(m.Mean) != 6 || !(m.X[0]+3*m.X[1] > 0) {
		t.Errorf("moments %+v", m)
	}
	if h := s.Histogram(); len(h) != 2 || h[3] != 2 || h[5] != 1 {
		t.Errorf("histogram %v", h)
	}
	if got := s.Types(0); !slices.Equal(got, []uint8{3, 0, 0}) {
		t.Errorf("types %v", got)
	}
	want := []float32{0, -1. / 3, -1. / 3, 0, -1. / 3, 2. / 3, 0, 2. / 3, -1. / 3}
	for i, v := range s.Positions(2) {
		if math.Abs(float64(v-want[i])) > 1e-6 {
			t.Fatalf("positions %v, want %v", s.Positions(2), want)
		}
	}
	data, _ := os.ReadFile(path)
	sum := sha256.Sum256(data)
	if src := s.Sources; len(src) != 1 || src[0].SHA256 != hex.EncodeToString(sum[:]) || src[0].Molecules != 3 ||
		src[0].File != path {
		t.Errorf("sources %+v", src)
	}
}

func TestLoadFilterAndLimit(t *testing.T) {
	path := write(t, "a.xyz", water+methane+water)
	s, err := Load([]string{path + "@split=val"}, hcno, 0)
	if err != nil || s.Len() != 1 || s.Size(0) != 5 || s.Sources[0].Filter != "split=val" {
		t.Errorf("filter: %+v, %v", s, err)
	}
	if s, err = Load([]string{path, path}, hcno, 4); err != nil || s.Len() != 4 || s.Sources[1].Molecules != 1 {
		t.Errorf("limit: %+v, %v", s, err)
	}
	for name, want := range map[string]string{path + "@split=test": "split=test", path + "@split": "key=value",
		filepath.Join(t.TempDir(), "none.xyz"): "none.xyz"} {
		if _, err := Load([]string{name}, hcno, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %s", name, err, want)
		}
	}
}

// An element that the model does not have is an error naming file, frame and element.
// A command that is interrupted leaves the loop over the molecules while their reading ends with the
// context's error.
func TestALoopIsLeftAsItsContextEnds(t *testing.T) {
	path := write(t, "set.xyz", strings.Repeat("1\n\nH 0 0 0\n", 3))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &Reader{Context: ctx}
	for _, err := range r.Open(path) {
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		break
	}
}

func TestLoadUnknownElement(t *testing.T) {
	path := write(t, "bad.xyz", water+"1\n\nCl 0 0 0\n")
	_, err := Load([]string{path}, hcno, 0)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"bad.xyz", "molecule 2", "Cl"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
	}
}

// synthetic is a set with many sizes.
func synthetic(n int) *Set {
	s := &Set{Elements: hcno, offsets: []int{0}}
	for i := range n {
		size := 3 + (i*i+i/7)%9
		s.offsets = append(s.offsets, s.offsets[i]+size)
		s.types = append(s.types, make([]uint8, size)...)
		s.positions = append(s.positions, make([]float32, 3*size)...)
	}
	return s
}

// An epoch has every molecule once, in batches of one size within the budget, in another order than
// the epoch before.
func TestEpoch(t *testing.T) {
	s := synthetic(500)
	o, err := NewOrder(s, 40, 7, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var orders [2][]int
	for epoch := range orders {
		seen := map[int]bool{}
		for range o.BatchesPerEpoch() {
			if e, _ := o.Position(); epoch == 0 && e != 0 {
				t.Fatalf("epoch %d", e)
			}
			batch := o.Next()
			n := s.Size(batch[0])
			if len(batch)*n > 40 {
				t.Errorf("%d molecules of %d atoms exceed the budget", len(batch), n)
			}
			for _, i := range batch {
				if s.Size(i) != n || seen[i] {
					t.Fatalf("molecule %d: size %d among %d, seen before: %v", i, s.Size(i), n, seen[i])
				}
				seen[i] = true
			}
			orders[epoch] = append(orders[epoch], batch...)
		}
		if len(seen) != s.Len() {
			t.Errorf("epoch %d has %d of %d molecules", epoch, len(seen), s.Len())
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("two epochs in the same order")
	}
}

// Going on from a position gives what would have come, also across the end of an epoch.
func TestOrderResumes(t *testing.T) {
	s := synthetic(200)
	a, err := NewOrder(s, 30, 3, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range a.BatchesPerEpoch() + 5 {
		a.Next()
	}
	for range 2 { // in the middle, and right at an end
		e, p := a.Position()
		b, err := NewOrder(s, 30, 3, e, p)
		if err != nil {
			t.Fatal(err)
		}
		for range a.BatchesPerEpoch() - 5 {
			if x, y := a.Next(), b.Next(); !slices.Equal(x, y) {
				t.Fatalf("%v after resuming, want %v", y, x)
			}
		}
	}
	if _, err := NewOrder(s, 30, 3, 0, a.BatchesPerEpoch()+1); err == nil {
		t.Error("a position beyond the epoch is taken")
	}
}

func TestSeedsDiffer(t *testing.T) {
	s := synthetic(100)
	a, _ := NewOrder(s, 30, 1, 0, 0)
	b, _ := NewOrder(s, 30, 2, 0, 0)
	same := true
	for range a.BatchesPerEpoch() {
		same = same && slices.Equal(a.Next(), b.Next())
	}
	if same {
		t.Error("two seeds, one order")
	}
}

// Every molecule of the training data is read, with the histogram of the published splits.
func TestQM9(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "data", "qm9_val.xyz.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no QM9 here")
	}
	s, err := Load([]string{path}, append(hcno, molecule.F), 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 17473 {
		t.Errorf("%d molecules, want 17473", s.Len())
	}
	for n := range s.Histogram() {
		if n > 29 {
			t.Errorf("a molecule of %d atoms", n)
		}
	}
	for i := range s.Len() {
		var sum [3]float64
		for k, v := range s.Positions(i) {
			sum[k%3] += float64(v)
		}
		for _, v := range sum {
			if math.Abs(v) > 1e-4 {
				t.Fatalf("molecule %d is not centred: %v", i, sum)
			}
		}
	}
}

// A model of united atoms is trained on molecules without their hydrogens, from any file, and molecules
// of the set have them again.
func TestLoadUnited(t *testing.T) {
	methanol := `6
id=3
O 0 0 1.42
H 0.92 0 1.7
C 0 0 0
H 1.03 0 -0.37
H -0.51 0.89 -0.37
H -0.51 -0.89 -0.37
`
	text := write(t, "a.xyz", water+methanol)
	packed := filepath.Join(t.TempDir(), "a.safetensors")
	w := newWriter(packed, nil)
	for m, err := range Open(text) {
		if err = cmp.Or(err, w.Add(m, "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(nil, "command"); err != nil {
		t.Fatal(err)
	}
	var elements []molecule.Element
	for _, symbol := range []string{"C", "[CH3]", "[OH]", "[OH2]"} {
		e, _ := molecule.ParseUnited(symbol)
		elements = append(elements, e)
	}
	for _, path := range []string{text, packed} {
		s, err := Load([]string{path}, elements, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Types(0); !slices.Equal(got, []uint8{3}) {
			t.Errorf("%s: types of water %v", path, got)
		}
		if got := s.Types(1); !slices.Equal(got, []uint8{2, 1}) {
			t.Errorf("%s: types of methanol %v", path, got)
		}
		list := s.Compositions()
		if len(list) != 2 || list[0].Formula != "[CH3][OH]" || list[1].Formula != "[OH2]" {
			t.Errorf("%s: compositions %v", path, list)
		}
		if m := s.Molecule(1); m.Formula() != "CH4O" || !m.Stable() {
			t.Errorf("%s: molecule %s at %v", path, m.Formula(), m.Positions)
		}
		if _, err := Load([]string{path}, elements[:3], 0); err == nil ||
			!strings.Contains(err.Error(), "molecule 1: element [OH2] is not among the model's") {
			t.Errorf("%s: without [OH2]: %v", path, err)
		}
	}
	far := write(t, "far.xyz", methane) // 1.7 Å
	if _, err := Load([]string{far}, elements, 0); err == nil || !strings.Contains(err.Error(), far) ||
		!strings.Contains(err.Error(), "molecule 1: atom 2: a hydrogen without a bond") {
		t.Errorf("far hydrogens: %v", err)
	}
}
