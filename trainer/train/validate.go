//go:build torch

package train

import (
	"context"
	"math"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// validate is the mean over the held-out molecules of |eps - eps_hat|² per coordinate, with the EMA
// weights and with noise and times that depend on nothing but the molecule's number: t runs evenly
// over {1..T}, or over the grid of a student of few steps. Nothing of the condition is kept back.
// The state of the lowest one is kept.
func (r *run) validate() error {
	torch.NoGrad(func() { r.emaParams.Flat.Copy_(r.opt.EMA) })
	r.emaParams.Refresh()
	T := r.Timesteps
	times, errors := make([]int, r.val.Len()), make([]float64, r.val.Len())
	for i := range times {
		// the golden ratio's multiples are spread evenly
		_, u := math.Modf(float64(i) * (math.Sqrt(5) - 1) / 2)
		times[i] = r.teacher.time(1+int(u*float64(T)), T)
	}
	batches := r.val.Batches(r.BatchAtoms)
	r.team.do(func(w int, s *torch.Scope) {
		for k := w; k < len(batches); k += r.team.size() {
			indices := batches[k]
			at := make([]int, len(indices))
			for i, index := range indices {
				at[i] = times[index]
			}
			b := r.valBatcher.Make(indices, at, indices, valSeed, 0)
			torch.NoGrad(func() {
				if r.isLatent() {
					for i, e := range r.latentErrors(s, b) {
						errors[indices[i]] = e
					}
					return
				}
				squares := r.squaredError(s, r.emaParams, b)
				for i, e := range torch.Float32s(squares) {
					errors[indices[i]] = float64(e) / float64(b.coordinates(i))
				}
			})
			s.Close()
		}
	})
	losses := byTime(errors, times, T)
	n, total := float64(len(errors)), 0.0
	for _, e := range errors {
		total += e
	}
	loss := round(total/n, 1e6)
	if !finite(loss) { // no number that a file could hold
		r.log.note("step %d: the validation loss is %g; it is left out", r.progress.Step, loss)
		return nil
	}
	e := r.entry("val")
	e.ValLoss, e.ByTime = &loss, losses
	r.provenance.ValLoss, r.provenance.ValLossByTime = loss, losses
	if r.Network == "" && r.Config.Variant == model.Symdiff && r.val.Len() > 0 {
		var err error
		if e.Variance, err = r.state().inputVariance(r.val); err != nil {
			r.log.note("no variance of k's input: %v", err)
		}
	}
	h := append(r.provenance.History, Validation{Step: r.progress.Step, Epochs: e.Epoch,
		Seconds: e.Time, Loss: loss})
	r.provenance.History = h[max(0, len(h)-historyTail):]
	r.log.write(e)
	before := r.progress.Best
	if before != 0 && loss >= before {
		return nil
	}
	r.progress.Best = loss
	if err := r.saveBest(); err != nil {
		r.progress.Best = before // what is there is of that loss, and the next better one takes its place
		r.log.note("the best checkpoint so far could not be written: %v", err)
	}
	return nil
}

// byTime is the mean of values by tenths of their times in (0, T].
func byTime(values []float64, times []int, T int) []float64 {
	var sum, count [10]float64
	for i, e := range values {
		k := (times[i] - 1) * 10 / T
		sum[k] += e
		count[k]++
	}
	mean := make([]float64, len(sum))
	for k := range sum {
		if count[k] > 0 {
			mean[k] = round(sum[k]/count[k], 1e6)
		}
	}
	return mean
}

// sample measures molecules from the averaged weights, where that is asked for. What goes wrong is
// reported, and ends nothing.
func (r *run) sample(ctx context.Context) {
	if r.SampleMolecules == 0 {
		return
	}
	report, err := sampled(ctx, r.state(), r.SampleMolecules, r.Threads)
	if err != nil {
		if ctx.Err() == nil {
			r.log.note("no samples: %v", err)
		}
		return
	}
	e := r.entry("sample")
	e.Stable = &Stability{report.Molecules, round(report.StableAtoms, 1e4),
		round(report.StableMolecules, 1e4), round(report.Valid, 1e4)}
	r.log.write(e)
	r.log.note("step %d: of %d samples %.1f %% of atoms are stable, %.1f %% of molecules",
		r.progress.Step, report.Molecules, 100*report.StableAtoms, 100*report.StableMolecules)
}
