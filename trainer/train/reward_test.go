package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// water, and a water without one of its hydrogens.
func water(whole bool) *molecule.Molecule {
	m := &molecule.Molecule{Elements: []molecule.Element{molecule.O, molecule.H, molecule.H},
		Positions: [][3]float64{{0, 0, 0}, {0.96, 0, 0}, {-0.24, 0.93, 0}}}
	if !whole {
		m.Elements, m.Positions = m.Elements[:2], m.Positions[:2]
	}
	return m
}

func TestRewardIsTheExpressionsValue(t *testing.T) {
	for _, c := range []struct {
		expression string
		want       []float64
	}{
		{"stable", []float64{1, 0}},
		{"stable_atoms", []float64{1, 0.5}},
		{"valid && connected", []float64{1, 1}},
		{`number_of("H")`, []float64{2, 1}},
		{`-2*number_of("H") + atoms/2.0`, []float64{-2.5, -1}},
		{`formula == "H2O" ? 3.5 : 1`, []float64{3.5, 1}},
		{"rings(3) + aromatic_rings + clashes", []float64{0, 0}},
		{"heavy_atoms", []float64{1, 1}},
		{`degree("H", 1) - 5*degree("O", 2)`, []float64{-3, 1}},
	} {
		r, err := newRewarder(c.expression, molecule.QM9Rule)
		if err != nil {
			t.Fatalf("%s: %v", c.expression, err)
		}
		got, err := r(context.Background(), []*molecule.Molecule{water(true), water(false)})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.expression, got, err, c.want)
		}
	}
}

// Of a model of drugs the measures are those of the Lewis structure, as evaluate has them.
func TestRewardIsByTheRuleOfTheModel(t *testing.T) {
	methyl, _ := molecule.Unite(molecule.C, 3)
	// dimethyl sulfide, and a part of it
	whole := (&molecule.Molecule{Elements: []molecule.Element{methyl, 16, methyl},
		Positions: [][3]float64{{0, 0, 0}, {1.81, 0, 0}, {2.1, 1.787, 0}}}).AddHydrogens()
	part := (&molecule.Molecule{Elements: []molecule.Element{methyl, 16},
		Positions: [][3]float64{{0, 0, 0}, {1.81, 0, 0}}}).AddHydrogens()
	for expression, want := range map[string][]float64{
		"stable": {1, 0}, "plausible": {1, 0}, "connected": {1, 1}, "stable_atoms": {1, 0.8},
		`degree("S", 2) + degree("C", 4)`: {3, 1},
	} {
		r, err := newRewarder(expression, molecule.GEOMRule)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r(context.Background(), []*molecule.Molecule{whole, part})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", expression, got, err, want)
		}
	}
}

func TestRewardRefusesWhatIsNoReward(t *testing.T) {
	for expression, want := range map[string]string{
		"stabel":                "stabel",
		"stable &&":             "--reward",
		`stable + "x"`:          "--reward",
		"program:":              "a command",
		"program:/no/such/file": "no such file",
	} {
		if _, err := newRewarder(expression, molecule.QM9Rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", expression, err, want)
		}
	}
	for _, expression := range []string{"formula", `number_of("Xx")`, `degree("Xx", 1)`, "program:true", "program:echo x y"} {
		r, err := newRewarder(expression, molecule.QM9Rule)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if got, err := r(context.Background(), []*molecule.Molecule{water(true)}); err == nil {
			t.Errorf("%s: %v, want an error", expression, got)
		}
	}
	if _, err := newRewarder("logp > 1", molecule.QM9Rule); (err == nil) != rdkit.Available {
		t.Errorf("logp: %v, RDKit here: %v", err, rdkit.Available)
	}
}

