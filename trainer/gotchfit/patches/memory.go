//go:build torch

package patches

// #cgo CFLAGS: -Wno-deprecated-declarations
// #include <malloc.h>
// static unsigned int in_use(void) {
// 	struct mallinfo m = mallinfo();
// 	return (unsigned int)m.uordblks + (unsigned int)m.hblkhd;
// }
import "C"

// heapInUse is the memory that C's malloc has given out, in bytes, modulo 2³².
func heapInUse() uint32 { return uint32(C.in_use()) }
