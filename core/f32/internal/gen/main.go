// Command gen writes the SIMD kernels of package f32: one file for each target,
// from the same description of each kernel. It runs in core/f32 (see its
// line for go generate) or takes that folder as its argument.
//
// A kernel is written by a method of generator, in two passes: p prints lines of
// Go, with fmt's verbs, one for each vector or row of the target; expand then
// replaces the words in capitals that depend on the width. gofmt does the layout.
// For example
//
//	g.p("func addSFX(dst, x []float32) {")
//	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
//		g.p("y := %s.Add(%s)\n%s", g.load("dstP", v), g.load("xP", v), g.store("y", "dstP", v))
//	})
//	g.p("}")
//
// is at 256 bits, where the 16 floats of a step are 2 vectors of 8,
//
//	func add256(dst, x []float32) {
//		n := len(dst) &^ 15
//		x = x[:len(dst)]
//		for i := 0; i < n; i += 16 {
//			dstP := (*[16]float32)(dst[i:])
//			xP := (*[16]float32)(x[i:])
//			{
//				y := archsimd.LoadFloat32x8Array((*[8]float32)(dstP[0:])).Add(archsimd.LoadFloat32x8Array((*[8]float32)(xP[0:])))
//				y.StoreArray((*[8]float32)(dstP[0:]))
//			}
//			{
//				y := archsimd.LoadFloat32x8Array((*[8]float32)(dstP[8:])).Add(archsimd.LoadFloat32x8Array((*[8]float32)(xP[8:])))
//				y.StoreArray((*[8]float32)(dstP[8:]))
//			}
//		}
//		if n < len(dst) { // the same on copies in buffers of 16, dstB and xB
//			...
//		}
//	}
//
// SFX became 256, FLOAT became Float32x8 and LANES became 8.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"strings"
)

// A target is one implementation: a vector width and the shape of its tiles.
type target struct {
	// file name; its suffix is the architecture's build constraint.
	file string
	// common is a file that targets of this width share: the kernels that do not
	// depend on the tiles. Empty: all kernels are in file.
	common string
	// bits is the width of a vector and the suffix of all names.
	bits int
	// rows and vecs are the tile of linear: rows x (vecs*lanes) accumulators.
	rows, vecs int
	// unroll is the number of steps of k per iteration.
	unroll int
	// gemvPanels is the number of panels that the single-row kernel takes at once.
	gemvPanels int
	// kBlock is the number of steps of k per pass over a panel.
	kBlock int
	// narrow are smaller numbers of vectors, ascending, with tiles of their own for
	// the last columns of a matrix.
	narrow []int
	// assembly begins the names of the files of linear's groups of rows in Go
	// assembly, a second implementation beside the tiles in Go; empty: none.
	assembly string
	// selectMax: take the maximum by comparison and selection.
	selectMax bool
}

var targets = []target{
	{file: "simd256_amd64.go", bits: 256, rows: 5, vecs: 2, unroll: 8, gemvPanels: 4, kBlock: 64},
	{file: "simd512_amd64.go", bits: 512, rows: 5, vecs: 4, unroll: 8, gemvPanels: 2, kBlock: 64, narrow: []int{1, 2}},
	{file: "simd128_arm64.go", common: "simd128.go", bits: 128, rows: 5, vecs: 4, unroll: 4, gemvPanels: 2, kBlock: 64, narrow: []int{2}, selectMax: true},
	{file: "simd128_wasm.go", common: "simd128.go", bits: 128, rows: 5, vecs: 2, unroll: 16, gemvPanels: 4, kBlock: 256, selectMax: true, assembly: "rows"},
}

func main() {
	log.SetFlags(0)
	folder := "."
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	for _, t := range targets {
		for name, text := range files(t) {
			write(folder, name, text)
		}
	}
}

// files are the texts of a target by the names of their files.
func files(t target) map[string][]byte {
	f := generate(t)
	if t.assembly != "" {
		f[t.assembly+"_wasm.s"] = assembly(t)
	}
	return f
}

func write(folder, name string, data []byte) {
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
		log.Fatal(err)
	}
}

// generate returns the sources in Go of one target by the names of their files.
func generate(t target) map[string][]byte {
	g := &generator{target: t, lanes: t.bits / 32}
	g.out = &g.own
	g.header("goexperiment.simd")
	if t.common != "" {
		g.out = &g.shared
		g.header("goexperiment.simd && (arm64 || wasm)")
		g.out = &g.own
	}
	g.common(g.constants)
	g.table()
	g.linear()
	g.packTransposed()
	g.common(g.reductions)
	g.attention()
	g.common(g.elementwise)
	sources := map[string][]byte{t.file: g.source(&g.own)}
	if t.common != "" {
		sources[t.common] = g.source(&g.shared)
	}
	return sources
}

