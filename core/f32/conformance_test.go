package f32

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guardBits is the pattern around every destination: a NaN that no kernel makes.
const guardBits = 0x7FABCDEF

// An arena hands out destinations that lie between guard words and start at any
// alignment.
type arena struct{ all [][]float32 }

const guard = 40

// slice returns a copy of x between guards, offset elements away from the start
// of an allocation.
func (a *arena) slice(x []float32, offset int) []float32 {
	buf := make([]float32, offset+guard+len(x)+guard)
	for i := range buf {
		buf[i] = math.Float32frombits(guardBits)
	}
	s := buf[offset+guard:][:len(x)]
	copy(s, x)
	a.all = append(a.all, buf[:offset+guard], buf[offset+guard+len(x):])
	return s
}

// gaps remembers the elements between the rows of dst (m, cols), which must not change.
func (a *arena) gaps(dst []float32, ldd, m, cols int) {
	for i := range m - 1 {
		g := dst[i*ldd+cols : (i+1)*ldd]
		for k := range g {
			g[k] = math.Float32frombits(guardBits)
		}
		a.all = append(a.all, g)
	}
}

func (a *arena) check(t *testing.T, what string) {
	t.Helper()
	for _, g := range a.all {
		for _, v := range g {
			if math.Float32bits(v) != guardBits {
				t.Fatalf("%s: wrote %g outside its destination", what, v)
			}
		}
	}
}

// conform runs f under every implementation and compares its result with that of
// the portable one, bit for bit; any NaN equals any NaN.
func conform(t *testing.T, what string, f func(a *arena) []float32) {
	t.Helper()
	active := Implementation()
	defer Use(active)
	var want []float32
	for i, name := range Implementations() {
		Use(name)
		var a arena
		got := f(&a)
		a.check(t, name+": "+what)
		if i == 0 {
			want = append(want, got...)
			continue
		}
		for k := range want {
			if math.Float32bits(got[k]) != math.Float32bits(want[k]) && (got[k] == got[k] || want[k] == want[k]) {
				t.Fatalf("%s: %s: element %d of %d is %x (%g), the definition gives %x (%g)",
					name, what, k, len(want), math.Float32bits(got[k]), got[k], math.Float32bits(want[k]), want[k])
			}
		}
	}
}

var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
	1e-39, -3e-42, 1.17549435e-38,
	math.MaxFloat32, -math.MaxFloat32, 1e30, -1e30, 88.4, 88.72283,
	88.72284, 89.4, 89.5, 90, -86.9, -86.98, -87, -87.4, -87.5, -88, -104, 0.34657359, -0.34657359,
	12582912, -12582912, 16777216, 3.4e-5,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), -float32(math.NaN()),
	math.Float32frombits(0xFFC00001), math.Float32frombits(0x7F800001),
}

// values returns n numbers: standard normals, and with wild also numbers of all
// magnitudes and special values.
func values(r *rand.Rand, n int, wild bool) []float32 {
	x := normals(r, n)
	for i := range x {
		switch k := r.IntN(8); {
		case wild && k == 0:
			x[i] = specials[r.IntN(len(specials))]
		case wild && k == 1:
			x[i] = math.Float32frombits(r.Uint32())
		case wild && k < 4:
			x[i] *= 30
		}
	}
	return x
}

// rowKernels are the kernels on rows: dst in and out and three inputs of the same
// length, and ab of twice that.
var rowKernels = []struct {
	name string
	run  func(dst, x, y, z, ab []float32)
}{
	{"Sum", func(dst, x, y, z, ab []float32) {
		if len(dst) > 0 {
			dst[0] = Sum(x)
		}
	}},
	{"LayerNormModulate", func(dst, x, y, z, ab []float32) { LayerNormModulate(dst, x, y, z, 1e-6) }},
	{"LayerNormModulate in place", func(dst, x, y, z, ab []float32) { LayerNormModulate(dst, dst, y, z, 1e-6) }},
	{"Add", func(dst, x, y, z, ab []float32) { Add(dst, x) }},
	{"AddGated", func(dst, x, y, z, ab []float32) { AddGated(dst, x, y) }},
	{"AddScaled", func(dst, x, y, z, ab []float32) { AddScaled(dst, 0.7, x) }},
	{"Scale", func(dst, x, y, z, ab []float32) { Scale(dst, -1.3) }},
	{"Exp", func(dst, x, y, z, ab []float32) { Exp(dst, x) }},
	{"Exp in place", func(dst, x, y, z, ab []float32) { Exp(dst, dst) }},
	{"SiLU", func(dst, x, y, z, ab []float32) { SiLU(dst, x) }},
	{"SwiGLU", func(dst, x, y, z, ab []float32) { SwiGLU(dst, ab) }},
	{"GELUTanh", func(dst, x, y, z, ab []float32) { GELUTanh(dst, x) }},
	{"GELU", func(dst, x, y, z, ab []float32) { GELU(dst, x) }},
	{"Softmax", func(dst, x, y, z, ab []float32) { Softmax(dst, 0.35) }},
	{"Softmax of scale 0", func(dst, x, y, z, ab []float32) { Softmax(dst, 0) }},
	{"Softmax of scale -2", func(dst, x, y, z, ab []float32) { Softmax(dst, -2) }},
	{"AddGaussians", func(dst, x, y, z, ab []float32) { AddGaussians(dst, 1.5, x, y, z) }},
}

