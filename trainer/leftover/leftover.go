// Package leftover knows the files that are not finished, so that a command which
// is given up in the middle of its work leaves none behind.
package leftover

import (
	"os"
	"sync"
)

var (
	mu    sync.Mutex
	files = map[string]bool{}
)

// Add takes in a file that is to be removed unless it is finished.
func Add(path string) {
	mu.Lock()
	defer mu.Unlock()
	files[path] = true
}

// Done says that a file has its name, or is gone.
func Done(path string) {
	mu.Lock()
	defer mu.Unlock()
	delete(files, path)
}

// Remove removes what is not finished.
func Remove() {
	mu.Lock()
	defer mu.Unlock()
	for path := range files {
		os.Remove(path)
	}
	clear(files)
}
