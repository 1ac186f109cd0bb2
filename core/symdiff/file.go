//go:build !js

package symdiff

import (
	"iter"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Open reads the weights of a model (safetensors) from a file. Errors name it.
func Open(path string) (*Model, error) {
	f, size, err := safetensors.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return load(path, f, size)
}

// ReadMolecules yields the molecules of a file: XYZ, SDF or PDB by its name, which .gz
// or .bz2 may end. An error names the file and the record.
func ReadMolecules(path string) iter.Seq2[*Molecule, error] { return molecule.Open(path) }
