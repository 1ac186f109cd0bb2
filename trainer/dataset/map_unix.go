//go:build unix

package dataset

import (
	"golang.org/x/sys/unix"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

// mapFile is the content of a file, read by the system as it is touched.
func mapFile(path string) ([]byte, error) {
	f, size, err := safetensors.OpenRegular(path)
	if err != nil || size == 0 {
		return nil, err
	}
	defer f.Close()
	return unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
}
