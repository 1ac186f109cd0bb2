package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"symdiff/core/model"
	"symdiff/core/safetensors"
	"symdiff/core/weights"
)

// weightsFile is a safetensors file and the hash of its bytes.
type weightsFile struct {
	*safetensors.File
	bytes int
	hash  string // SHA-256, hexadecimal
}

// openWeights reads a file, or the shipped weights where path is empty.
func openWeights(path string) (weightsFile, error) {
	data := weights.QM9Web()
	if path == "" {
		path = weights.QM9WebName
	} else {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return weightsFile{}, err
		}
	}
	sum := sha256.Sum256(data)
	f, err := safetensors.Parse(path, data)
	return weightsFile{f, len(data), hex.EncodeToString(sum[:])}, err
}

// loadModel reads a network that can run.
func loadModel(path string) (*model.Model, weightsFile, error) {
	f, err := openWeights(path)
	if err != nil {
		return nil, f, err
	}
	if err := supported(f); err != nil {
		return nil, f, err
	}
	m, err := model.Load(f.File)
	return m, f, err
}

// supported refuses networks that are known but not implemented.
func supported(f weightsFile) error {
	if f.Metadata["kind"] == "egnn" {
		return &safetensors.Error{File: f.Name, Reason: "an EGNN, which is not supported: want symdiff, symdiff-h or dit"}
	}
	return nil
}