func TestRowKernelsConform(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	lengths := []int{
		0,
		1,
		2,
		3,
		4,
		5,
		7,
		8,
		9,
		12,
		15,
		16,
		17,
		19,
		24,
		29,
		31,
		32,
		33,
		47,
		48,
		63,
		64,
		65,
		72,
		100,
		128,
		184,
		255,
		256,
		257,
		384,
		1000,
	}
	for _, k := range rowKernels {
		for _, n := range lengths {
			for round := range 4 {
				wild := round%2 == 1
				offset := r.IntN(17)
				dst, x, y := values(r, n, wild), values(r, n, wild), values(r, n, wild)
				z, ab := values(r, n, wild), values(r, 2*n, wild)
				conform(
					t,
					fmt.Sprintf("%s of %d, offset %d, special values %t", k.name, n, offset, wild),
					func(a *arena) []float32 {
						d := a.slice(dst, offset)
						k.run(d, x, y, z, ab)
						return d
					},
				)
			}
		}
	}
}

// TestExpConform compares exp over a grid of all float32 bit patterns.
func TestExpConform(t *testing.T) {
	x := make([]float32, 1<<17)
	for i := range x {
		x[i] = math.Float32frombits(uint32(i)*32771 + 17)
	}
	for _, k := range rowKernels {
		if k.name == "Exp" || k.name == "SiLU" || k.name == "GELUTanh" {
			conform(t, k.name, func(a *arena) []float32 {
				d := make([]float32, len(x))
				k.run(d, x, nil, nil, nil)
				return d
			})
		}
	}
}

// linearCase runs Linear with strides beyond the widths, under one implementation
// and packed by another.
func linearCase(r *rand.Rand, m, in, out int, wild, bias bool, packedBy string) func(a *arena) []float32 {
	ldx, ldd, offset := in+r.IntN(5), out+r.IntN(5), r.IntN(17)
	w, x := values(r, out*in, wild), values(r, (m-1)*ldx+in, wild)
	var b []float32
	if bias {
		b = values(r, out, wild)
	}
	dst := values(r, (m-1)*ldd+out, true)
	return func(a *arena) []float32 {
		implementation := Implementation()
		if packedBy != "" {
			Use(packedBy)
		}
		p := Pack(w, out, in)
		Use(implementation)
		d := a.slice(dst, offset)
		a.gaps(d, ldd, m, out)
		Linear(d, ldd, x, ldx, m, p, b)
		return d
	}
}

func TestLinearConform(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	check := func(m, in, out int, wild, bias bool, packedBy string) {
		t.Helper()
		name := fmt.Sprintf("Linear m=%d in=%d out=%d special values %t bias %t packed by %q",
			m, in, out, wild, bias, packedBy)
		conform(t, name, linearCase(r, m, in, out, wild, bias, packedBy))
	}
	for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 19} {
		for _, in := range []int{1, 9, 15, 16, 33, 63, 65} {
			for _, out := range []int{1, 7, 8, 9, 17, 31, 33, 64, 100, 129} {
				check(m, in, out, m%2 == 0, out%2 == 1, "")
			}
		}
	}
	for _, s := range [][3]int{
		{1, 1024, 257}, {1, 256, 1536}, {3, 257, 65}, {19, 256, 768}, {5, 1024, 256}, {8, 600, 40}, {152, 64, 72},
	} {
		check(s[0], s[1], s[2], false, true, "")
		check(s[0], s[1], s[2], true, false, "")
	}
	for _, packedBy := range Implementations() {
		for _, s := range [][3]int{{1, 40, 70}, {6, 33, 19}, {2, 300, 130}} {
			check(s[0], s[1], s[2], false, true, packedBy)
		}
	}
}

