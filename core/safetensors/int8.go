package safetensors

import (
	"math"
	"strconv"
)

// scaleSuffix follows the name of a tensor of type I8 in that of its scales.
const scaleSuffix = "_scale"

// scales are those of the rows of a tensor of type I8; they must be there.
func (f *File) scales(info Info) ([]float32, error) {
	if len(info.Shape) == 0 {
		return nil, f.fault(info.Name,
			"dtype I8 without rows: want F32, F16, BF16, or a matrix of I8 with scales")
	}
	if _, ok := f.index[info.Name+scaleSuffix]; !ok {
		return nil, f.fault(info.Name, "dtype I8 without scales in "+strconv.Quote(info.Name+scaleSuffix))
	}
	if scaled, _ := f.Info(info.Name + scaleSuffix); scaled.DType == I8 {
		return nil, f.fault(scaled.Name, "dtype I8, want F32, F16 or BF16")
	}
	return f.Float32(info.Name+scaleSuffix, info.Shape[0])
}

// isScale tells whether a tensor holds the scales of another.
func (f *File) isScale(name string) bool {
	n := len(name) - len(scaleSuffix)
	if n < 1 || name[n:] != scaleSuffix {
		return false
	}
	i, ok := f.index[name[:n]]
	return ok && f.tensors[i].DType == I8
}

// scaleRows multiplies each row by its scale.
func scaleRows(x, scales []float32) {
	for r, s := range scales {
		row := x[r*len(x)/len(scales) : (r+1)*len(x)/len(scales)]
		for i := range row {
			row[i] *= s
		}
	}
}

// quantise gives the integers q in [-127, 127] and the scales s of the rows of a tensor, with x ≈
// s·q:
//
//	s = max|x|/127 of the row,  q = x/s to the nearest integer, ties to even.
func quantise(x []float32, rows int) (q []byte, scales []float32) {
	q, scales = make([]byte, len(x)), make([]float32, rows)
	for r := range scales {
		from, to := r*len(x)/rows, (r+1)*len(x)/rows
		var most float32
		for _, v := range x[from:to] {
			most = max(most, v, -v)
		}
		s := most / 127
		if scales[r] = s; s == 0 { // or so small that it is rounded to 0
			continue
		}
		for i, v := range x[from:to] {
			n := math.RoundToEven(float64(v) / float64(s))
			q[from+i] = byte(int8(min(max(n, -127), 127)))
		}
	}
	return q, scales
}
