//go:build torch && !linux

package torch

func keepMemory() {}
