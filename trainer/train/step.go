//go:build torch

package train

import (
	"math"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// outcome is what a step returns.
type outcome struct {
	batch            batch
	molecules, atoms int
	loss             float64 // per coordinate
	norm             float64 // of the gradient, before clipping
}

func (o outcome) finite() bool { return finite(o.loss) && finite(o.norm) }

// step is one step of training. The loss is EDM's (Hoogeboom et al. 2022), the L2 variant:
//
//	t > 0: ½·|eps - eps_hat|² / ((3+F)·N)      t = 0: ½·|eps_x - eps_hat_x|² / ((3+F)·N) - log p(h|z_0)
//
// averaged over atoms, so that a molecule counts by its size, as it does in the published code.
// With the loss vlb each term has its weight in the variational bound (see boundWeights), which
// then is estimated up to its constant terms, in nats per coordinate. The last batch of a size may
// be smaller than it is meant to be; it counts for as much less. A step whose loss is not finite
// changes no weights.
func (r *run) step(lr float64) outcome {
	b := r.next()
	defer r.team.do(func(_ int, s *torch.Scope) { s.Close() })
	grads, loss := r.gradients(b)
	grads, loss = r.shared(grads, loss)
	shards, norm := r.gather(grads)
	o := outcome{batch: b, molecules: b.molecules(), atoms: b.atoms(r.set), loss: loss, norm: norm}
	if o.finite() {
		r.update(shards, norm, lr)
	}
	return o
}

// batch is what one step is made of: molecules of one size, each with its time.
type batch struct {
	indices, times  []int
	epoch, position int    // where the order goes on after it
	made            *Batch // nil: the workers make it, each its part
}

func (b batch) molecules() int { return len(b.indices) }

// atoms is the number of atoms; set knows the size of the molecules.
func (b batch) atoms(set interface{ Size(int) int }) int {
	return len(b.indices) * set.Size(b.indices[0])
}

func (r *run) next() batch {
	if r.feed != nil {
		return <-r.feed.ready
	}
	return r.draw(r.progress.Step)
}

// draw takes the next batch of the order and draws its times.
func (r *run) draw(step int) batch {
	b := batch{indices: r.order.Next()}
	b.times = r.batcher.Times(len(b.indices), r.Seed, step, !r.UniformTimes, r.TimePower)
	for i, index := range b.indices {
		if r.Spans != nil {
			b.times[i] = r.Spans[r.set.SourceOf(index)].of(b.times[i], r.batcher.T())
		}
		b.times[i] = r.teacher.time(b.times[i], r.batcher.T())
	}
	b.epoch, b.position = r.order.Position()
	return b
}

// gradients is the gradient of the loss of this process's share of a batch, in parts that are to be
// summed, and its share of the loss. The batch is cut into equal shares for the processes, those
// for the parts that are accumulated one after the other, and those for the workers.
func (r *run) gradients(b batch) (grads []torch.Tensor, loss float64) {
	workers, atoms := r.team.size(), b.atoms(r.set)
	grads, losses := make([]torch.Tensor, workers), make([]float64, workers)
	for k := range r.Accumulate {
		r.team.doPure(func(w int, s *torch.Scope) {
			part := (r.world.Rank()*r.Accumulate+k)*workers + w
			made := r.part(b, part, r.world.Size()*r.Accumulate*workers)
			if made == nil {
				return
			}
			inner := &torch.Scope{Device: s.Device}
			defer inner.Close()
			total, value := r.objective(inner, made, b.molecules(), atoms)
			grads[w] = torch.Accumulate(s, grads[w], inner, r.params.Grad(inner, total))
			losses[w] += value
		})
	}
	for _, v := range losses {
		loss += v
	}
	return grads, loss
}

// objective is the loss of a part of a batch of so many molecules and atoms, and its share of the
// batch's value.
func (r *run) objective(s *torch.Scope, made *Batch, molecules,
	atoms int) (total torch.Tensor, value float64) {
	if r.isLatent() {
		return r.latentObjective(s, made, atoms)
	}
	weights := r.weights(made)
	errors, share := r.squaredError(s, r.params, made), 1/float64((3+r.Config.Features)*r.batchAtoms())
	total = torch.Weigh(s, errors, weights, 0.5*share)
	value = float64(torch.Float32s(total)[0]) * float64(r.batchAtoms()) / float64(atoms)
	for i, v := range made.LogPH {
		if weights != nil {
			v *= weights[i] / float64((3+r.Config.Features)*made.N)
		}
		value -= v / float64(molecules)
	}
	return total, value
}

// weights are those of the molecules' errors; nil where all are 1.
func (r *run) weights(b *Batch) []float64 {
	if r.Loss != lossVLB {
		return nil
	}
	return r.batcher.boundWeights(b.Times, r.TimePower)
}

// part is part i of n of a batch, noised; nil if it is empty.
func (r *run) part(b batch, i, n int) *Batch {
	if b.made != nil && n == 1 {
		return b.made
	}
	return r.cut(b, r.progress.Step, i, n)
}

// cut noises part i of n of the batch of a step; nil if it is empty.
func (r *run) cut(b batch, step, i, n int) *Batch {
	from, to := i*b.molecules()/n, (i+1)*b.molecules()/n
	if from == to {
		return nil
	}
	ids := make([]int, to-from)
	for k := range ids {
		ids[k] = from + k
	}
	return r.batcher.Make(b.indices[from:to], b.times[from:to], ids, r.Seed, step)
}

// gather sums the parts of a gradient, cut into shards for the workers, and gives its norm.
func (r *run) gather(grads []torch.Tensor) (shards [][]torch.Tensor, norm float64) {
	shards = make([][]torch.Tensor, r.team.size())
	squares := make([]float64, r.team.size())
	r.team.do(func(w int, s *torch.Scope) { shards[w], squares[w] = r.opt.Gather(s, grads, w) })
	for _, v := range squares {
		norm += v
	}
	return shards, math.Sqrt(norm)
}

// update clips the gradient to norm Clip, or to that of AdaptiveClip, and applies it.
func (r *run) update(shards [][]torch.Tensor, norm, lr float64) {
	scale, step := 1.0, r.progress.Step+1
	bound := r.Clip
	if r.AdaptiveClip {
		bound = r.progress.Norms.bound()
		r.progress.Norms = r.progress.Norms.then(norm)
	}
	if bound > 0 && norm > bound {
		scale = bound / (norm + 1e-6)
	}
	r.team.do(func(w int, s *torch.Scope) { r.opt.Apply(s, shards[w], w, scale, step, lr, r.emaDecay(step)) })
}

// squaredError is Σ|eps - eps_hat|² of each molecule, on x alone where t = 0: (B).
func (r *run) squaredError(s *torch.Scope, p *torch.Params, b *Batch) torch.Tensor {
	n, m, f := int64(b.B), int64(b.N), int64(r.Config.Features)
	in := torch.Input{B: n, N: m, X: s.Of(b.X, n, m, 3), H: s.Of(b.H, n, m, f), T: s.Of(b.T, n)}
	if r.Config.Variant != model.None {
		in.R0 = s.Of(b.R0, n, 3, 3)
	}
	if r.Config.Variant == model.Symdiff && r.Config.NoiseDims > 0 {
		in.Eta = s.Of(b.Eta, n, m, int64(r.Config.NoiseDims))
	}
	if b.Context != nil {
		in.Context = s.Of(b.Context, n, int64(r.Config.Context))
	}
	var mask torch.Tensor
	if b.Mask != nil {
		mask = s.Of(b.Mask, n, 1, 3+f)
	}
	target := s.Of(b.Eps, n, m, 3+f)
	switch {
	case r.teacher != nil:
		in, target = r.teacher.target(s, p, in, b)
	case b.Sign != nil:
		torch.NoGrad(func() {
			reference := r.reference(s, in, b.Anchored)
			target = torch.Extrapolate(s, reference, target, reference, b.Sign)
		})
	}
	return torch.SquaredError(s, torch.Forward(s, p, in), target, mask)
}

// reference is e_old of an NFT in its interval and e_anchor outside it: (B, N, 3+F).
func (r *run) reference(s *torch.Scope, in torch.Input, anchored []bool) torch.Tensor {
	if r.anchor == nil {
		return torch.Forward(s, r.old, in).Eps(s)
	}
	return torch.Choose(s, in, anchored, func(in torch.Input, anchored bool) torch.Tensor {
		p := r.old
		if anchored {
			p = r.anchor
		}
		return torch.Forward(s, p, in).Eps(s)
	})
}

// shared sums gradient and loss over all processes.
func (r *run) shared(grads []torch.Tensor, loss float64) ([]torch.Tensor, float64) {
	if r.world.Size() == 1 {
		return grads, loss
	}
	flat := torch.Sum(grads, r.params.Size)
	r.world.Sum(flat)
	total := []float64{loss}
	r.world.Sum64(total)
	shared := make([]torch.Tensor, len(grads))
	r.team.do(func(w int, s *torch.Scope) {
		if w == 0 {
			shared[0] = s.Of(flat, int64(len(flat)))
		}
	})
	return shared, total[0]
}
