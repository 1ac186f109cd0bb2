package dit

import "github.com/symdiff-go/symdiff/core/f32"

// StateValues is the number of float32 values of the buffers of NewState.
func (w *Weights) StateValues(sizes []int) int64 {
	rows, largest, kept := int64(0), 0, int64(0)
	for _, n := range sizes {
		rows += int64(n)
		largest = max(largest, n)
		kept += int64(min(n, Queries)) * int64(n)
	}
	d := w.Width
	values := rows*int64(6*d+w.MLP+w.mlpIn()) + int64(f32.AttentionScratch(min(largest, Queries),
		largest, d/w.Heads))
	if w.Pair.W != nil {
		values += int64(w.Depth*w.Heads) * (kept + int64(largest))
		if largest > Queries {
			values += int64(largest*w.Heads*Queries) + int64((largest-Queries)*w.Pair.W.In())
		}
	}
	return values
}
