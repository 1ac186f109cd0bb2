//go:build torch

package train

import "github.com/symdiff-go/symdiff/trainer/torch"

func cudaHere() bool { return torch.CUDADevices() > 0 }
