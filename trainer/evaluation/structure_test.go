package evaluation

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

const qm9Features = "../../core/molecule/testdata/features.xyz"

func TestStructureComparesWithTheReferenceAndTheFloor(t *testing.T) {
	e, err := Run(context.Background(), molecule.Open(qm9Features), Options{
		Reference: molecule.Open(qm9Features), RefName: "reference", Train: molecule.Open(qm9Features), TrainName: "train",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := e.Structure
	if s == nil || len(s.Families) != 3 {
		t.Fatalf("structure %+v", s)
	}
	for _, f := range s.Families {
		if f.JS != 0 || f.FloorJS == nil || *f.FloorJS != 0 || len(f.Rows) == 0 {
			t.Errorf("a set against itself: %s: JS %v, floor %v, %d rows", f.Name, f.JS, f.FloorJS, len(f.Rows))
		}
		for _, c := range f.Rows {
			if c.PerMolecule != c.Reference || c.Floor == nil || *c.Floor != c.Reference {
				t.Errorf("%s: %+v", f.Name, c)
			}
		}
	}
	if math.Abs(s.Frechet) > 1e-6 || s.FrechetFloor == nil || math.Abs(*s.FrechetFloor) > 1e-6 {
		t.Errorf("Fréchet distance of a set from itself: %v, floor %v", s.Frechet, s.FrechetFloor)
	}
	if n := e.Novelty; n.NovelAmongUnique.Count != 0 || n.KnownEnvironments.Of != 0 {
		t.Errorf("novelty of the training set: %+v", n)
	}
	nitriles := 0.0
	for _, c := range s.Families[2].Rows {
		if c.Name == "nitrile" {
			nitriles = c.PerMolecule
		}
	}
	if want := 3. / 10; math.Abs(nitriles-want) > 1e-12 {
		t.Errorf("%.3f nitriles a molecule, want %.3f", nitriles, want)
	}
}

// A feature is listed that one in two hundred reference molecules has, and none that is rarer.
func TestRareFeaturesAreNotListed(t *testing.T) {
	for n, want := range map[int]int{200: 2, 201: 1} {
		s := newStructures()
		for i := range n {
			f := molecule.Features{Bonds: map[string]int{"C-C": 1}}
			if i == 0 {
				f.Bonds["C#N"] = 1
			}
			s.add(2, f)
		}
		if got := compareStructures(s, s, nil).Families[0].Rows; len(got) != want {
			t.Errorf("of %d molecules, one with a triple bond: listed are %+v", n, got)
		}
	}
}

func TestNFEIsThatOfTheProperties(t *testing.T) {
	for text, want := range map[string]int{
		"steps=40 method=dpm++2m-sde": 41, "steps=40 method=heun": 81, "method=ddim": 0, "steps=x": 0,
	} {
		m := &molecule.Molecule{}
		for _, field := range strings.Fields(text) {
			key, value, _ := strings.Cut(field, "=")
			m.Properties = append(m.Properties, molecule.Property{Key: key, Value: value})
		}
		if have := nfe(m); have != want {
			t.Errorf("%s: NFE %d, want %d", text, have, want)
		}
	}
}

func TestNovelMoleculesAreSplitByTheEnvironmentsOfTheData(t *testing.T) {
	var list []*molecule.Molecule
	for m, err := range molecule.Open(qm9Features) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	sequence := func(m []*molecule.Molecule) Molecules {
		return func(yield func(*molecule.Molecule, error) bool) {
			for _, m := range m {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
	e, err := Run(context.Background(), sequence(list[:1]), Options{Train: sequence(list[1:]), TrainName: "the others"})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Novelty; n.NovelAmongUnique.Count != 1 || n.KnownEnvironments.Count != 0 || n.KnownEnvironments.Of != 1 {
		t.Errorf("a molecule with rings that no other has: %+v", n)
	}
}

// The distance of N(0, 1) and N(3, 4) in one dimension is 9 + (1-2)² = 10; two independent
// dimensions add up.
func TestFrechetOfKnownGaussians(t *testing.T) {
	const n = 1001
	x, y := mat.NewDense(n, 2, nil), mat.NewDense(n, 2, nil)
	var s float64
	for i := range n {
		v := float64(2*i-(n-1)) / (n - 1)
		s += v * v / (n - 1)
	}
	for i := range n {
		v := float64(2*i-(n-1)) / (n - 1) / math.Sqrt(s) // mean 0, variance 1
		x.Set(i, 0, v)
		y.Set(i, 0, 3+2*v)
		w := v * math.Pow(-1, float64(i)) // hardly correlated with v
		x.Set(i, 1, w)
		y.Set(i, 1, w)
	}
	if d := frechet(x, y); math.Abs(d-10) > 0.02 {
		t.Errorf("%v, want 10", d)
	}
}

func TestSuperposedForgetsRotationAndShiftOnly(t *testing.T) {
	a := [][3]float64{{0, 0, 0}, {1, 0, 0}, {0, 2, 0}, {0, 0, 3}}
	rotated, mirrored := make([][3]float64, 4), make([][3]float64, 4)
	for i, p := range a {
		rotated[i] = [3]float64{5 - p[1], p[0] - 2, p[2] + 1}
		mirrored[i] = [3]float64{-p[0], p[1], p[2]}
	}
	if d := superposed(a, rotated); d > 1e-7 {
		t.Errorf("rotated and shifted: %v", d)
	}
	if d := superposed(a, mirrored); d < 0.1 {
		t.Errorf("mirrored: %v", d)
	}
}

// A program in the place of xtb answers as xtb does: 10 kcal/mol lower, atoms where they were.
func TestXTBIsReadAndItsAbsenceSaid(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	o := Options{XTB: 2}
	if _, err := Run(context.Background(), molecule.Open(qm9Features), o); !errors.Is(err, xtb.ErrMissing) {
		t.Errorf("without xtb: %v", err)
	}
	script := "#!/bin/sh\nPATH=/bin:/usr/bin\necho '         :: total energy             -28.000000000000 Eh    ::'\n" +
		"{ head -n 1 in.xyz; echo ' energy: -28.015936012165 gnorm: 0.1'; tail -n +3 in.xyz; } > xtbopt.xyz\n"
	if err := os.WriteFile(filepath.Join(dir, "xtb"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("xtb"); err != nil {
		t.Skip("no scripts here")
	}
	e, err := Run(context.Background(), molecule.Open(qm9Features), o)
	if err != nil {
		t.Fatal(err)
	}
	x := e.XTB
	if x.Tried != 2 || x.Survives.Count != 2 || math.Abs(x.Drop.Median-10) > 1e-5 || x.RMSD.Median > 1e-6 ||
		len(x.Failed) != 0 {
		t.Errorf("%+v", x)
	}
}
