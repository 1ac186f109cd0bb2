package cli

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/trainer/leftover"
)

// output is a file that appears under its name only when it is whole: what is
// written goes to a new file in the same folder, which Commit renames. A device
// or pipe is written to directly.
type output struct {
	path, temp string // temp is empty where path is written to directly
	file       *os.File
	zip        *gzip.Writer // nil without compression
	buf        *bufio.Writer
}

// createOutput opens an output; with zipped, what is written is compressed.
func createOutput(path string, zipped bool) (*output, error) {
	o := &output{path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		o.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	case err == nil || errors.Is(err, fs.ErrNotExist):
		if target, linkErr := filepath.EvalSymlinks(path); linkErr == nil {
			o.path = target // the link stays
		}
		o.temp = o.path + ".tmp" + strconv.FormatUint(rand.Uint64(), 36)
		o.file, err = os.OpenFile(o.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return nil, named(path, err)
	}
	if o.temp != "" {
		leftover.Add(o.temp)
	}
	var w io.Writer = o.file
	if zipped {
		o.zip = gzip.NewWriter(o.file)
		w = o.zip
	}
	o.buf = bufio.NewWriterSize(w, 1<<16)
	return o, nil
}

// replacesInput refuses an output of a command that is a file which an argument or another flag
// names too, as FILE, FILE@key=value, NAME=FILE or one of several with commas between them: what was
// read would be lost.
func replacesInput(cmd *cobra.Command, args []string) error {
	written := map[string]os.FileInfo{} // by flag
	read := slices.Clone(args)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, ok := f.Value.(pflag.SliceValue)
		info, err := os.Stat(f.Value.String())
		switch {
		case f.Name != "out" && f.Name != "html" && ok:
			read = append(read, list.GetSlice()...)
		case f.Name != "out" && f.Name != "html":
			read = append(read, f.Value.String())
		case err == nil && info.Mode().IsRegular():
			written[f.Name] = info
		}
	})
	if len(written) == 0 {
		return nil
	}
	for _, text := range read {
		_, value, _ := strings.Cut(text, "=")
		for _, name := range slices.Concat([]string{text}, strings.Split(text, ","), strings.Split(value, ",")) {
			path, _, _ := strings.Cut(name, "@")
			for _, file := range []string{name, path} {
				info, err := os.Stat(file)
				for flag, to := range written {
					if err == nil && os.SameFile(info, to) {
						return usagef("--%s: would replace %s, which is read", flag, file)
					}
				}
			}
		}
	}
	return nil
}

// named gives an error of package os the name that the user knows.
func named(path string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.buf.Write(p)
	if err != nil {
		err = named(o.path, err)
	}
	return n, err
}

// Commit puts the file in its place. The output is closed whatever happens.
func (o *output) Commit() error {
	err := o.buf.Flush()
	if err == nil && o.zip != nil {
		err = o.zip.Close()
	}
	if err == nil && o.temp != "" {
		err = o.file.Sync()
	}
	if closeErr := o.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil && o.temp != "" {
		err = os.Rename(o.temp, o.path)
	}
	if err != nil {
		o.Discard()
		return named(o.path, err)
	}
	leftover.Done(o.temp)
	o.temp = ""
	return nil
}

// Discard closes and removes what has not been committed.
func (o *output) Discard() {
	o.file.Close()
	if o.temp != "" {
		os.Remove(o.temp)
		leftover.Done(o.temp)
		o.temp = ""
	}
}
