//go:build torch

package torch

import (
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
	"golang.org/x/sys/cpu"
)

// Tensor is a handle to a libtorch tensor.
type Tensor = *ts.Tensor

const (
	f32  = gotch.Float
	f64  = gotch.Double
	bf16 = gotch.BFloat16
)

// CPU is libtorch's CPU device.
var CPU = gotch.CPU

// Setup binds the goroutine to its OS thread and sets the number of libtorch's threads (0: leave
// it).
func Setup(threads int) {
	tune()
	runtime.LockOSThread()
	if threads > 0 {
		libtch.AtSetNumThreads(threads)
	}
}

// tune is for speed, once: memory is kept between steps; kernels for AVX-512 are asked for where the
// processor has it (libtorch 1.13 does not take them by itself, and SiLU and its gradient take half
// the time; OpenBLAS does not where it does not know the processor); and oneDNN keeps the compiled
// products of every shape of batch, of which there are more than its usual thousand. Variables that
// are set are left.
var tune = sync.OnceFunc(func() {
	keepMemory()
	switch {
	case avx512:
		setDefault("ATEN_CPU_CAPABILITY", "avx512")
		useBLASKernels("SkylakeX")
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		useBLASKernels("Haswell")
	}
	setDefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
})

// avx512 tells whether the processor has what libtorch and oneDNN mean by AVX-512.
var avx512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ &&
	cpu.X86.HasAVX512VL && cpu.X86.HasFMA

// FastBF16 tells whether d multiplies bfloat16 matrices at least as fast as float32. A processor
// without AVX-512 does not: oneDNN refuses it, and libtorch's own loops take many times as long.
func FastBF16(d gotch.Device) bool { return d.IsCuda() || avx512 }

// AllowTF32 asks for TensorFloat-32, of 10 bits of mantissa, in products of float32 matrices on
// CUDA. It has to come before all else: libtorch reads the variable when its context is first used.
// RoundsToTF32 tells whether it was heard.
func AllowTF32() {
	tune()
	setDefault("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")
}

// RoundsToTF32 tells whether a product of float32 matrices on d takes 1 + 2^-12 for 1.
func RoundsToTF32(d gotch.Device) bool {
	s := &Scope{Device: d}
	defer s.Close()
	const n = 256
	a, identity := make([]float32, n*n), make([]float32, n*n)
	for i := range a {
		a[i] = 1 + 1.0/(1<<12)
		if i/n == i%n {
			identity[i] = 1
		}
	}
	return Float32s(s.matmul(s.Of(a, n, n), s.Of(identity, n, n)))[0] == 1
}

// setDefault sets a variable of the environment that is not set; cgo passes it on to C's.
func setDefault(key, value string) {
	if os.Getenv(key) == "" {
		os.Setenv(key, value)
	}
}

// CUDADevices is the number of CUDA devices that libtorch sees.
func CUDADevices() int { return int(libtch.AtcCudaDeviceCount()) }

// Scope owns handles. Memory is given back when they are dropped, not by the garbage collector,
// which knows nothing of its size: one scope per step, closed at its end.
type Scope struct {
	Device  gotch.Device
	handles []Tensor
}

// Close drops every handle of the scope.
func (s *Scope) Close() {
	for i := len(s.handles) - 1; i >= 0; i-- {
		s.handles[i].MustDrop()
	}
	s.handles = s.handles[:0]
}

func (s *Scope) keep(t Tensor) Tensor {
	s.handles = append(s.handles, t)
	return t
}

// Of is a tensor of the given shape with a copy of data.
func (s *Scope) Of(data []float32, shape ...int64) Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	if int64(len(data)) != n {
		panic("torch: data does not fill the shape")
	}
	var p unsafe.Pointer
	if len(data) > 0 {
		p = unsafe.Pointer(&data[0])
	}
	c := libtch.AtTensorOfData(p, shape, uint(len(shape)), 4, int(f32.CKind()))
	if err := ts.TorchErr(); err != nil {
		panic(err)
	}
	t := s.keep(ts.FromCtensor(unsafe.Pointer(c)))
	if s.Device.IsCuda() {
		t = s.keep(t.MustTo(s.Device, false))
	}
	return t
}

