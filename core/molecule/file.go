//go:build !js

// A browser has no files, and package os and gzip would cost it WASM.

package molecule

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Open reads the molecules of a file by its extension: .xyz and .extxyz, .sdf
// and .mol, each also with .gz. The file is open only while the sequence runs.
// Errors are of type *ParseError and end the sequence.
func Open(path string) iter.Seq2[*Molecule, error] {
	return func(yield func(*Molecule, error) bool) {
		read, zipped, ok := reader(path)
		if !ok {
			yield(nil, &ParseError{File: path, Reason: "unknown extension " + strconv.Quote(filepath.Ext(path)) +
				", want .xyz, .extxyz, .sdf or .mol, optionally with .gz"})
			return
		}
		f, err := os.Open(path)
		if err != nil {
			yield(nil, fileError(path, err))
			return
		}
		defer f.Close()
		var r io.Reader = f
		if zipped {
			z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
			if err != nil {
				yield(nil, fileError(path, err))
				return
			}
			r = z
		}
		read(r, path)(yield)
	}
}

// reader chooses by extension.
func reader(path string) (read func(io.Reader, string) iter.Seq2[*Molecule, error], zipped, ok bool) {
	base, zipped := strings.CutSuffix(strings.ToLower(path), ".gz")
	switch filepath.Ext(base) {
	case ".xyz", ".extxyz":
		return ReadXYZ, zipped, true
	case ".sdf", ".mol":
		return ReadSDF, zipped, true
	}
	return nil, false, false
}

func fileError(path string, err error) error {
	reason := err.Error()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		reason = e.Op + ": " + e.Err.Error()
	}
	return &ParseError{File: path, Reason: reason, Err: err}
}