func TestAttentionConform(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, headDim := range []int{1, 3, 8, 16, 17, 32, 33, 64, 72} {
		for _, n := range []int{1, 2, 3, 5, 8, 9, 16, 18, 19, 29, 33, 65, 181} {
			if n*headDim > 4000 && headDim != 32 {
				continue
			}
			heads := 1 + r.IntN(3)
			width := heads * headDim
			ldq, ldd, offset := 3*width+r.IntN(5), width+r.IntN(5), r.IntN(17)
			wild, from := n%4 == 1, r.IntN(n)
			m := 1 + r.IntN(n-from)
			qkv, dst := values(r, (n-1)*ldq+3*width, wild), make([]float32, (m-1)*ldd+width)
			var bias []float32
			if n%3 != 0 {
				bias = values(r, heads*m*n, wild)
			}
			conform(
				t,
				fmt.Sprintf("Attention n=%d from=%d m=%d heads=%d headDim=%d special values %t", n, from, m, heads, headDim, wild),
				func(a *arena) []float32 {
					d := a.slice(dst, offset)
					scratch := a.slice(make([]float32, AttentionScratch(m, n, headDim)), offset)
					a.gaps(d, ldd, m, width)
					for i := range scratch {
						scratch[i] = float32(math.NaN())
					}
					b := bias
					if b != nil {
						b = a.slice(bias, offset)
					}
					Attention(d, ldd, qkv, ldq, n, from, m, heads, headDim, b, scratch)
					return d
				},
			)
		}
	}
}

// definitionHash is the hash of results of the portable kernels on fixed inputs.
// It is the same on every architecture; a change of it changes every sample.
const definitionHash = 0x741edc37161dd70c

func TestDefinition(t *testing.T) {
	forEach(t, func(t *testing.T) {
		state := uint32(1)
		fixed := func(n int) []float32 { // exact on every machine: multiples of 2^-22 in [-4, 4)
			x := make([]float32, n)
			for i := range x {
				state = state*1664525 + 1013904223
				x[i] = float32(int32(state)>>7) / (1 << 22)
			}
			return x
		}
		h := uint64(14695981039346656037)
		hash := func(x []float32) {
			for _, v := range x {
				h = (h ^ uint64(math.Float32bits(v))) * 1099511628211
			}
		}
		for _, k := range rowKernels {
			for _, n := range []int{19, 72, 184} {
				dst := fixed(n)
				k.run(dst, fixed(n), fixed(n), fixed(n), fixed(2*n))
				hash(dst)
			}
		}
		m, in, out := 7, 300, 83
		dst := make([]float32, m*out)
		Linear(dst, out, fixed(m*in), in, m, Pack(fixed(out*in), out, in), fixed(out))
		hash(dst)
		n, heads, headDim := 19, 2, 20
		dst = make([]float32, n*heads*headDim)
		Attention(dst, heads*headDim, fixed(n*3*heads*headDim), 3*heads*headDim, n, 0, n, heads,
			headDim, nil, make([]float32, AttentionScratch(n, n, headDim)))
		hash(dst)
		if h != definitionHash {
			t.Errorf("hash %#x, want %#x", h, uint64(definitionHash))
		}
	})
}

func FuzzRowKernels(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456"), uint8(3))
	seed := make([]byte, 0, 4*len(specials))
	for _, v := range specials {
		seed = binary.LittleEndian.AppendUint32(seed, math.Float32bits(v))
	}
	f.Add(seed, uint8(7))
	f.Fuzz(func(t *testing.T, data []byte, offset uint8) {
		all := make([]float32, len(data)/4)
		for i := range all {
			all[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		n := len(all) / 6
		dst, x, y, z, ab := all[:n], all[n:2*n], all[2*n:3*n], all[3*n:4*n], all[4*n:6*n]
		for _, k := range rowKernels {
			conform(t, k.name, func(a *arena) []float32 {
				d := a.slice(dst, int(offset%17))
				k.run(d, x, y, z, ab)
				return d
			})
		}
	})
}

func FuzzLinear(f *testing.F) {
	f.Add(uint64(1), uint8(19), uint16(72), uint16(100), true)
	f.Add(uint64(2), uint8(1), uint16(300), uint16(9), false)
	f.Fuzz(func(t *testing.T, seed uint64, m uint8, in, out uint16, wild bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows, features, width := 1+int(m)%40, 1+int(in)%400, 1+int(out)%200
		conform(t, fmt.Sprintf("Linear m=%d in=%d out=%d", rows, features, width),
			linearCase(r, rows, features, width, wild, seed%2 == 0, ""))
	})
}
