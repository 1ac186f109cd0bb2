package xtb

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// water is a molecule whose bonds are a little too long.
var water = &molecule.Molecule{
	Elements:  []molecule.Element{8, 1, 1},
	Positions: [][3]float64{{}, {1, 0, 0}, {-0.25, 0.97, 0}},
}

// script puts a shell script in the place of xtb.
func script(t *testing.T, text string) Program {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "xtb"), []byte("#!/bin/sh\n"+text), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	p, err := Find()
	if err != nil {
		t.Skip("no scripts here")
	}
	return p
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
}

// The limit is of processor time: a program that works ends there, one that waits does not.
func TestLimit(t *testing.T) {
	const answer = "echo '         :: total energy             -28.000000000000 Eh    ::'\n" +
		"{ head -n 1 in.xyz; echo ' energy: -28.015936012165 gnorm: 0.1'; tail -n +3 in.xyz; } > xtbopt.xyz\n"
	works := script(t, "while :; do :; done\n")
	if _, err := works.Relax(context.Background(), water, 0, 0, time.Second); err == nil ||
		!strings.Contains(err.Error(), "no minimum in 1s") {
		t.Errorf("error %v", err)
	}
	waits := script(t, "sleep 2\n"+answer)
	m, err := waits.Relax(context.Background(), water, 0, 0, time.Second)
	if err != nil || math.Abs(m.Drop-10) > 1e-5 {
		t.Errorf("%+v, %v", m, err)
	}
	fails := script(t, "exit 1\n")
	if _, err := fails.Relax(context.Background(), water, 0, 0, time.Second); err == nil ||
		!strings.Contains(err.Error(), "found no minimum") {
		t.Errorf("error %v", err)
	}
}

// The program that is installed relaxes water, and an ion with its charge.
func TestRelax(t *testing.T) {
	p, err := Find()
	if err != nil {
		t.Skip(err)
	}
	if v, err := p.Version(context.Background()); err != nil || v == "" {
		t.Errorf("version %q, %v", v, err)
	}
	m, err := p.Relax(context.Background(), water, 0, 0, time.Minute)
	if err != nil || m.Drop <= 0 || m.Energy > -3000 || m.Energy < -3400 {
		t.Fatalf("%+v, %v", m, err)
	}
	at := m.Molecule.Positions
	x, y, z := at[1][0]-at[0][0], at[1][1]-at[0][1], at[1][2]-at[0][2]
	if d := math.Hypot(x, math.Hypot(y, z)); math.Abs(d-0.96) > 0.01 {
		t.Errorf("O-H of %g Å", d)
	}
	ion, err := p.Relax(context.Background(), water, 1, 1, time.Minute)
	if err != nil || ion.Energy < m.Energy+200 {
		t.Errorf("the radical cation: %+v, %v", ion, err)
	}
}