type generator struct {
	target
	lanes       int
	own, shared bytes.Buffer  // of the target's file and of its common one
	out         *bytes.Buffer // the one of them that p writes to
}

func (g *generator) p(format string, args ...any) { fmt.Fprintf(g.out, format+"\n", args...) }

// common writes kernels to the common file, if the target has one.
func (g *generator) common(kernels func()) {
	if g.target.common != "" {
		g.out = &g.shared
		defer func() { g.out = &g.own }()
	}
	kernels()
}

// source is what was written, expanded and formatted.
func (g *generator) source(text *bytes.Buffer) []byte {
	src, err := format.Source([]byte(g.expand(text.String())))
	if err != nil {
		log.Fatalf("%s: %v", g.file, err)
	}
	return src
}

// expand replaces the words that depend on the width: SFX is the suffix of
// names, FLOAT, INT and UINT are the vector types, LANES the number of lanes,
// K the table of constants.
func (g *generator) expand(s string) string {
	small, end := "", ""
	if g.kBlock > 64 { // a small matrix is not worth zeroing the whole of a
		small = fmt.Sprintf("if in <= 64 {\nvar a [%d * 64 * %d]float32\nblocks%d(dst, ldd, x, ldx, m, in, out, panels, bias, a[:])\nreturn\n}", g.rows, g.lanes, g.bits)
	}
	if g.bits > 128 {
		end = "archsimd.ClearAVXUpperBits()"
	}
	return strings.NewReplacer(
		"SFX", fmt.Sprint(g.bits),
		"FLOAT", fmt.Sprintf("Float32x%d", g.lanes),
		"UINT", fmt.Sprintf("Uint32x%d", g.lanes),
		"INT", fmt.Sprintf("Int32x%d", g.lanes),
		"LANES", fmt.Sprint(g.lanes),
		"SMALL", small,
		"CLEAR", end,
		"NR", fmt.Sprint(g.vecs*g.lanes),
	).Replace(s)
}

// load returns the expression for vector v of the array pointer or slice a.
func (g *generator) load(a string, v int) string {
	return fmt.Sprintf("archsimd.LoadFLOATArray((*[LANES]float32)(%s[%d:]))", a, v*g.lanes)
}

// store returns the statement that stores the vector x as vector v of a.
func (g *generator) store(x, a string, v int) string {
	return fmt.Sprintf("%s.StoreArray((*[LANES]float32)(%s[%d:]))", x, a, v*g.lanes)
}

// constants of the elementary functions: field of the table and value. They are
// loaded from memory as whole vectors; the integer ones are bit patterns.
var floats = []string{"log2e:expLog2e", "magic:expMagic", "ln2Hi:expLn2Hi", "ln2Lo:expLn2Lo", "c6:expC6", "c5:expC5", "c4:expC4", "c3:expC3", "c2:expC2", "c1:expC1",
	"one:1", "minusHalf:-0.5", "geluC1:geluC1", "geluC2:geluC2"}

func (g *generator) header(constraint string) {
	imports := "\"math\"\n\"simd/archsimd\""
	if g.bits == 512 {
		imports = "\"simd/archsimd\""
	}
	g.p("// Code generated by github.com/symdiff-go/symdiff/core/f32/internal/gen. DO NOT EDIT.\n")
	g.p("//go:build %s\n\npackage f32\n\nimport (\n%s\n)\n", constraint, imports)
}

// constants writes the table of the constants.
func (g *generator) constants() {
	g.p("// constantsSFX are whole vectors, loaded from memory where they are used.")
	g.p("var constantsSFX = struct {")
	for _, c := range floats {
		name, _, _ := strings.Cut(c, ":")
		g.p("%s [LANES]float32", name)
	}
	g.p("hi [LANES]int32\nlo [LANES]uint32\n}{")
	repeat := func(v string) string { return strings.TrimSuffix(strings.Repeat(v+", ", g.lanes), ", ") }
	for _, c := range floats {
		name, value, _ := strings.Cut(c, ":")
		g.p("%s: [LANES]float32{%s},", name, repeat(value))
	}
	g.p("hi: [LANES]int32{%s},\nlo: [LANES]uint32{%s},\n}\n", repeat("expHi"), repeat("expLo"))
}

// table writes the implementation's table of kernels.
func (g *generator) table() {
	g.p(`// kernelsSFX is the implementation of SFX-bit vectors.
func kernelsSFX(name string) kernels {
	return kernels{
		name: name,
		nr: NR,
		pack: packTransposedSFX,
		linear: linearSFX,
		sum: sumSFX,
		layerNormModulate: layerNormModulateSFX,
		add: addSFX,
		addGated: addGatedSFX,
		addScaled: addScaledSFX,
		scale: scaleSFX,
		exp: expSFX,
		siLU: siLUSFX,
		swiGLU: swiGLUSFX,
		geluTanh: geluTanhSFX,
		softmax: softmax%[1]d,
		attention: attention%[1]d,
		addGaussians: addGaussiansSFX,
	}
}
`, min(g.bits, 256))
}

