//go:build !js

// A browser has no files, and package os would cost it 28 kB of WASM.

package safetensors

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
)

// Open reads the header of the file at path, and tensors when they are asked for:
// what is no safetensors file is refused by its first bytes, however large it is.
// The file stays open as long as the File is in use. Errors are of type *Error.
func Open(path string) (*File, error) {
	f, size, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	file, err := New(path, f, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	return file, nil // the garbage collector closes f
}

// OpenRegular opens a file for reading and returns its size. A folder, a pipe, which
// would be waited for, and a device are errors. Errors are of type *Error.
func OpenRegular(path string) (f *os.File, size int64, err error) {
	info, err := os.Stat(path) // before the opening, which waits for a pipe
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		e.Op = "open"
	}
	if err != nil {
		return nil, 0, fileError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &Error{File: path, Reason: "is a folder, pipe or device, want a regular file"}
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, fileError(path, err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, fileError(path, err)
	}
	return f, info.Size(), nil
}

// WriteFile writes like [Write] to the file at path, which is there either
// whole or as it was before: the bytes go to a new file in the same folder,
// which takes the place of path once they are on disk. Errors are of type
// *Error.
func WriteFile(path string, tensors []Tensor, metadata map[string]string) (err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &Error{File: path, Reason: "is a folder"}
	}
	temp := path + ".tmp" + strconv.FormatUint(rand.Uint64(), 36)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fileError(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
			err = fileError(path, err)
		}
	}()
	if err := write(f, path, tensors, metadata); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// fileError makes an *Error of an error of package os, whose text names the
// file once more.
func fileError(path string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	reason := err.Error()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		reason = e.Op + ": " + e.Err.Error()
	}
	return &Error{File: path, Reason: reason, Err: err}
}
