//go:build torch && linux

package torch

// #include <malloc.h>
// static void keep_memory(void) {
//   mallopt(M_MMAP_THRESHOLD, 32 << 20);
//   mallopt(M_TRIM_THRESHOLD, 2047 << 20);
//   mallopt(M_TOP_PAD, 256 << 20);
// }
import "C"

// keepMemory makes malloc keep what a step gives back for the next one: otherwise a large part of a
// step goes into page faults.
func keepMemory() { C.keep_memory() }
