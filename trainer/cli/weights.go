package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/weights"
)

// weightsFile is a safetensors file and the hash of its bytes.
type weightsFile struct {
	*safetensors.File
	bytes int
	hash  string // SHA-256, hexadecimal
}

// openWeights reads a file, or the shipped weights where path is empty.
func openWeights(path string) (weightsFile, error) {
	if path == "" {
		data := weights.QM9Web()
		sum := sha256.Sum256(data)
		f, err := safetensors.Parse(weights.QM9WebName, data)
		return weightsFile{f, len(data), hex.EncodeToString(sum[:])}, err
	}
	in, size, err := safetensors.OpenRegular(path)
	if err != nil {
		return weightsFile{}, err
	}
	f, err := safetensors.New(path, in, size)
	if err != nil {
		in.Close()
		return weightsFile{}, err
	}
	h := sha256.New()
	_, err = io.Copy(h, io.NewSectionReader(in, 0, size))
	return weightsFile{f, int(size), hex.EncodeToString(h.Sum(nil))}, err
}

// loadNetwork reads a network that can run.
func loadNetwork(path string) (*checkpoint.Network, weightsFile, error) {
	f, err := openWeights(path)
	if err != nil {
		return nil, f, err
	}
	n, err := checkpoint.Load(f.File)
	return n, f, err
}

type network = *checkpoint.Network
