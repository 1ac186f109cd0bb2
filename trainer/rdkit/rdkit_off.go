//go:build !rdkit || !cgo

package rdkit

import (
	"context"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Available tells whether RDKit is in this build.
const Available = false

// Version is RDKit's version, empty without it.
func Version() string { return "" }

// SMILES needs the tag rdkit.
func SMILES(*molecule.Molecule) (string, error) { return "", ErrMissing }

// SMILESBy needs the tag rdkit.
func SMILESBy(*molecule.Molecule, molecule.Rule) (string, error) { return "", ErrMissing }

// Skeleton needs the tag rdkit.
func Skeleton(*molecule.Molecule, []molecule.Bond) (string, error) { return "", ErrMissing }

// SkeletonOf needs the tag rdkit.
func SkeletonOf(string) (string, error) { return "", ErrMissing }

// Explicit needs the tag rdkit.
func Explicit(string, molecule.Rule) (string, error) { return "", ErrMissing }

// Plain needs the tag rdkit.
func Plain(string) (string, error) { return "", ErrMissing }

// LewisSMILES needs the tag rdkit.
func LewisSMILES(*molecule.Molecule, *molecule.Lewis) (string, []bool, error) {
	return "", nil, ErrMissing
}

// Graph needs the tag rdkit.
func Graph(string) (*molecule.Lewis, error) { return nil, ErrMissing }

// Relax needs the tag rdkit.
func Relax(context.Context, *molecule.Molecule, int) (Strain, *molecule.Molecule, error) {
	return Strain{}, nil, ErrMissing
}

// Describe needs the tag rdkit.
func Describe(*molecule.Molecule) (Descriptors, error) { return Descriptors{}, ErrMissing }

// FingerprintOf needs the tag rdkit.
func FingerprintOf(*molecule.Molecule) (Fingerprint, error) { return Fingerprint{}, ErrMissing }

// Atoms needs the tag rdkit.
func Atoms(string) ([]molecule.Element, int, error) { return nil, 0, ErrMissing }

// Embed needs the tag rdkit.
func Embed(context.Context, string, int, int, time.Duration) (Conformers, error) {
	return Conformers{}, ErrMissing
}
