//go:build torch

package train

import (
	"strings"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// Stepper makes steps of training on one batch over and over, without files: for measurements.
type Stepper struct {
	r *run
	b batch
}

// NewStepper prepares the first batch of o.Data. The caller's goroutine must be bound to its
// thread.
func NewStepper(o Options) (*Stepper, error) {
	r, err := prepare(o)
	if err != nil {
		return nil, err
	}
	b := r.next()
	for i := range b.times { // t = 0 has its own loss
		b.times[i] = max(b.times[i], 1)
	}
	return &Stepper{r, b}, nil
}

// prepare is a new run without files. The caller closes its team.
func prepare(o Options) (*run, error) {
	if o.Out == "" {
		o.Out = "."
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	device, err := o.device()
	if err != nil {
		return nil, err
	}
	r := &run{Options: o, world: mpi.Alone, meta: o.Meta()}
	r.setup(device)
	if r.teacher, err = loadTeacher(o, device); err != nil {
		return nil, err
	}
	if r.teacher != nil {
		r.meta.Context = r.teacher.context
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.params, r.emaParams = r.newParams(device), r.newParams(device)
	if err := r.initialise(); err != nil {
		return nil, err
	}
	r.opt = torch.NewOptimiser(r.params, o.AMSGrad, o.Muon, r.workers)
	if r.order, err = dataset.NewOrder(r.set, r.batchAtoms(), o.Seed, 0, 0); err != nil {
		return nil, err
	}
	r.perEpoch = r.order.BatchesPerEpoch()
	r.team = newTeam(r.workers, device)
	return r, nil
}

// Step makes one step and returns its loss before.
func (s *Stepper) Step() float64 {
	defer s.r.team.do(func(_ int, sc *torch.Scope) { sc.Close() })
	grads, loss := s.r.gradients(s.b)
	shards, norm := s.r.gather(grads)
	s.r.update(shards, norm, 1e-5)
	return loss
}

// Molecules is the number of molecules of the batch.
func (s *Stepper) Molecules() int { return s.b.molecules() }

// Tensors are the weights, by name, and the batch that the network is given, by names batch.x, h,
// t, r0, eta and eps.
func (s *Stepper) Tensors() []safetensors.Tensor {
	flat := torch.Float32s(s.r.params.Flat)
	var list []safetensors.Tensor
	for _, p := range s.r.Parameters() {
		list = append(list, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape,
			Data: flat[:p.Size()]})
		flat = flat[p.Size():]
	}
	for _, t := range s.r.tensors(s.r.part(s.b, 0, 1)) {
		t.Name = "batch." + t.Name
		list = append(list, t)
	}
	return list
}

// Products are the matrix products of the forward pass of one worker's share: (rows, in) times (in,
// out), how often, of a weight or of two activations.
func (s *Stepper) Products() []Product {
	c := s.r.Config
	b := s.b.molecules() / s.r.workers
	n := s.r.set.Size(s.b.indices[0])
	var list []Product
	for _, p := range s.r.Parameters() {
		if len(p.Shape) == 2 && p.Shape[0] > 1 {
			rows := b * n
			if perMolecule(p.Name) {
				rows = b
			}
			list = append(list, Product{1, rows, p.Shape[1], p.Shape[0]})
		}
	}
	attention := func(depth, heads, width int) {
		for range depth {
			list = append(list, Product{b * heads, n, width / heads, n},
				Product{b * heads, n, n, width / heads})
		}
	}
	attention(c.Depth, c.Heads, c.Hidden)
	if c.EncDepth > 0 {
		attention(c.EncDepth, c.EncHeads, c.EncHidden)
	}
	return list
}

// perMolecule reports whether a layer sees a molecule's time, or f's mean over its atoms, rather
// than its atoms.
func perMolecule(name string) bool {
	return strings.Contains(name, "adaLN") || strings.Contains(name, "t_embedder") ||
		strings.Contains(name, "gamma_dec")
}

// Product is Count products of (Rows, In) with (In, Out).
type Product struct{ Count, Rows, In, Out int }

// Each runs f on every worker.
func (s *Stepper) Each(f func(w int)) { s.r.team.do(func(w int, _ *torch.Scope) { f(w) }) }

// Workers is the number of threads.
func (s *Stepper) Workers() int { return s.r.workers }

// Close ends the workers.
func (s *Stepper) Close() { s.r.team.close() }
