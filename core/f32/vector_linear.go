//go:build vectorsource && goexperiment.simd && (amd64 || arm64 || wasm)

package f32

// nr is the panel width.
const nr = vecs * wide

// tilesVector is Linear: blocks of k, then panels and groups of rows.
func tilesVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32,
) {
	if m == 1 {
		gemvVector(dst, x[:in], out, panels, bias)
		return
	}
	if kBlock > 64 && in <= 64 { // a small matrix is not worth zeroing the whole of a
		var a [rows * 64 * wide]float32
		blocksVector(dst, ldd, x, ldx, m, in, out, panels, bias, a[:])
		return
	}
	var a [rows * kBlock * wide]float32
	blocksVector(dst, ldd, x, ldx, m, in, out, panels, bias, a[:])
	endVectors()
}

// blocksVector is tilesVector with the memory a for the expanded rows.
func blocksVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias, a []float32,
) {
	groups := (m + rows - 1) / rows
	var start [nr]float32
	var edge [rows * nr]float32
	for k0 := 0; k0 < in; k0 += kBlock {
		kn := min(kBlock, in-k0)
		for row, left := 0, groups; left > 0; left-- {
			n := (m - row + left - 1) / left
			a := a[:kn*n*wide]
			splatsVector(a, x[row*ldx+k0:], ldx, kn, n)
			for j := 0; j < out; j += nr {
				cols := min(nr, out-j)
				b := panels[j*in+k0*nr:][:kn*nr]
				s := start[:]
				if k0 == 0 && bias != nil {
					if cols == nr {
						s = bias[j : j+nr]
					} else {
						copy(s, bias[j:j+cols])
					}
				}
				c := dst[row*ldd+j:]
				switch {
				case cols < nr:
					endVectors()
					from, lds := s, 0
					if k0 > 0 {
						for i := range n {
							copy(edge[i*nr:][:cols], c[i*ldd:])
						}
						from, lds = edge[:], nr
					}
					if narrow == 1 && cols <= wide {
						panelVector(1, edge[:], nr, a, n, b, from, lds)
					} else if narrow < vecs && cols <= 2*wide {
						panelVector(2, edge[:], nr, a, n, b, from, lds)
					} else {
						panelVector(vecs, edge[:], nr, a, n, b, from, lds)
					}
					endVectors()
					for i := range n {
						copy(c[i*ldd:][:cols], edge[i*nr:])
					}
				case k0 == 0:
					panelVector(vecs, c, ldd, a, n, b, s, 0)
				default:
					panelVector(vecs, c, ldd, a, n, b, c, ldd)
				}
			}
			row += n
		}
	}
}

// splatsVector fills a (kn, n, wide) with a[k, i, :] = x[i, k]: the tiles load
// whole vectors instead of a broadcast per use.
func splatsVector(a, x []float32, ldx, kn, n int) { splatVector(n, a, x, ldx, kn) }

//gen:constant n=1..rows
func splatVector(n int, a, x []float32, ldx, kn int) {
	var row [rows][]float32
	for i := range n {
		row[i] = x[i*ldx:][:kn]
	}
	k := 0
	some := func(steps int) {
		d := block(a[k*n*wide:], steps*n*wide)
		for i := range n {
			x := block(row[i][k:], steps)
			for u := range steps {
				store(broadcast(x[u]), d, u*n+i)
			}
		}
	}
	for ; k <= kn-4; k += 4 {
		some(4)
	}
	for ; k < kn; k++ {
		some(1)
	}
}

// panelVector computes n rows and v vectors of columns of one panel:
// c = start; c[i, :] += x[i, k]*b[k, :] in order of k.
//
//gen:constant v
func panelVector(v int, c []float32, ldc int, a []float32, n int, b, start []float32, lds int) {
	tileVector(n, v, c, ldc, a, b, start, lds)
}

