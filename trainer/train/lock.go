//go:build torch && unix

package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lock keeps a second run out of a folder until it is released, which removes the file, or the
// process ends, however it ends.
func lock(folder string) (release func() error, err error) {
	path := filepath.Join(folder, lockName)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
			f.Close()
			return nil, fmt.Errorf("%s: another run is at work in this folder", folder)
		}
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		// Another run may have removed the file between the opening and the locking: then this lock
		// keeps nobody out.
		if now, err := os.Stat(path); err != nil || !os.SameFile(mine, now) {
			f.Close()
			continue
		}
		return func() error { return errors.Join(os.Remove(path), f.Close()) }, nil
	}
}
