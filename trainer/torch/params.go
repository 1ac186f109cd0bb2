//go:build torch

package torch

import (
	"math"
	"slices"
	"strings"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Params are the parameters of a network: one flat buffer and a leaf of the autograd graph for
// each, which views it.
type Params struct {
	Config model.Config
	List   []safetensors.Parameter
	Size   int    // number of values
	Flat   Tensor // (Size), float32

	egnn *egnn.Config // of EDM's network; nil: SymDiff's, as Config says

	latent *latent // of a GeoLDM: its parts

	device  gotch.Device
	offsets []int
	leaves  []Tensor
	frozen  []bool // of each leaf, whether its gradient is zero; nil: of none
	byName  map[string]Tensor

	// With bf16 matrix products, a leaf of a large weight views half instead, a bfloat16 copy of
	// Flat.
	half Tensor
}

// NewParams allocates the parameters of c, all zero. halfWeights makes the weights of attention and
// MLPs bfloat16 in products, where FastBF16 says so, while Flat keeps them in float32: call Refresh
// after each change of Flat. Those beside the network's, of a learned schedule, come last.
func NewParams(c model.Config, device gotch.Device, halfWeights bool,
	beside ...safetensors.Parameter) *Params {
	return newParams(&Params{Config: c, List: append(c.Parameters(), beside...), device: device},
		halfWeights)
}

// NewEGNNParams are those of EDM's network.
func NewEGNNParams(c egnn.Config, device gotch.Device, beside ...safetensors.Parameter) *Params {
	return newParams(&Params{egnn: &c, List: append(c.Parameters(), beside...), device: device}, false)
}

func newParams(p *Params, halfWeights bool) *Params {
	p.byName = map[string]Tensor{}
	halfWeights = halfWeights && FastBF16(p.device)
	for _, q := range p.List {
		p.offsets = append(p.offsets, p.Size)
		p.Size += q.Size()
	}
	p.Flat = ts.MustZeros([]int64{int64(p.Size)}, f32, p.device)
	if halfWeights {
		p.half = ts.MustZeros([]int64{int64(p.Size)}, bf16, p.device)
	}
	for i, q := range p.List {
		source := p.Flat
		if halfWeights && inProducts(q.Name) {
			source = p.half
		}
		shape := make([]int64, len(q.Shape))
		for k, d := range q.Shape {
			shape[k] = int64(d)
		}
		leaf := source.MustNarrow(0, int64(p.offsets[i]), int64(q.Size()), false).MustView(shape,
			true).MustDetach(true)
		leaf.MustRequiresGrad_(true)
		p.leaves = append(p.leaves, leaf)
		p.byName[q.Name] = leaf
	}
	return p
}

// inProducts reports whether weights are among those that take nearly all of the arithmetic.
func inProducts(name string) bool {
	return strings.Contains(name, ".attn.") || strings.Contains(name, ".mlp.fc")
}

// Refresh copies Flat to the bfloat16 weights, if there are any.
func (p *Params) Refresh() {
	if p.half != nil {
		NoGrad(func() { p.half.Copy_(p.Flat) })
	}
}

// Set replaces all values: data holds the parameters in the order of List.
func (p *Params) Set(data []float32) {
	if len(data) != p.Size {
		panic("torch: wrong number of parameters")
	}
	s := &Scope{Device: p.device}
	NoGrad(func() { p.Flat.Copy_(s.Of(data, int64(p.Size))) })
	s.Close()
	p.Refresh()
}

// Get is the named parameter's leaf. It panics if there is none.
func (p *Params) get(name string) Tensor {
	t, ok := p.byName[name]
	if !ok {
		panic("torch: no parameter " + name)
	}
	return t
}

// Grad is the gradient of a scalar with respect to all parameters, as one flat float32 tensor.
func (p *Params) Grad(s *Scope, loss Tensor) Tensor {
	var free []Tensor
	for i, leaf := range p.leaves {
		if p.frozen == nil || !p.frozen[i] {
			free = append(free, leaf)
		}
	}
	grads, err := ts.RunBackward([]Tensor{loss}, free, false, false)
	if err != nil {
		panic(err)
	}
	flat := make([]Tensor, len(p.leaves))
	for i, q := range p.List {
		if p.frozen != nil && p.frozen[i] {
			flat[i] = s.keep(ts.MustZeros([]int64{int64(q.Size())}, f32, p.device))
			continue
		}
		flat[i] = s.to(s.reshape(s.keep(grads[0]), -1), f32)
		grads = grads[1:]
	}
	return s.cat(0, flat...)
}

// Freeze makes the gradient of the parameters zero whose names begin with one of the prefixes.
func (p *Params) Freeze(prefixes ...string) {
	p.frozen = make([]bool, len(p.List))
	for i, q := range p.List {
		p.frozen[i] = slices.ContainsFunc(prefixes,
			func(prefix string) bool { return strings.HasPrefix(q.Name, prefix) })
	}
}

// Split cuts a flat buffer into the parameters' values, in the order of List.
func (p *Params) Split(flat []float32) map[string][]float32 {
	m := make(map[string][]float32, len(p.List))
	for i, q := range p.List {
		m[q.Name] = flat[p.offsets[i] : p.offsets[i]+q.Size()]
	}
	return m
}

// Init is a random start: linear layers Xavier-uniform with zero bias, time embeddings with
// standard deviation 0.02, adaLN, pair bias and final layers zero, means and widths of the distance
// features uniform on (0, 3), the second half of a SwiGLU's fc1 (its linear half) with weights of
// standard deviation 1e-6 and bias 1. Every parameter has its own stream of the seed. With grid the
// means of the distance features are spread evenly over (0, 8) Å instead, with widths of 1.5 times
// their spacing: they tell bond lengths apart from the start.
func Init(c model.Config, seed uint64, grid bool) []float32 {
	var flat []float32
	for i, q := range c.Parameters() {
		r := rng.New(seed, uint32(i), rng.Init, 0)
		v := make([]float32, q.Size())
		uniform := func(lo, hi float64) {
			for k := range v {
				v[k] = float32(lo + (hi-lo)*r.Float64())
			}
		}
		weight := strings.HasSuffix(q.Name, ".weight")
		switch {
		case strings.HasPrefix(q.Name, "gaussian_embedder.") && grid:
			spacing := 8 / float64(len(v))
			for k := range v {
				if strings.Contains(q.Name, "means") {
					v[k] = float32((float64(k) + 0.5) * spacing)
				} else {
					v[k] = float32(1.5 * spacing)
				}
			}
		case strings.HasPrefix(q.Name, "gaussian_embedder."):
			uniform(0, 3)
		case strings.Contains(q.Name, "adaLN_modulation"), strings.Contains(q.Name, "final_layer"),
			strings.Contains(q.Name, "pair_embedder"):
		case strings.Contains(q.Name, "t_embedder") && weight:
			r.Fill(v, 0.02)
		case weight:
			a := math.Sqrt(6 / float64(q.Shape[0]+q.Shape[1]))
			uniform(-a, a)
		}
		if c.GammaHead == model.GammaMoments && q.Name == "gamma_enc.x_embedder.weight" {
			for row := 0; row < len(v); row += q.Shape[1] {
				clear(v[row : row+3]) // u is invariant at the start (see core/model's encoder)
			}
		}
		if c.MLPType == model.SwiGLU && strings.Contains(q.Name, ".mlp.fc1.") {
			second := v[len(v)/2:]
			if weight {
				r.Fill(second, 1e-6)
			} else {
				for k := range second {
					second[k] = 1
				}
			}
		}
		flat = append(flat, v...)
	}
	return flat
}

// Accumulate adds g, a gradient of the scope inner, to sum, one of the scope s, in place; nil
// counts as zero and g then moves to s.
func Accumulate(s *Scope, sum Tensor, inner *Scope, g Tensor) Tensor {
	if sum == nil {
		inner.handles = slices.DeleteFunc(inner.handles, func(t Tensor) bool { return t == g })
		return s.keep(g)
	}
	NoGrad(func() { sum.MustAdd_(g) })
	return sum
}

// Sum copies out the sum of gradients of the given size; nil ones count as zero.
func Sum(grads []Tensor, size int) []float32 {
	sum := make([]float32, size)
	for _, g := range grads {
		if g == nil {
			continue
		}
		for i, v := range Float32s(g) {
			sum[i] += v
		}
	}
	return sum
}
