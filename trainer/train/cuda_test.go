//go:build torch

package train

import "symdiff/trainer/torch"

func cudaHere() bool { return torch.CUDADevices() > 0 }