// linear writes linearSFX and its tiles.
func (g *generator) linear() {
	name := "linear"
	if g.assembly != "" { // linearSFX chooses
		name = "tiles"
	}
	g.p(`// %[3]sSFX is Linear: blocks of k, then panels and groups of rows.
func %[3]sSFX(dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32) {
	if m == 1 {
		gemvSFX(dst, x[:in], out, panels, bias)
		return
	}
	SMALL
	var a [%[1]d * %[2]d * LANES]float32
	blocksSFX(dst, ldd, x, ldx, m, in, out, panels, bias, a[:])
	CLEAR
}

// blocksSFX is %[3]sSFX with the memory a for the expanded rows.
func blocksSFX(dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias, a []float32) {
	const rows, block = %[1]d, %[2]d
	groups := (m + rows - 1) / rows
	var start [NR]float32
	var edge [rows * NR]float32`, g.rows, g.kBlock, name)
	g.p(`for k0 := 0; k0 < in; k0 += block {
		kn := min(block, in-k0)`)
	edge := ""
	for _, vecs := range g.narrow {
		edge += fmt.Sprintf("if cols <= %[1]d*LANES {\npanel%[1]dxSFX(edge[:], NR, a, n, b, from, lds)\n} else ", vecs)
	}
	edge += fmt.Sprintf("{\npanel%dxSFX(edge[:], NR, a, n, b, from, lds)\n}", g.vecs)
	full := fmt.Sprintf("panel%dxSFX", g.vecs)
	g.p(strings.NewReplacer("FULLTILE", full, "EDGETILE", edge).Replace(`for row, left := 0, groups; left > 0; left-- {
			n := (m - row + left - 1) / left
			a := a[:kn*n*LANES]
			splatSFX(a, x[row*ldx+k0:], ldx, kn, n)
			for j := 0; j < out; j += NR {
				cols := min(NR, out-j)
				b := panels[j*in+k0*NR:][:kn*NR]
				s := start[:]
				if k0 == 0 && bias != nil {
					if cols == NR {
						s = bias[j:j+NR]
					} else {
						copy(s, bias[j:j+cols])
					}
				}
				c := dst[row*ldd+j:]
				switch {
				case cols < NR:
					CLEAR
					from, lds := s, 0
					if k0 > 0 {
						for i := range n {
							copy(edge[i*NR:][:cols], c[i*ldd:])
						}
						from, lds = edge[:], NR
					}
					EDGETILE
					CLEAR
					for i := range n {
						copy(c[i*ldd:][:cols], edge[i*NR:])
					}
				case k0 == 0:
					FULLTILE(c, ldd, a, n, b, s, 0)
				default:
					FULLTILE(c, ldd, a, n, b, c, ldd)
				}
			}
			row += n
		}
	}
}
`))

	g.common(g.splats)
	for _, vecs := range append(g.narrow[:len(g.narrow):len(g.narrow)], g.vecs) {
		g.p("// panel%[1]dxSFX computes n rows and %[1]d vectors of columns of one panel:\n// c = start; c[i, :] += x[i, k]*b[k, :] in order of k.", vecs)
		g.p("func panel%dxSFX(c []float32, ldc int, a []float32, n int, b, start []float32, lds int) {\nswitch n {", vecs)
		for r := 1; r <= g.rows; r++ {
			g.p("case %[1]d: tile%[1]dx%[2]dxSFX(c, ldc, a, b, start, lds)", r, vecs)
		}
		g.p("}\n}\n")
		for r := 1; r <= g.rows; r++ {
			g.tile(r, vecs)
		}
	}
	g.gemv()
}

// splats writes splatSFX.
func (g *generator) splats() {
	g.p("// splatSFX fills a (kn, n, LANES) with a[k, i, :] = x[i, k]: the tiles load\n// whole vectors instead of a broadcast per use.")
	g.p("func splatSFX(a, x []float32, ldx, kn, n int) {\nswitch n {")
	for r := 1; r <= g.rows; r++ {
		g.p("case %d: splat%dxSFX(a, x, ldx, kn)", r, r)
	}
	g.p("}\n}\n")
	for r := 1; r <= g.rows; r++ {
		g.splat(r)
	}
}

