//go:build torch && !linux

package torch

func keepMemory() {}

func blasKernels() string { return "" }

func useBLASKernels(string) {}