// similarity reads its file once, before anything is sampled.
func TestRewardForSimilarity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "known.xyz")
	empty := filepath.Join(t.TempDir(), "empty.xyz")
	var b bytes.Buffer
	if err := errors.Join(molecule.WriteXYZ(&b, water(true)), os.WriteFile(file, b.Bytes(), 0o666),
		os.WriteFile(empty, nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	expression := fmt.Sprintf("similarity(%q)", file)
	if !rdkit.Available {
		if _, err := newRewarder(expression, molecule.QM9Rule); !errors.Is(err, rdkit.ErrMissing) {
			t.Errorf("without RDKit: %v", err)
		}
		return
	}
	for text, want := range map[string]string{
		`similarity("no-such.xyz")`: "no-such.xyz", "similarity(formula)": "name of a file in quotes",
		fmt.Sprintf("similarity(%q)", empty): "empty.xyz: no molecule",
		"similarity > 0.5":                   "--reward", "similarity()": "--reward",
	} {
		if _, err := newRewarder(text, molecule.QM9Rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
	r, err := newRewarder(expression, molecule.QM9Rule)
	if err != nil {
		t.Fatal(err)
	}
	methane := &molecule.Molecule{Elements: []molecule.Element{molecule.C, molecule.H, molecule.H, molecule.H, molecule.H},
		Positions: [][3]float64{{}, {.63, .63, .63}, {-.63, -.63, .63}, {-.63, .63, -.63}, {.63, -.63, -.63}}}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	got, err := r(t.Context(), []*molecule.Molecule{water(true), methane})
	if err != nil || !slices.Equal(got, []float64{1, 0}) {
		t.Errorf("%v, %v, want 1 and 0", got, err)
	}
}

// A program reads the molecules as SDF and prints a number for each.
func TestRewardOfAProgram(t *testing.T) {
	script := filepath.Join(t.TempDir(), "reward.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nawk '/V2000/ { print $1 == 3 ? 7 : \"nan\" }'\n"),
		0o755); err != nil {
		t.Fatal(err)
	}
	r, err := newRewarder("program: "+script, molecule.QM9Rule)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r(context.Background(), []*molecule.Molecule{water(true), water(false)})
	if err != nil || len(got) != 2 || got[0] != 7 || !math.IsNaN(got[1]) {
		t.Errorf("%v, %v, want 7 and NaN", got, err)
	}
}

// Weights record a program without the folders of its machine, and an expression as it is.
func TestRewardIsRecordedWithoutFolders(t *testing.T) {
	for reward, want := range map[string]string{
		"program:/home/ada/rank -m /data/m.pt": "program:rank -m m.pt",
		"atoms / heavy_atoms":                  "atoms / heavy_atoms", "": "",
	} {
		if got := (&Posttraining{Reward: reward}).summary().Reward; got != want {
			t.Errorf("%s: %q, want %q", reward, got, want)
		}
	}
}

func TestChordlessRings(t *testing.T) {
	ring := func(n int, more ...[2]int) (bonds []molecule.Bond) {
		for i := range n {
			bonds = append(bonds, molecule.Bond{I: min(i, (i+1)%n), J: max(i, (i+1)%n), Order: 1})
		}
		for _, b := range more {
			bonds = append(bonds, molecule.Bond{I: b[0], J: b[1], Order: 1})
		}
		return bonds
	}
	for _, c := range []struct {
		name  string
		atoms int
		bonds []molecule.Bond
		want  map[int]int
	}{
		{"triangle", 3, ring(3), map[int]int{3: 1}},
		{"hexagon", 6, ring(6), map[int]int{6: 1}},
		{"hexagon with a bond across", 6, ring(6, [2]int{0, 3}), map[int]int{4: 2}},
		{"hexagon with a corner cut", 6, ring(6, [2]int{0, 2}), map[int]int{3: 1, 5: 1}},
		{"tetrahedron", 4, ring(4, [2]int{0, 2}, [2]int{1, 3}), map[int]int{3: 4}},
		{"chain", 4, ring(4)[:3], nil},
	} {
		for size := 3; size <= 7; size++ {
			if got := chordless(c.atoms, c.bonds, size); got != c.want[size] {
				t.Errorf("%s: %d rings of %d, want %d", c.name, got, size, c.want[size])
			}
		}
	}
}
