// Package xtb relaxes molecules by GFN2-xTB (Bannwarth, Ehlert, Grimme 2019), by the program xtb.
package xtb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// ErrMissing says that the program is missing.
var ErrMissing = errors.New("the program xtb is not installed (Debian: apt-get install xtb, or make deps-xtb)")

const perHartree = 627.5094740631 // kcal/mol

// Program is an installed xtb.
type Program struct{ path string }

// Find looks for xtb in the PATH. Without it the error is [ErrMissing].
func Find() (Program, error) {
	path, err := exec.LookPath("xtb")
	if err != nil {
		return Program{}, ErrMissing
	}
	return Program{path}, nil
}

var (
	version     = regexp.MustCompile(`xtb version (\S+)`)
	firstEnergy = regexp.MustCompile(`:: total energy\s+(-?\d+\.\d+) Eh`)
	lastEnergy  = regexp.MustCompile(`energy: (-?\d+\.\d+)`)
)

// Version is the program's version, on which its bits depend.
func (p Program) Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, p.path, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("xtb --version: %w", err)
	}
	if v := version.FindSubmatch(out); v != nil {
		return string(v[1]), nil
	}
	return "", errors.New("xtb --version prints no version")
}

// Minimum is what a relaxation found.
type Minimum struct {
	Molecule *molecule.Molecule // elements and positions in Å
	Energy   float64            // kcal/mol
	Drop     float64            // kcal/mol, of the energy on the way
}

// Relax finds the local minimum that a molecule of a charge and a number of unpaired electrons
// relaxes to, in one thread, and in a separate folder. The limit is of processor time, so that
// it does not depend on what else the machine does; a POSIX shell sets it.
func (p Program) Relax(
	ctx context.Context, m *molecule.Molecule, charge, unpaired int, limit time.Duration,
) (found Minimum, err error) {
	dir, err := os.MkdirTemp("", "symdiff-xtb-*")
	if err != nil {
		return found, err
	}
	defer os.RemoveAll(dir)
	var text bytes.Buffer
	bare := &molecule.Molecule{Elements: m.Elements, Positions: m.Positions}
	if err := molecule.WriteXYZ(&text, bare); err != nil {
		return found, err
	}
	if err := os.WriteFile(filepath.Join(dir, "in.xyz"), text.Bytes(), 0o666); err != nil {
		return found, err
	}
	seconds := int(math.Ceil(limit.Seconds()))
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `ulimit -c 0; ulimit -S -t "$1"; shift; exec "$@"`, "sh",
		strconv.Itoa(seconds), p.path, "in.xyz", "--opt", "normal", "--chrg", strconv.Itoa(charge),
		"--uhf", strconv.Itoa(unpaired))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "OMP_NUM_THREADS=1")
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return found, ctx.Err()
	case cmd.ProcessState == nil:
		return found, err
	case err != nil && (timedOut(cmd.ProcessState) || spent(cmd.ProcessState) >= 0.9*float64(seconds)):
		return found, fmt.Errorf("no minimum in %v", limit)
	case err != nil:
		return found, errors.New("xtb found no minimum")
	}
	first := firstEnergy.FindSubmatch(out)
	if first == nil {
		return found, errors.New("xtb printed no energy")
	}
	start, err := strconv.ParseFloat(string(first[1]), 64)
	if err != nil {
		return found, err
	}
	relaxed, last, err := read(filepath.Join(dir, "xtbopt.xyz"), m)
	if err != nil {
		return found, err
	}
	return Minimum{relaxed, last * perHartree, (start - last) * perHartree}, nil
}

// timedOut reports whether SIGXCPU ended a process. The kernel counts its time in ticks, which on a
// busy machine can be far from spent.
func timedOut(p *os.ProcessState) bool { return strings.Contains(p.String(), "time limit exceeded") }

// spent is the processor time of a process in seconds.
func spent(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }

// read reads xtb's result; its comment line has the energy in Hartree.
func read(file string, like *molecule.Molecule) (*molecule.Molecule, float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, errors.New("xtb wrote no structure")
	}
	match := lastEnergy.FindSubmatch(data)
	if match == nil {
		return nil, 0, errors.New("xtb wrote no energy")
	}
	energy, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		return nil, 0, err
	}
	for m, err := range molecule.ReadXYZ(bytes.NewReader(data), "xtb's structure") {
		if err != nil {
			return nil, 0, err
		}
		if !slices.Equal(m.Elements, like.Elements) {
			return nil, 0, errors.New("xtb wrote other atoms")
		}
		return &molecule.Molecule{Elements: m.Elements, Positions: m.Positions}, energy, nil
	}
	return nil, 0, errors.New("xtb wrote no structure")
}
