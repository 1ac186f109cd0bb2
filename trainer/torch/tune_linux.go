//go:build torch && linux

package torch

// #include <dlfcn.h>
// #include <malloc.h>
// #include <stdlib.h>
// #include <string.h>
// #cgo LDFLAGS: -ldl
// static void keep_memory(void) {
//   mallopt(M_MMAP_THRESHOLD, 32 << 20);
//   mallopt(M_TRIM_THRESHOLD, 2047 << 20);
//   mallopt(M_TOP_PAD, 256 << 20);
// }
// static const char *blas_kernels(void) {
//   char *(*name)(void) = dlsym(RTLD_DEFAULT, "openblas_get_corename");
//   return name ? name() : "";
// }
// static void use_blas_kernels(const char *kernels) {
//   void (*quit)(void) = dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit");
//   void (*init)(void) = dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init");
//   if (!quit || !init || strcmp(blas_kernels(), "Prescott") || setenv("OPENBLAS_CORETYPE", kernels, 0))
//     return;
//   quit();
//   init();
// }
import "C"

import "unsafe"

// keepMemory makes malloc keep what a step gives back for the next one: otherwise a large part of a
// step goes into page faults.
func keepMemory() { C.keep_memory() }

// blasKernels is OpenBLAS's name of the kernels in use, or "" with another BLAS.
func blasKernels() string { return C.GoString(C.blas_kernels()) }

// useBLASKernels chooses OpenBLAS's kernels by their name where it took those of SSE3, as it does on
// a processor that is newer than itself. The variable OPENBLAS_CORETYPE comes before.
func useBLASKernels(name string) {
	kernels := C.CString(name)
	defer C.free(unsafe.Pointer(kernels))
	C.use_blas_kernels(kernels)
}
