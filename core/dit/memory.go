package dit

import "github.com/symdiff-go/symdiff/core/f32"

// StateValues is the number of float32 values of the buffers of NewState.
func (w *Weights) StateValues(sizes []int) int64 {
	rows, largest, squares := int64(0), 0, int64(0)
	for _, n := range sizes {
		rows += int64(n)
		largest = max(largest, n)
		squares += int64(n) * int64(n)
	}
	d := w.Width
	values := rows*int64(6*d+w.MLP+w.mlpIn()) + int64(f32.AttentionScratch(largest, d/w.Heads))
	if w.Pair.W != nil {
		values += int64(w.Depth*w.Heads) * (squares + int64(largest)*int64(largest))
	}
	return values
}
