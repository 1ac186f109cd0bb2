// Package rdkit calls RDKit, through its C++ interface, for what core/molecule cannot
// compute: validity and canonical SMILES for any element, conformers of a SMILES,
// and the strain energy of a structure by MMFF94.
//
// Bonds come from core/molecule, by distances; RDKit judges them. The package needs
// the tag rdkit and cgo. Without them Available is false and every function returns
// [ErrMissing].
//
// Sources: RDKit (rdkit.org); the use of it in EDM's qm9/rdkit_functions.py;
// Riniker and Landrum 2015 (ETKDG), Halgren 1996 and 1999 (MMFF94, MMFF94s).
package rdkit

import (
	"errors"
	"math/bits"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// ErrMissing is the error of every function in a build without RDKit.
var ErrMissing = errors.New("this symdiff was built without RDKit; `make cli RDKIT=1` or `make trainer " +
	"RDKIT=1` builds one with it")

// Strain is what [Relax] finds, in kcal/mol.
type Strain struct {
	Before, After float64 // MMFF94 energy of the structure, and of the minimum next to it
	Converged     bool    // whether the minimum was reached
}

// Energy is the strain energy, Before - After.
func (s Strain) Energy() float64 { return s.Before - s.After }

// Descriptors are quantities of a molecule's graph.
type Descriptors struct {
	LogP float64 // Wildman and Crippen 1999
	TPSA float64 // topological polar surface area, Ertl et al. 2000, Å²
	Mass float64 // average, g/mol
}

// Fingerprint is the Morgan fingerprint of radius 2 of a molecule without its hydrogens, in 2,048
// bits (Rogers and Hahn 2010).
type Fingerprint [32]uint64

// Similarity is Tanimoto's: the number of bits that both have, over that of the bits that one has.
func (f *Fingerprint) Similarity(g *Fingerprint) float64 {
	both, either := 0, 0
	for i := range f {
		both += bits.OnesCount64(f[i] & g[i])
		either += bits.OnesCount64(f[i] | g[i])
	}
	return float64(both) / float64(max(1, either))
}

// Conformers are structures of one molecule, the lowest energy first.
type Conformers struct {
	Molecules []*molecule.Molecule
	Energies  []float64 // kcal/mol, MMFF94s
	Charge    int       // formal charge of the molecule
	Radicals  int       // unpaired electrons
	Bonds     []molecule.Bond
}

// ErrTime says that a molecule's processor time is over.
var ErrTime = errors.New("no conformer in time")
