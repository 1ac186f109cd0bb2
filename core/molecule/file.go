//go:build !js

// A browser has no files, and package os and gzip would cost it WASM.

package molecule

import (
	"bufio"
	"compress/bzip2"
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

// Open reads the molecules of a file as [Read] does by its extension, which .gz
// or .bz2 may follow. The file is open only while the sequence runs. Errors are of type
// *[ParseError].
func Open(path string) iter.Seq2[*Molecule, error] {
	return func(yield func(*Molecule, error) bool) {
		base, zipped := strings.CutSuffix(strings.ToLower(path), ".gz")
		base, bzipped := strings.CutSuffix(base, ".bz2")
		if formats[filepath.Ext(base)] == nil {
			yield(nil, &ParseError{File: path, Reason: "unknown extension " +
				strconv.Quote(filepath.Ext(path)) + ", want " + Extensions + ", optionally with .gz or .bz2"})
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
				yield(nil, &ParseError{File: path, Reason: NotGzip(err), Err: err})
				return
			}
			r = z
		}
		if bzipped {
			r = bzip2.NewReader(r)
		}
		formats[filepath.Ext(base)](r, path)(yield)
	}
}

// NotGzip says what is wrong with a file whose name ends in .gz, by the error of
// its first bytes.
func NotGzip(err error) string {
	switch {
	case errors.Is(err, gzip.ErrHeader):
		return "is not compressed by gzip: want a name without .gz"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "is empty, or cut within the header of gzip"
	}
	return err.Error()
}

func fileError(path string, err error) error {
	reason := err.Error()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		reason = e.Op + ": " + e.Err.Error()
	}
	return &ParseError{File: path, Reason: reason, Err: err}
}