func (s *Scope) add(a, b Tensor) Tensor { return s.keep(a.MustAdd(b, false)) }
func (s *Scope) sub(a, b Tensor) Tensor { return s.keep(a.MustSub(b, false)) }
func (s *Scope) mul(a, b Tensor) Tensor { return s.keep(a.MustMul(b, false)) }
func (s *Scope) div(a, b Tensor) Tensor { return s.keep(a.MustDiv(b, false)) }
func (s *Scope) mulScalar(a Tensor, v float64) Tensor {
	return s.keep(a.MustMulScalar(ts.FloatScalar(v), false))
}
func (s *Scope) addScalar(a Tensor, v float64) Tensor {
	return s.keep(a.MustAddScalar(ts.FloatScalar(v), false))
}

// addcmul is a + b·c.
func (s *Scope) addcmul(a, b, c Tensor) Tensor { return s.keep(a.MustAddcmul(b, c, false)) }
func (s *Scope) matmul(a, b Tensor) Tensor     { return s.keep(a.MustMatmul(b, false)) }
func (s *Scope) bmm(a, b Tensor) Tensor        { return s.keep(a.MustBmm(b, false)) }
func (s *Scope) view(a Tensor, shape ...int64) Tensor {
	return s.keep(a.MustView(shape, false))
}
func (s *Scope) reshape(a Tensor, shape ...int64) Tensor {
	return s.keep(a.MustReshape(shape, false))
}
func (s *Scope) permute(a Tensor, dims ...int64) Tensor {
	return s.keep(a.MustPermute(dims, false))
}
func (s *Scope) transpose(a Tensor, i, j int64) Tensor {
	return s.keep(a.MustTranspose(i, j, false))
}
func (s *Scope) pick(a Tensor, places []int64) Tensor {
	index := s.keep(ts.MustOfSlice(places))
	if s.Device.IsCuda() {
		index = s.keep(index.MustTo(s.Device, false))
	}
	return s.keep(a.MustIndexSelect(0, index, false))
}
func (s *Scope) narrow(a Tensor, dim, from, n int64) Tensor {
	return s.keep(a.MustNarrow(dim, from, n, false))
}

// unbind and split give views whose gradients are put together by one stack or cat; those of index
// and narrow are each filled up with zeros to the size of the whole and then added.
func (s *Scope) unbind(a Tensor, dim int64) []Tensor {
	parts := a.MustUnbind(dim, false)
	for _, p := range parts {
		s.keep(p)
	}
	return parts
}
func (s *Scope) split(a Tensor, dim int64, sizes ...int64) []Tensor {
	parts := a.MustSplitWithSizes(sizes, dim, false)
	for _, p := range parts {
		s.keep(p)
	}
	return parts
}
func (s *Scope) cat(dim int64, a ...Tensor) Tensor { return s.keep(ts.MustCat(a, dim)) }
func (s *Scope) silu(a Tensor) Tensor              { return s.keep(a.MustSilu(false)) }
func (s *Scope) sqrt(a Tensor) Tensor              { return s.keep(a.MustSqrt(false)) }
func (s *Scope) to(a Tensor, t gotch.DType) Tensor {
	if a.DType() == t {
		return a
	}
	return s.keep(a.MustTotype(t, false))
}
func (s *Scope) linear(x, weight, bias Tensor) Tensor {
	return s.keep(ts.MustLinear(x, weight, bias))
}
func (s *Scope) sum(a Tensor, keepDim bool, dims ...int64) Tensor {
	return s.keep(a.MustSumDimIntlist(dims, keepDim, a.DType(), false))
}
func (s *Scope) mean(a Tensor, keepDim bool, dims ...int64) Tensor {
	return s.keep(a.MustMeanDim(dims, keepDim, a.DType(), false))
}

// layerNorm is LayerNorm over the last dimension, of size d, without weight and bias.
func (s *Scope) layerNorm(x Tensor, d int64) Tensor {
	return s.keep(ts.MustLayerNorm(x, []int64{d}, ts.None, ts.None, 1e-6, false))
}

// Float32s copies a tensor out.
func Float32s(t Tensor) []float32 {
	out := make([]float32, t.Numel())
	if len(out) > 0 {
		t.MustCopyData(out, uint(len(out)))
	}
	return out
}

// NoGrad runs f without recording for gradients.
func NoGrad(f func()) { ts.NoGrad(f) }
