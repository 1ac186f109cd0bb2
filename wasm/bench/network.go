// Command bench is what the benchmark (bench.js) times of core: calls of the
// network, matrix products, molecules, and the peak of the machine's vector
// unit. Built for js/wasm it defines globalThis.symdiffBench, natively it obeys
// lines on standard input; both offer the functions of a bench.
package main

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// dit is the network of the comparison, a plain DiT 256x6 with 4 heads: what
// other runtimes can run too.
var dit = model.Config{
	Variant: model.None, GammaOrder: model.GammaPaper, FixQR: true, Features: 6,
	XHHidden: 192, K: 64, Hidden: 256, Depth: 6, Heads: 4, MLPRatio: 4, MLPType: model.MLP,
}

// randomWeights is a weights file of the network c with random values in every
// layer: variance 1/in for matrices.
func randomWeights(c model.Config) ([]byte, error) {
	var tensors []safetensors.Tensor
	for i, p := range c.Parameters() {
		r := rng.New(1, uint32(i), rng.Init, 0)
		v := make([]float32, p.Size())
		std := 0.1
		if len(p.Shape) == 2 && p.Shape[0] > 1 {
			std = 1 / math.Sqrt(float64(p.Shape[1]))
		}
		r.Fill(v, std)
		if p.Name == "gaussian_embedder.means.weight" || p.Name == "gaussian_embedder.stds.weight" {
			for k := range v {
				v[k] = float32(3 * r.Float64())
			}
		}
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: v})
	}
	var b bytes.Buffer
	err := safetensors.Write(&b, tensors, model.Metadata(c, encoding.QM9()))
	return b.Bytes(), err
}

// bench is what is timed.
type bench struct {
	m     *model.Model
	batch int
	atoms int
	state symmetrise.NetworkState
	z     []float32
	eps   []float32
	noise symmetrise.Noise
	calls int

	product product
}

// load reads a weights file.
func (b *bench) load(data []byte) error {
	f, err := safetensors.Parse("weights", data)
	if err != nil {
		return err
	}
	b.m, err = model.Load(f)
	return err
}

// prepare makes batch molecules of the given size. The positions are on the
// scale of a molecule's, with zero centre of mass.
func (b *bench) prepare(batch, atoms int) {
	c := b.m.Config
	sizes := make([]int, batch)
	b.noise = symmetrise.Noise{R0: make([]o3.Matrix, batch),
		Eta: make([]float32, batch*atoms*c.NoiseDims)}
	r := rng.New(2, 0, rng.Init, 0)
	for i := range sizes {
		sizes[i], b.noise.R0[i] = atoms, o3.Haar(&r)
	}
	b.batch, b.atoms, b.state = batch, atoms, b.m.Network().NewState(sizes)
	b.z, b.eps = make([]float32, batch*atoms*(3+c.Features)),
		make([]float32, batch*atoms*(3+c.Features))
	b.state.Schedule(callTimes)
	r.Fill(b.z, 1)
	r.Fill(b.noise.Eta, 1)
	symmetrise.RemoveMean(b.z, 3+c.Features, sizes)
}

// callTimes are the times of the calls, over and over: as in sampling, every call
// has its own, and they are known beforehand.
var callTimes = func() []float32 {
	times := make([]float32, 1000)
	for i := range times {
		times[i] = float32(1+i) / 1000
	}
	return times
}()

// run makes n calls of the network: each at its own time, or all at t = 0.5,
// of which the modulations are then at hand.
func (b *bench) run(n int, fixed bool) {
	for range n {
		t := float32(0.5)
		if !fixed {
			b.calls++
			t = callTimes[b.calls%len(callTimes)]
		}
		b.state.Eps(b.eps, b.z, t, b.noise)
	}
}

// product is a matrix product to time.
type product struct {
	m, in, out int
	x, dst     []float32
	w          *f32.Packed
}

// gemm multiplies (m, in) by (in, out) n times; with n = 0 it only makes the
// matrices.
func (b *bench) gemm(m, in, out, n int) {
	p := &b.product
	if p.m != m || p.in != in || p.out != out {
		r := rng.New(3, 0, rng.Init, 0)
		w := make([]float32, in*out)
		*p = product{m: m, in: in, out: out, x: make([]float32, m*in), dst: make([]float32, m*out)}
		r.Fill(w, 1)
		r.Fill(p.x, 1)
		p.w = f32.Pack(w, out, in)
	}
	for range n {
		f32.Linear(p.dst, out, p.x, in, m, p.w, nil)
	}
}

// molecule samples one molecule of the given size.
func (b *bench) molecule(atoms, steps int) error {
	s, err := sampler.New(b.m.Network(), b.m.Meta, sampler.Options{Seed: 1, Atoms: atoms,
		Steps: steps})
	for err == nil && !s.Done() {
		err = s.Step()
	}
	return err
}

// command runs one line: a word and its numbers. A driver times it.
//
//	prepare BATCH ATOMS      run N FIXED      gemm M IN OUT N      peak N      molecule ATOMS STEPS
func (b *bench) command(word string, args []int) error {
	want := map[string]int{"prepare": 2, "run": 2, "gemm": 4, "peak": 1, "molecule": 2}[word]
	if want == 0 || len(args) != want {
		return errors.New("bench: " + strconv.Quote(word) + " with " + strconv.Itoa(len(args)) +
			" numbers")
	}
	switch word {
	case "prepare":
		b.prepare(args[0], args[1])
	case "run":
		b.run(args[0], args[1] != 0)
	case "gemm":
		b.gemm(args[0], args[1], args[2], args[3])
	case "peak":
		peak(args[0])
	case "molecule":
		return b.molecule(args[0], args[1])
	}
	return nil
}
