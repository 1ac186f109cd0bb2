//go:build !unix

package dataset

import "os"

// mapFile is the content of a file.
func mapFile(path string) ([]byte, error) { return os.ReadFile(path) }
