package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a run's folder.
const (
	// the newest; checkpoint.1.safetensors is the one before, and so on
	checkpointName = "checkpoint.safetensors"
	bestName       = "best.safetensors"      // of the lowest validation loss
	damagedName    = "damaged.safetensors"   // a newest one that could not be read
	batchName      = "nan-batch.safetensors" // the batch that a loss was not finite on
	logName        = "log.jsonl"
	lockName       = "lock"
)

// CheckpointPath is the checkpoint of a run's folder, or path itself if it is a file.
func CheckpointPath(path string) string {
	if isFolder(path) {
		return filepath.Join(path, checkpointName)
	}
	return path
}

func isFolder(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// CanResume tells whether a folder holds a state of training, or of post-training, to go on from.
func CanResume(folder string) bool {
	if exists(filepath.Join(folder, posttrainName)) {
		return true
	}
	files, err := filepath.Glob(filepath.Join(folder, "checkpoint*.safetensors"))
	return err == nil && len(files) > 0
}

// olderCheckpoint is the name under which the checkpoint age writes before is kept.
func olderCheckpoint(path string, age int) string {
	return fmt.Sprintf("%s.%d.safetensors", strings.TrimSuffix(path, ".safetensors"), age)
}

// rotate moves the older checkpoints one further and gives the newest, which stays, a second name
// among them.
func rotate(path string, keep int) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || keep == 0 {
		return nil
	}
	for age := keep - 1; age >= 1; age-- {
		if err := os.Rename(olderCheckpoint(path, age), olderCheckpoint(path, age+1)); err != nil &&
			!errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return second(path, olderCheckpoint(path, 1))
}

// second gives a file a second name in place of what has that name: by a link, or by a copy where
// the file system has none.
func second(path, name string) error {
	temp := name + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(path, temp); err != nil {
		if err := copyFile(path, temp); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	// A rename between two names of one file leaves both.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func copyFile(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := dst.Close(); err == nil {
			err = cerr
		}
	}()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Sync()
}

// syncFolder brings the names in a folder to the disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) &&
		!errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// ResumeCheckpoint reads the checkpoint to go on from. In a run's folder whose newest one is
// missing or damaged that is the furthest of the others, and warning says so.
func ResumeCheckpoint(path string) (c *Checkpoint, warning string, err error) {
	newest, err := ReadCheckpoint(path)
	if err == nil || !isFolder(path) {
		return newest, "", err
	}
	others, globErr := filepath.Glob(filepath.Join(path, "checkpoint.*.safetensors"))
	if globErr != nil {
		return nil, "", err
	}
	from := ""
	for _, other := range append(others, filepath.Join(path, bestName)) {
		if o, err := ReadCheckpoint(other); err == nil &&
			(c == nil || o.Progress.Step > c.Progress.Step) {
			c, from = o, other
		}
	}
	if c == nil {
		return nil, "", err
	}
	return c, fmt.Sprintf("%v; going on from %s, step %d", err, from, c.Progress.Step), nil
}

// tidy clears a folder for a run that goes on: half-written files of a run that was killed are
// removed, and a newest checkpoint that cannot be read is put aside, so that it does not take the
// place of a good older one.
func tidy(folder string, damaged bool) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.safetensors.*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.Contains(filepath.Base(f), ".new") {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	newest := filepath.Join(folder, checkpointName)
	if _, err := os.Stat(newest); !damaged || err != nil {
		return nil
	}
	return os.Rename(newest, filepath.Join(folder, damagedName))
}

// trim cuts off what a file of lines has after the last line that keep wants: what a run wrote
// after the checkpoint that it goes on from, and a line that a kill has left incomplete. A missing
// file is none.
func trim(path string, keep func(line string) bool) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := slices.Collect(strings.Lines(string(b)))
	kept := slices.DeleteFunc(slices.Clone(lines),
		func(l string) bool { return !strings.HasSuffix(l, "\n") || !keep(l) })
	if len(kept) == len(lines) {
		return nil
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(strings.Join(kept, "")), 0o666); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