func (g *generator) splat(rows int) {
	g.p("func splat%dxSFX(a, x []float32, ldx, kn int) {", rows)
	for i := range rows {
		g.p("x%d := x[%d*ldx:][:kn]", i, i)
	}
	g.p("k := 0")
	for _, unroll := range []int{4, 1} {
		g.p("for ; k <= kn-%[1]d; k += %[1]d {\nd := (*[%[2]d*LANES]float32)(a[k*%[3]d*LANES:])", unroll, unroll*rows, rows)
		for i := range rows {
			g.p("v%d := (*[%d]float32)(x%d[k:])", i, unroll, i)
		}
		for u := range unroll {
			for i := range rows {
				g.p("%s", g.store(fmt.Sprintf("archsimd.BroadcastFLOAT(v%d[%d])", i, u), "d", u*rows+i))
			}
		}
		g.p("}")
	}
	g.p("}\n")
}

func (g *generator) tile(rows, vecs int) {
	g.p("func tile%dx%dxSFX(c []float32, ldc int, a, b, start []float32, lds int) {", rows, vecs)
	g.p("var s []float32")
	for i := range rows {
		g.p("s = start[%d*lds:][:NR]", i)
		for v := range vecs {
			g.p("s%d%d := %s", i, v, g.load("s", v))
		}
	}
	for _, unroll := range []int{g.unroll, 1} {
		g.p("for len(a) >= %[1]d*LANES && len(b) >= %[2]d*NR {\naa, bb := (*[%[1]d*LANES]float32)(a), (*[%[2]d*NR]float32)(b)", unroll*rows, unroll)
		for u := range unroll {
			for v := range vecs {
				g.p("b%d%d := %s", u, v, g.load("bb", u*g.vecs+v))
			}
			for i := range rows {
				g.p("x%d%d := %s", u, i, g.load("aa", u*rows+i))
				for v := range vecs {
					g.p("s%[1]d%[2]d = s%[1]d%[2]d.Add(x%[3]d%[1]d.Mul(b%[3]d%[2]d))", i, v, u)
				}
			}
		}
		g.p("a, b = a[%d*LANES:], b[%d*NR:]\n}", unroll*rows, unroll)
	}
	for i := range rows {
		if i == 0 {
			g.p("d := c[:NR]")
		} else {
			g.p("d = c[%d*ldc:][:NR]", i)
		}
		for v := range vecs {
			g.p("%s", g.store(fmt.Sprintf("s%d%d", i, v), "d", v))
		}
	}
	g.p("}\n")
}

// gemv writes the single-row kernel: several panels at once, for more
// independent chains of additions.
func (g *generator) gemv() {
	g.p(`// gemvSFX is Linear for one row: %[1]d panels at once, for more independent sums.
func gemvSFX(dst, x []float32, out int, panels, bias []float32) {
	in := len(x)
	var buf [%[1]d * NR]float32
	for j := 0; j < out; j += %[1]d * NR {
		cols := min(%[1]d*NR, out-j)
		d := buf[:]
		if cols == %[1]d*NR {
			d = dst[j:][:%[1]d*NR]
		}
		if bias == nil {
			clear(d)
		} else {
			copy(d, bias[j:j+cols])
		}
		b := panels[j*in:]
		if cols > %[2]d*NR {
			gemvPanelsSFX(d, x, b)
		} else {
			for p := 0; p < cols; p += NR {
				gemvPanelSFX(d[p:][:NR], x, b[p*in:])
			}
		}
		if cols < %[1]d*NR {
			copy(dst[j:][:cols], d)
		}
	}`, g.gemvPanels, g.gemvPanels-1)
	g.p("}\n")
	for _, panels := range []int{1, g.gemvPanels} {
		name := "gemvPanel"
		if panels > 1 {
			name = "gemvPanels"
		}
		g.p("func %sSFX(d, x, b []float32) {", name)
		for q := range panels {
			g.p("q%d := b[%d*len(x)*NR:][:len(x)*NR]", q, q)
			for v := range g.vecs {
				g.p("s%d%d := %s", q, v, g.load("d", q*g.vecs+v))
			}
		}
		g.p("k := 0")
		for _, u := range []int{4, 1} {
			g.p("for ; k <= len(x)-%[1]d; k += %[1]d {\na := (*[%[1]d]float32)(x[k:])", u)
			for q := range panels {
				g.p("b%d := (*[%d*NR]float32)(q%d[k*NR:])", q, u, q)
			}
			for w := range u {
				g.p("x%d := archsimd.BroadcastFLOAT(a[%d])", w, w)
				for q := range panels {
					for v := range g.vecs {
						g.p("s%[1]d%[2]d = s%[1]d%[2]d.Add(x%[3]d.Mul(%[4]s))", q, v, w, g.load(fmt.Sprintf("b%d", q), w*g.vecs+v))
					}
				}
			}
			g.p("}")
		}
		for q := range panels {
			for v := range g.vecs {
				g.p("%s", g.store(fmt.Sprintf("s%d%d", q, v), "d", q*g.vecs+v))
			}
		}
		g.clear()
		g.p("}\n")
	}
}