// tileVector is panelVector with all sums in registers.
//
//gen:constant n=1..rows v
func tileVector(n, v int, c []float32, ldc int, a, b, start []float32, lds int) {
	var s [rows][vecs]vector
	for i := range n {
		from := start[i*lds:][:nr]
		for j := range v {
			s[i][j] = load(from, j)
		}
	}
	some := func(steps int) {
		a, b := block(a, steps*n*wide), block(b, steps*nr)
		for u := range steps {
			var w [vecs]vector
			for j := range v {
				w[j] = load(b, u*vecs+j)
			}
			for i := range n {
				x := load(a, u*n+i)
				for j := range v {
					s[i][j] = s[i][j].Add(x.Mul(w[j]))
				}
			}
		}
	}
	for len(a) >= unroll*n*wide && len(b) >= unroll*nr {
		some(unroll)
		a, b = a[unroll*n*wide:], b[unroll*nr:]
	}
	for len(a) >= n*wide && len(b) >= nr {
		some(1)
		a, b = a[n*wide:], b[nr:]
	}
	for i := range n {
		to := c[i*ldc:][:nr]
		for j := range v {
			store(s[i][j], to, j)
		}
	}
}

// gemvVector is Linear for one row: several panels at once, for more independent sums.
func gemvVector(dst, x []float32, out int, panels, bias []float32) {
	in := len(x)
	var buf [gemvPanels * nr]float32
	for j := 0; j < out; j += gemvPanels * nr {
		cols := min(gemvPanels*nr, out-j)
		d := buf[:]
		if cols == gemvPanels*nr {
			d = dst[j:][:gemvPanels*nr]
		}
		if bias == nil {
			clear(d)
		} else {
			copy(d, bias[j:j+cols])
		}
		b := panels[j*in:]
		if cols > (gemvPanels-1)*nr {
			dotsVector(gemvPanels, d, x, b)
		} else {
			for p := 0; p < cols; p += nr {
				dotsVector(1, d[p:][:nr], x, b[p*in:])
			}
		}
		if cols < gemvPanels*nr {
			copy(dst[j:][:cols], d)
		}
	}
}

// dotsVector computes d[p, :] += x[k]*b[p, k, :] for n panels, in order of k.
//
//gen:constant n
func dotsVector(n int, d, x, b []float32) {
	var panel, q [gemvPanels][]float32
	var s [gemvPanels][vecs]vector
	for p := range n {
		panel[p] = b[p*len(x)*nr:][:len(x)*nr]
		for v := range vecs {
			s[p][v] = load(d, p*vecs+v)
		}
	}
	k := 0
	some := func(steps int) {
		x := block(x[k:], steps)
		for p := range n {
			q[p] = block(panel[p][k*nr:], steps*nr)
		}
		for u := range steps {
			xu := broadcast(x[u])
			for p := range n {
				for v := range vecs {
					s[p][v] = s[p][v].Add(xu.Mul(load(q[p], u*vecs+v)))
				}
			}
		}
	}
	for ; k <= len(x)-4; k += 4 {
		some(4)
	}
	for ; k < len(x); k++ {
		some(1)
	}
	for p := range n {
		for v := range vecs {
			store(s[p][v], d, p*vecs+v)
		}
	}
	endVectors()
}

// packTransposedVector is packTransposed for panels of nr columns, in blocks of 4x4.
func packTransposedVector(panels, w []float32, ldw, n, k int) {
	filled := n / nr * nr
	for j := 0; j < filled; j += 4 {
		panel := panels[j/nr*nr*k:][:nr*k]
		c := j % nr
		r0, r1, r2, r3 := w[j*ldw:][:k], w[(j+1)*ldw:][:k], w[(j+2)*ldw:][:k], w[(j+3)*ldw:][:k]
		l := 0
		for ; l <= k-4; l += 4 {
			v0, v1, v2, v3 := block(r0[l:], 4), block(r1[l:], 4), block(r2[l:], 4), block(r3[l:], 4)
			d := block(panel[l*nr+c:], 3*nr+4)
			for u := range 4 {
				d[u*nr], d[u*nr+1], d[u*nr+2], d[u*nr+3] = v0[u], v1[u], v2[u], v3[u]
			}
		}
		for ; l < k; l++ {
			d := block(panel[l*nr+c:], 4)
			d[0], d[1], d[2], d[3] = r0[l], r1[l], r2[l], r3[l]
		}
	}
	if filled < n {
		packTransposed(panels[filled*k:], w[filled*ldw:], ldw, n-filled, k, nr)
	}
}
