//go:build torch

package patches

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// growth is by how many bytes C's heap grows over n calls of f, after a warm-up and without any
// garbage collection: finalizers must not hide a leak.
func growth(n int, f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range 10 {
		f()
	}
	before := heapInUse()
	for range n {
		f()
	}
	return int64(int32(heapInUse() - before))
}

func lock(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

func ones(n int64) *ts.Tensor { return ts.MustOnes([]int64{n}, gotch.Float, gotch.CPU) }

// A handle costs bytes, not 100 kB of them.
func TestHandleIsSmall(t *testing.T) {
	lock(t)
	a := ones(4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 200
	for range n {
		a.MustAdd(a, false).MustDrop()
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / n; per > 4096 {
		t.Errorf("an operation allocates %d bytes of Go memory", per)
	}
}

// The room for a returned handle is given back. (Handles themselves are dropped.)
func TestOutParametersAreFreed(t *testing.T) {
	lock(t)
	a := ones(4)
	const n = 20000
	if g := growth(n, func() { a.MustAdd(a, false).MustDrop() }); g > 8*n {
		t.Errorf("C's heap grew by %d bytes in %d operations", g, n)
	}
}

// An in-place operation keeps its handle, and dropping that frees the storage.
func TestInPlaceKeepsStorageOwned(t *testing.T) {
	lock(t)
	const size, n = 1 << 16, 64
	g := growth(n, func() {
		x := ts.MustZeros([]int64{size}, gotch.Float, gotch.CPU)
		x.MustAddScalar_(ts.FloatScalar(1))
		x.MustDrop()
	})
	if g > size*4*n/4 {
		t.Errorf("C's heap grew by %d bytes in %d in-place operations on %d bytes", g, n, size*4)
	}
}

// The array in which C returns a list is freed.
func TestListsAreFreed(t *testing.T) {
	lock(t)
	x := ones(256)
	const n = 200
	if g := growth(n, func() {
		for _, part := range x.MustUnbind(0, false) {
			part.MustDrop()
		}
	}); g > n*256*8/4 {
		t.Errorf("C's heap grew by %d bytes in %d calls that return 256 tensors", g, n)
	}
}

// NoGrad inside NoGrad leaves gradients off until the outer one ends.
func TestNoGradRestores(t *testing.T) {
	lock(t)
	w := ones(2)
	w.MustRequiresGrad_(true)
	tracked := func() bool {
		y := w.MustMulScalar(ts.FloatScalar(2), false)
		defer y.MustDrop()
		return y.MustRequiresGrad()
	}
	ts.NoGrad(func() {
		ts.NoGrad(func() {})
		if tracked() {
			t.Error("gradients are on inside NoGrad, after an inner NoGrad")
		}
	})
	if !tracked() {
		t.Error("gradients are off after NoGrad")
	}
}

// NoGrad ends with a panic of its function as well.
func TestNoGradRestoresAfterPanic(t *testing.T) {
	lock(t)
	defer ts.MustGradSetEnabled(true)
	func() {
		defer func() { recover() }()
		ts.NoGrad(func() { panic("x") })
	}()
	w := ones(2)
	w.MustRequiresGrad_(true)
	if y := w.MustMulScalar(ts.FloatScalar(2), false); !y.MustRequiresGrad() {
		t.Error("gradients are off after a panic inside NoGrad")
	}
}

// NoGrad1 likewise.
func TestNoGrad1RestoresAfterPanic(t *testing.T) {
	lock(t)
	defer ts.MustGradSetEnabled(true)
	func() {
		defer func() { recover() }()
		ts.NoGrad1(func() interface{} { panic("x") })
	}()
	if !ts.MustGradSetEnabled(true) {
		t.Error("gradients are off after a panic inside NoGrad1")
	}
}

// A guard inside NoGrad leaves gradients off when it is dropped.
func TestNoGradGuardRestores(t *testing.T) {
	lock(t)
	defer ts.MustGradSetEnabled(true)
	ts.MustGradSetEnabled(false)
	ts.NewNoGradGuard().Drop()
	w := ones(2)
	w.MustRequiresGrad_(true)
	if y := w.MustMulScalar(ts.FloatScalar(2), false); y.MustRequiresGrad() {
		t.Error("dropping a guard switched gradients on")
	}
}

// GradSetEnabled returns the mode before, not four bytes of the stack beside it.
func TestGradSetEnabledReturnsPrevious(t *testing.T) {
	lock(t)
	defer ts.MustGradSetEnabled(true)
	ts.MustGradSetEnabled(true)
	for i := range 1000 {
		dirtyStack(uint64(i) * 0x9E3779B97F4A7C15)
		if prev := ts.MustGradSetEnabled(false); !prev {
			t.Fatalf("call %d: gradients were on, previous mode is off", i)
		}
		dirtyStack(^uint64(i))
		if prev := ts.MustGradSetEnabled(true); prev {
			t.Fatalf("call %d: gradients were off, previous mode is on", i)
		}
	}
}

// dirtyStack leaves non-zero words where the next call's frame will lie.
//
//go:noinline
func dirtyStack(v uint64) uint64 {
	var a [256]uint64
	for i := range a {
		a[i] = v | 0xFFFFFFFF00000000
	}
	return a[v%256]
}

// Float64Values gives back its float64 copy.
func TestFloat64ValuesIsFreed(t *testing.T) {
	lock(t)
	const size, n = 1 << 16, 32
	x := ones(size)
	if g := growth(n, func() { x.Float64Values() }); g > size*8*n/4 {
		t.Errorf("C's heap grew by %d bytes in %d calls on %d values", g, n, size)
	}
}

// CopyData takes time like a copy, not like a walk by reflection.
func TestCopyDataIsFast(t *testing.T) {
	lock(t)
	const size = 1 << 20
	x, dst := ones(size), make([]float32, size)
	best := time.Hour
	for range 5 {
		start := time.Now()
		x.MustCopyData(dst, size)
		best = min(best, time.Since(start))
	}
	if dst[size-1] != 1 {
		t.Error("CopyData copied something else")
	}
	if best > 15*time.Millisecond { // by reflection 60 ms; a copy takes less than one
		t.Errorf("copying %d values takes %v", size, best)
	}
}

// RunBackward gives the gradient of each of several inputs.
func TestRunBackwardSeveralInputs(t *testing.T) {
	lock(t)
	var inputs []*ts.Tensor
	y := ts.MustZeros([]int64{1}, gotch.Float, gotch.CPU)
	for i := range 8 {
		w := ones(3)
		w.MustRequiresGrad_(true)
		inputs = append(inputs, w)
		y = y.MustAdd(w.MustMulScalar(ts.FloatScalar(float64(i)), false).MustSum(gotch.Float, true), true)
	}
	grads, err := ts.RunBackward([]*ts.Tensor{y}, inputs, false, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range grads {
		for _, v := range g.Float64Values() {
			if v != float64(i) {
				t.Fatalf("gradient of input %d is %v", i, g.Float64Values())
			}
		}
	}
}

// A Must function panics, so that a caller can recover; it does not end the process.
func TestMustPanics(t *testing.T) {
	lock(t)
	defer func() {
		if v := recover(); v == nil {
			t.Error("no panic")
		} else if err, ok := v.(error); !ok || !strings.Contains(err.Error(), "mat1") &&
			!strings.Contains(err.Error(), "size") {
			t.Errorf("panic with %v", v)
		}
	}()
	ts.MustRandn([]int64{2, 3}, gotch.Float, gotch.CPU).MustMatmul(ts.MustRandn([]int64{2, 3}, gotch.Float,
		gotch.CPU), false)
}

// A scalar lives until the operation that it is given to is over.
func TestScalarsLiveAsLongAsTheirOperation(t *testing.T) {
	lock(t)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	x := ts.MustOnes([]int64{400, 32, 32}, gotch.Float, gotch.CPU)
	for range 50 {
		y, err := x.Baddbmm(x, x, ts.FloatScalar(3), ts.FloatScalar(0.25), false)
		if err != nil {
			t.Fatal(err)
		}
		low, high := y.MustMin(false), y.MustMax(true)
		if a, b := low.Float64Values()[0], high.Float64Values()[0]; a != 11 || b != 11 {
			t.Fatalf("3·1 + 0.25·32 = %g to %g, want 11", a, b)
		}
		low.MustDrop()
		high.MustDrop()
	}
}