// step is the number of elements that every loop below handles at once: the
// lanes of a reduction. perStep is that in vectors.
const step = 16

func (g *generator) perStep() int { return step / g.lanes }

// constant returns the expression that loads a constant vector.
func constant(name string) string {
	return fmt.Sprintf("archsimd.LoadFLOATArray(&constantsSFX.%s)", name)
}

// exp writes dst := e^src for vectors, the twin of exp in portable.go. The last
// line turns lanes whose argument is NaN into NaN.
func (g *generator) exp(dst, src string) {
	g.p("var %s archsimd.FLOAT\n{", dst)
	g.p("nan := %[1]s.NotEqual(%[1]s).ToINT().ToBits()", src)
	g.p("x := %s.ToBits().BitsToInt32().Min(archsimd.LoadINTArray(&constantsSFX.hi)).ToBits().Min(archsimd.LoadUINTArray(&constantsSFX.lo)).BitsToFloat32()", src)
	g.p("z := x.Mul(%s).Add(%s)", constant("log2e"), constant("magic"))
	g.p("n := z.Sub(%s)", constant("magic"))
	g.p("r := x.Sub(n.Mul(%s)).Sub(n.Mul(%s))", constant("ln2Hi"), constant("ln2Lo"))
	g.p("p := r.Mul(%s).Add(%s)", constant("c6"), constant("c5"))
	for _, c := range []string{"c4", "c3", "c2", "c1", "c1"} {
		g.p("p = p.Mul(r).Add(%s)", constant(c))
	}
	g.p("%s = p.Mul(z.ToBits().ShiftAllLeft(23).BitsToFloat32()).ToBits().Or(nan).BitsToFloat32()\n}", dst)
}

// whole writes a loop over the n/16 steps of the slices; see each.
func (g *generator) whole(slices []string, n string, body func(v int)) {
	g.p("for i := 0; i < %s; i += %d {", n, step)
	for _, s := range slices {
		g.p("%sP := (*[%d]float32)(%s[i:])", s, step, s)
	}
	for v := range g.perStep() {
		g.p("{")
		body(v)
		g.p("}")
	}
	g.p("}")
}

// each writes a loop over steps of the slices, then the rest of fewer than 16
// elements by way of buffers. Array pointers to the step are named as the slice
// with the suffix P; body writes the work of vector v; out names the slices that are
// written. fill are lines that prepare the buffers, named slice + "B".
func (g *generator) each(slices []string, out []string, fill string, body func(v int)) {
	first := slices[0]
	g.p("n := len(%s) &^ %d", first, step-1)
	for _, s := range slices[1:] {
		g.p("%s = %s[:len(%s)]", s, s, first)
	}
	g.whole(slices, "n", body)
	g.p("if n < len(%s) {", first)
	g.clear()
	for _, s := range slices {
		g.p("var %sB [%d]float32\n%sP := &%sB", s, step, s, s)
	}
	if fill != "" {
		g.p("%s", fill)
	}
	for _, s := range slices {
		g.p("copy(%sB[:], %s[n:])", s, s)
	}
	for v := range g.perStep() {
		g.p("{")
		body(v)
		g.p("}")
	}
	if len(out) > 0 {
		g.clear()
	}
	for _, s := range out {
		g.p("copy(%s[n:], %sB[:])", s, s)
	}
	g.p("}")
}

// reduce writes name := a vector of which every lane is the combination of all
// lanes of the perStep vectors vec0, vec1, ..., in the order of tree.
func (g *generator) reduce(name, vec string, combine func(a, b string) string) {
	for w := g.perStep() / 2; w > 0; w /= 2 {
		for v := range w {
			g.p("%[1]s%[2]d = %[3]s", vec, v, combine(fmt.Sprintf("%s%d", vec, v), fmt.Sprintf("%s%d", vec, v+w)))
		}
	}
	last := vec + "0"
	if g.bits == 128 { // no shuffles: by way of scalars
		e := func(i int) string { return fmt.Sprintf("%s.GetElem(%d)", last, i) }
		if name == "top" {
			g.p("top := archsimd.BroadcastFLOAT(%s)", e(0))
			for i := 1; i < 4; i++ {
				g.p("top%d := archsimd.BroadcastFLOAT(%s)\ntop = %s", i, e(i), combine("top", fmt.Sprintf("top%d", i)))
			}
		} else {
			g.p("%s := archsimd.BroadcastFLOAT((%s + %s) + (%s + %s))", name, e(0), e(2), e(1), e(3))
		}
		return
	}
	if g.bits == 512 {
		g.p("%sH := %s", vec, combine(last+".GetLo()", last+".GetHi()"))
		last = vec + "H"
	}
	q := vec + "Q"
	g.p("%s := %s", q, combine(last+".GetLo()", last+".GetHi()"))
	g.p("%s = %s", q, combine(q, fmt.Sprintf("%[1]s.ConcatPermuteScalars(2, 3, 0, 1, %[1]s)", q)))
	g.p("%s = %s", q, combine(q, fmt.Sprintf("%[1]s.ConcatPermuteScalars(1, 0, 3, 2, %[1]s)", q)))
	if g.bits == 512 {
		g.p("%[1]sH = %[1]sH.SetLo(%[2]s).SetHi(%[2]s)", vec, q)
		q = vec + "H"
	}
	g.p("%[1]s0 = %[1]s0.SetLo(%[2]s).SetHi(%[2]s)\n%[3]s := %[1]s0", vec, q, name)
}

// clear ends the use of vectors: on amd64 scalar code and copies that follow are
// several times slower until the upper halves of the registers are cleared.
func (g *generator) clear() {
	if g.bits > 128 {
		g.p("archsimd.ClearAVXUpperBits()")
	}
}

func addVectors(a, b string) string { return fmt.Sprintf("%s.Add(%s)", a, b) }

func (g *generator) accumulators(vec string) {
	for v := range g.perStep() {
		g.p("var %s%d archsimd.FLOAT", vec, v)
	}
}

func (g *generator) max(a, b string) string {
	if g.selectMax {
		return fmt.Sprintf("%[1]s.IfElse(%[1]s.Greater(%[2]s), %[2]s)", a, b)
	}
	return fmt.Sprintf("%s.Max(%s)", a, b)
}

func (g *generator) reductions() {
	g.p("func sumSFX(x []float32) float32 {")
	g.accumulators("s")
	g.each([]string{"x"}, nil, "", func(v int) { g.p("s%d = s%d.Add(%s)", v, v, g.load("xP", v)) })
	g.reduce("sum", "s", addVectors)
	g.p("var out [LANES]float32\nsum.StoreArray(&out)")
	g.clear()
	g.p("return out[0]\n}\n")

	g.p("func layerNormModulateSFX(dst, x, shift, scale []float32, eps float32) {\none := %s\ncount, epsV := archsimd.BroadcastINT(int32(len(x))).ConvertToFloat32(), archsimd.BroadcastFLOAT(eps)", constant("one"))
	g.accumulators("s")
	g.p("{")
	g.each([]string{"x"}, nil, "", func(v int) { g.p("s%d = s%d.Add(%s)", v, v, g.load("xP", v)) })
	g.p("}")
	g.reduce("sum", "s", addVectors)
	g.p("mean := sum.Div(count)")
	g.accumulators("q")
	g.p("{")
	// Padding with the mean adds 0 to the squares.
	g.each([]string{"x"}, nil, padVectors("xB", g, "mean"), func(v int) {
		g.p("d := %s.Sub(mean)\nq%d = q%d.Add(d.Mul(d))", g.load("xP", v), v, v)
	})
	g.p("}")
	g.reduce("squares", "q", addVectors)
	g.p("r := one.Div(squares.Div(count).Add(epsV).Sqrt())")
	g.each([]string{"dst", "x", "shift", "scale"}, []string{"dst"}, "", func(v int) {
		g.p("y := %s.Sub(mean).Mul(r).Mul(%s.Add(one)).Add(%s)", g.load("xP", v), g.load("scaleP", v), g.load("shiftP", v))
		g.p("%s", g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	if g.bits < 512 { // heads are too narrow for panels of 64 columns and rows of scores for vectors of 16
		g.softmaxes()
	}
}

// softmaxes writes Softmax of one row, and of several.
func (g *generator) softmaxes() {
	g.p(`// softmaxSFX is Softmax. Short rows of an odd length are padded by -Inf.
func softmaxSFX(x []float32, scale float32) {
	var padded [128]float32
	whole := (len(x) + 15) / 16 * 16
	switch {
	case whole == len(x):
		softmaxRowsSFX(x, 1, len(x), scale)
		return
	case whole <= len(padded) && scale > 0:
		for i := copy(padded[:], x); i < whole; i++ {
			padded[i] = float32(math.Inf(-1))
		}
		softmaxRowsSFX(padded[:whole], 1, whole, scale)
		copy(x, padded[:])
		return
	}
	scaleV := archsimd.BroadcastFLOAT(scale)
	minusInf := archsimd.BroadcastFLOAT(float32(math.Inf(-1)))`)
	g.softmax(g.each)
	g.clear()
	g.p("}\n")
	g.p(`// softmaxRowsSFX is Softmax for rows of a whole number of steps. They follow
// each other without a change to scalar code, so that they overlap.
func softmaxRowsSFX(s []float32, rows, cols int, scale float32) {
	scaleV := archsimd.BroadcastFLOAT(scale)
	minusInf := archsimd.BroadcastFLOAT(float32(math.Inf(-1)))
	for i := range rows {
		x := s[i*cols:][:cols]`)
	g.softmax(func(slices []string, out []string, fill string, body func(v int)) {
		g.whole(slices, "len("+slices[0]+")", body)
	})
	g.p("}")
	g.clear()
	g.p("}\n")
}

// attention writes Attention on the softmax and linear of this width.
func (g *generator) attention() {
	if g.bits == 512 {
		return // see reductions
	}
	g.p(`// attentionSFX is Attention with the keys and values of one head packed as
// weights. Rows of scores are padded to whole steps by -Inf, of which the
// softmax makes 0; the padding of the last panel has it as its bias.
func attentionSFX(dst []float32, ldd int, qkv []float32, ldq, n, heads, headDim int, bias, scratch []float32) {
	width := heads * headDim
	scale := attentionScale(headDim)
	np, hp := (n+15)/16*16, (headDim+NR-1)/NR*NR
	cols := (n + NR - 1) / NR * NR
	keys, scratch := scratch[:headDim*np], scratch[headDim*np:]
	values, scratch := scratch[:n*hp], scratch[n*hp:]
	scores, scratch := scratch[:n*np], scratch[n*np:] // (n, np)
	mask := scratch[:cols]
	clear(mask)
	for j := n; j < cols; j++ {
		mask[j] = float32(math.Inf(-1))
	}
	for h := range heads {
		packTransposedSFX(keys, qkv[width+h*headDim:], ldq, n, headDim)
		packRowsSFX(values, qkv[2*width+h*headDim:], ldq, n, headDim)
		linearSFX(scores, np, qkv[h*headDim:], ldq, n, headDim, cols, keys, mask)
		minusInf := archsimd.BroadcastFLOAT(float32(math.Inf(-1)))
		for i := range n {
			for j := cols; j < np; j += LANES {
				minusInf.StoreArray((*[LANES]float32)(scores[i*np+j:]))
			}
			if bias != nil {
				addSFX(scores[i*np:][:n], bias[(h*n+i)*n:][:n])
			}
		}
		softmaxRowsSFX(scores, n, np, scale)
		linearSFX(dst[h*headDim:], ldd, scores, np, n, n, headDim, values, nil)
	}
}

// packRowsSFX is packRows for panels of NR columns.
func packRowsSFX(panels, w []float32, ldw, k, n int) {
	whole := n / NR * NR
	for j := 0; j < whole; j += NR {
		d := panels[j*k:][:k*NR]
		for l := range k {
			r, c := w[l*ldw+j:][:NR], d[l*NR:][:NR]`)
	for v := range g.vecs {
		g.p("%s", g.store(g.load("r", v), "c", v))
	}
	g.p("}\n}\nif whole < n {\npackRows(panels[whole*k:], w[whole:], ldw, k, n-whole, NR)\n}\n}\n")
}

// packTransposed writes the twin of packTransposed for panels of NR columns.
func (g *generator) packTransposed() {
	g.p(`// packTransposedSFX is packTransposed for panels of NR columns, in blocks of 4x4.
func packTransposedSFX(panels, w []float32, ldw, n, k int) {
	whole := n / NR * NR
	for j := 0; j < whole; j += 4 {
		panel := panels[j/NR*NR*k:][:NR*k]
		c := j %% NR
		r0, r1, r2, r3 := w[j*ldw:][:k], w[(j+1)*ldw:][:k], w[(j+2)*ldw:][:k], w[(j+3)*ldw:][:k]
		l := 0
		for ; l <= k-4; l += 4 {
			v0, v1, v2, v3 := (*[4]float32)(r0[l:]), (*[4]float32)(r1[l:]), (*[4]float32)(r2[l:]), (*[4]float32)(r3[l:])
			d := (*[3*NR+4]float32)(panel[l*NR+c:])`)
	for u := range 4 {
		for i := range 4 {
			g.p("d[%d*NR+%d] = v%d[%d]", u, i, i, u)
		}
	}
	g.p(`}
		for ; l < k; l++ {
			d := (*[4]float32)(panel[l*NR+c:])
			d[0], d[1], d[2], d[3] = r0[l], r1[l], r2[l], r3[l]
		}
	}
	if whole < n {
		packTransposed(panels[whole*k:], w[whole*ldw:], ldw, n-whole, k, NR)
	}
}
`)
}

// padVectors returns lines that fill the buffer with the vector x.
func padVectors(buffer string, g *generator, x string) string {
	var lines []string
	for v := range g.perStep() {
		lines = append(lines, g.store(x, buffer, v))
	}
	return strings.Join(lines, "\n")
}

// softmax writes Softmax of x by means of a loop over steps.
func (g *generator) softmax(loop func(slices []string, out []string, fill string, body func(v int))) {
	for v := range g.perStep() {
		g.p("m%d := minusInf", v)
	}
	g.p("{")
	// The padding repeats an element of x.
	loop([]string{"x"}, []string{"x"}, "for i := range xB {\nxB[i] = x[n]\n}", func(v int) {
		g.p("t := %s.Mul(scaleV)\n%s", g.load("xP", v), g.store("t", "xP", v))
		g.p("m%d = %s", v, g.max("t", fmt.Sprintf("m%d", v)))
	})
	g.p("}")
	g.reduce("top", "m", g.max)
	g.accumulators("s")
	g.p("{")
	// The padding e^-Inf = 0 adds nothing.
	loop([]string{"x"}, []string{"x"}, padVectors("xB", g, "minusInf"), func(v int) {
		g.p("t := %s.Sub(top)", g.load("xP", v))
		g.exp("e", "t")
		g.p("%s\ns%d = s%d.Add(e)", g.store("e", "xP", v), v, v)
	})
	g.p("}")
	g.reduce("sum", "s", addVectors)
	g.p("inv := %s.Div(sum)", constant("one"))
	loop([]string{"x"}, []string{"x"}, "", func(v int) {
		g.p("y := %s.Mul(inv)\n%s", g.load("xP", v), g.store("y", "xP", v))
	})
}

func (g *generator) elementwise() {
	g.p("func addSFX(dst, x []float32) {")
	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
		g.p("y := %s.Add(%s)\n%s", g.load("dstP", v), g.load("xP", v), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func addGatedSFX(dst, gate, y []float32) {")
	g.each([]string{"dst", "gate", "y"}, []string{"dst"}, "", func(v int) {
		g.p("d := %s.Add(%s.Mul(%s))\n%s", g.load("dstP", v), g.load("gateP", v), g.load("yP", v), g.store("d", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func addScaledSFX(dst []float32, a float32, x []float32) {\naV := archsimd.BroadcastFLOAT(a)")
	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
		g.p("y := %s.Add(%s.Mul(aV))\n%s", g.load("dstP", v), g.load("xP", v), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func scaleSFX(x []float32, a float32) {\naV := archsimd.BroadcastFLOAT(a)")
	g.each([]string{"x"}, []string{"x"}, "", func(v int) {
		g.p("y := %s.Mul(aV)\n%s", g.load("xP", v), g.store("y", "xP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func expSFX(dst, x []float32) {")
	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
		g.p("t := %s", g.load("xP", v))
		g.exp("e", "t")
		g.p("%s", g.store("e", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func siLUSFX(dst, x []float32) {")
	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
		g.p("t := %s\nu := t.Neg()", g.load("xP", v))
		g.exp("e", "u")
		g.p("y := t.Div(e.Add(%s))\n%s", constant("one"), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func swiGLUSFX(dst, a, b []float32) {")
	g.each([]string{"dst", "a", "b"}, []string{"dst"}, "", func(v int) {
		g.p("t := %s\nu := t.Neg()", g.load("aP", v))
		g.exp("e", "u")
		g.p("y := t.Div(e.Add(%s)).Mul(%s)\n%s", constant("one"), g.load("bP", v), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func geluTanhSFX(dst, x []float32) {")
	g.each([]string{"dst", "x"}, []string{"dst"}, "", func(v int) {
		g.p("t := %s\nu := t.Mul(t).Mul(%s).Add(%s).Mul(t)", g.load("xP", v), constant("geluC2"), constant("geluC1"))
		g.exp("e", "u")
		g.p("y := t.Div(e.Add(%s))\n%s", constant("one"), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")

	g.p("func addGaussiansSFX(dst []float32, d float32, mean, invStd, norm []float32) {\ndV := archsimd.BroadcastFLOAT(d)")
	g.each([]string{"dst", "mean", "invStd", "norm"}, []string{"dst"}, "", func(v int) {
		g.p("u := dV.Sub(%s).Mul(%s)\nt := u.Mul(u).Mul(%s)", g.load("meanP", v), g.load("invStdP", v), constant("minusHalf"))
		g.exp("e", "t")
		g.p("y := %s.Add(%s.Mul(e))\n%s", g.load("dstP", v), g.load("normP", v), g.store("y", "dstP", v))
	})
	g.clear()
	g.p("}\n")
}
