//go:build torch

package train

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"symdiff/core/model"
	"symdiff/trainer/dataset"
	"symdiff/trainer/torch"
)

// Interrupted is what Run returns after a cancel; the checkpoint is written.
type Interrupted struct{ Checkpoint string }

func (e *Interrupted) Error() string {
	return "interrupted; go on with --resume " + e.Checkpoint
}

// ExitCode is a shell's for an interrupted program.
func (e *Interrupted) ExitCode() int { return 130 }

// Run trains until the end that the options set, or until ctx is cancelled. status gets lines for people, and terminal tells
// whether it is one.
func Run(ctx context.Context, o Options, status io.Writer, terminal bool) (err error) {
	if failure := guarded(func() { err = begin(ctx, o, status, terminal) }); failure != nil {
		return failure
	}
	return err
}

// guarded runs f and returns what libtorch refused, such as too much memory, which arrives as a panic with a message and a stack.
func guarded(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			failure, ok := v.(error)
			if !ok || !strings.Contains(failure.Error(), "Libtorch API Error: ") {
				panic(v)
			}
			_, message, _ := strings.Cut(failure.Error(), "Libtorch API Error: ")
			line, _, _ := strings.Cut(message, "\n")
			err = fmt.Errorf("libtorch: %s", line)
		}
	}()
	f()
	return nil
}

func begin(ctx context.Context, o Options, status io.Writer, terminal bool) error {
	var resumed *Checkpoint
	if o.Resume != "" {
		c, err := ReadCheckpoint(o.Resume)
		if err != nil {
			return err
		}
		resumed = c
	}
	if err := o.Validate(); err != nil {
		return err
	}
	r, err := newRun(o, resumed, status, terminal)
	if err != nil {
		return err
	}
	defer r.team.close()
	err = r.loop(ctx)
	if cerr := r.log.close(); err == nil {
		err = cerr
	}
	return err
}

// run is the state of a training run.
type run struct {
	Options
	progress   Progress
	provenance Provenance
	meta       model.Meta

	batcher, valBatcher *Batcher
	order               *dataset.Order
	set, val            *dataset.Set
	params, emaParams   *torch.Params
	opt                 *torch.AdamW
	team                *team

	warning    string // about what was resumed
	log        *runLog
	checkpoint string
	started    time.Time
	before     float64 // seconds of earlier parts
}

// valSeed is the seed of the validation noise: the same for every run, so that losses compare.
const valSeed = 0x5EED

func newRun(o Options, resumed *Checkpoint, status io.Writer, terminal bool) (*run, error) {
	device, ok := torch.ParseDevice(o.Device)
	if !ok {
		return nil, fmt.Errorf("--device: %q, want cpu, cuda or cuda:N", o.Device)
	}
	if device.IsCuda() && torch.CUDADevices() == 0 {
		return nil, fmt.Errorf("--device: %s, but this libtorch sees no CUDA device", o.Device)
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return nil, err
	}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	torch.Setup(1)
	r := &run{Options: o, meta: o.Meta(), checkpoint: filepath.Join(o.Out, "checkpoint.safetensors")}
	if _, err := os.Stat(r.checkpoint); err == nil && resumed == nil {
		return nil, fmt.Errorf("%s is there already: --resume %s goes on with it, or choose another --out", r.checkpoint, o.Out)
	}
	var err error
	if r.set, err = dataset.Load(o.Data, o.elements(), o.Limit); err != nil {
		return nil, err
	}
	if len(o.Val) > 0 && o.ValMolecules > 0 {
		if r.val, err = dataset.Load(o.Val, o.elements(), o.ValMolecules); err != nil {
			return nil, err
		}
		if r.valBatcher, err = NewBatcher(r.val, o.Config, r.meta, false); err != nil {
			return nil, err
		}
	}
	r.meta.Histogram = r.set.Histogram()
	if r.batcher, err = NewBatcher(r.set, o.Config, r.meta, o.Augment); err != nil {
		return nil, err
	}
	r.params = torch.NewParams(o.Config, device, o.BF16)
	r.emaParams = torch.NewParams(o.Config, device, o.BF16)
	r.provenance = Provenance{Command: o.Command, Seed: o.Seed, Data: r.set.Sources, Molecules: r.set.Len(), EMA: o.EMA}
	if r.val != nil {
		r.provenance.Val, r.provenance.ValMolecules = r.val.Sources, r.val.Len()
	}
	if resumed != nil {
		if resumed.Config != o.Config {
			return nil, fmt.Errorf("--resume %s: its model is %+v, asked for is %+v", o.Resume, resumed.Config, o.Config)
		}
		r.params.Set(resumed.Buffers[bufParam])
	} else {
		flat := torch.Init(o.Config, o.Seed, o.DistanceGrid)
		if o.Init != "" {
			if r.warning, err = initFrom(o.Init, o.Config, flat); err != nil {
				return nil, err
			}
		}
		r.params.Set(flat)
	}
	workers := o.Threads
	if device.IsCuda() {
		workers = 1
	}
	r.opt = torch.NewAdamW(r.params, o.AMSGrad, workers)
	r.opt.WeightDecay = o.WeightDecay
	r.team = newTeam(workers, device)
	if resumed != nil {
		r.opt.Load(r.opt.EMA, resumed.Buffers[bufEMA])
		r.opt.Load(r.opt.M, resumed.Buffers[bufM])
		r.opt.Load(r.opt.V, resumed.Buffers[bufV])
		if o.AMSGrad {
			if resumed.Buffers[bufVMax] == nil {
				return nil, fmt.Errorf("--resume %s: it was not trained with --amsgrad", o.Resume)
			}
			r.opt.Load(r.opt.VMax, resumed.Buffers[bufVMax])
		}
		r.progress = resumed.Progress
		r.provenance.Command = resumed.Provenance.Command + " && " + o.Command
		r.progress.Done = false
		r.warning = changedData(resumed.Provenance.Data, r.set.Sources)
		r.provenance.History = resumed.Provenance.History
		r.before = resumed.Progress.Seconds
	}
	if r.order, err = dataset.NewOrder(r.set, o.BatchAtoms, o.Seed, r.progress.Epoch, r.progress.Position); err != nil {
		return nil, err
	}
	if r.log, err = openLog(filepath.Join(o.Out, "log.jsonl"), status, terminal); err != nil {
		return nil, err
	}
	return r, nil
}

// changedData tells if a resumed run reads other molecules than before; empty if not.
func changedData(before, now []dataset.Source) string {
	same := slices.EqualFunc(before, now, func(a, b dataset.Source) bool {
		return a.SHA256 == b.SHA256 && a.Filter == b.Filter && a.Molecules == b.Molecules
	})
	if same {
		return ""
	}
	return "the training data are not those of the run that is resumed: it goes on with the new ones"
}

// elapsed is the time spent training, over all resumes.
func (r *run) elapsed() time.Duration {
	return time.Since(r.started) + time.Duration(r.before*float64(time.Second))
}

// share is the share of the run that is done.
func (r *run) share() float64 {
	return r.Options.progress(r.progress.Step, r.progress.Epochs, r.elapsed())
}

// stats are sums since the last line of the log.
type stats struct {
	loss, norm       float64
	atoms, molecules int
	steps            int
	since            time.Time
}

func (r *run) loop(ctx context.Context) error {
	r.started = time.Now()
	r.log.note("%s with %d parameters on %d molecules (%d atoms), %d batches an epoch, %d threads", r.Config.Variant, r.params.Size,
		r.set.Len(), r.set.Atoms(), r.order.BatchesPerEpoch(), r.team.size())
	if r.warning != "" {
		r.log.note("%s", r.warning)
	}
	start := r.entry("start")
	start.Time, start.Params, start.Options = round(r.before, 100), r.params.Size, &r.Options
	if err := r.log.write(start); err != nil {
		return err
	}
	lastSave := time.Now()
	st := stats{since: time.Now()}
	var lastLoss, valLoss, speed float64
	for r.share() < 1 {
		if err := ctx.Err(); err != nil {
			return r.stop(&Interrupted{r.checkpoint})
		}
		share := r.share()
		lr := r.rate(r.progress.Step+1, share)
		molecules, atoms, loss, norm := r.step(lr)
		if !finite(loss) || !finite(norm) {
			return fmt.Errorf("step %d: the loss is %g and the norm of its gradient %g; the last good state is %s (try a smaller --lr)",
				r.progress.Step+1, loss, norm, r.checkpoint)
		}
		r.progress.Step++
		r.progress.Epoch, r.progress.Position = r.order.Position()
		r.progress.Epochs = float64(r.progress.Epoch) + float64(r.progress.Position)/float64(r.order.BatchesPerEpoch())
		st.loss += loss * float64(atoms)
		st.atoms += atoms
		st.molecules += molecules
		st.norm += norm
		st.steps++
		now := time.Now()
		if r.progress.Step%r.LogEvery == 0 {
			lastLoss, speed = st.loss/float64(st.atoms), float64(st.molecules)/now.Sub(st.since).Seconds()
			loss, norm, rate, perS := round(lastLoss, 1e6), round(st.norm/float64(st.steps), 1e6), round(lr, 1e9), round(speed, 10)
			e := r.entry("train")
			e.Loss, e.GradNorm, e.LR, e.MolPerS = &loss, &norm, &rate, &perS
			e.MemoryMB = residentMB()
			if err := r.log.write(e); err != nil {
				return err
			}
			st = stats{since: now}
		}
		if r.val != nil && r.ValEvery > 0 && r.progress.Step%r.ValEvery == 0 {
			v, err := r.validate()
			if err != nil {
				return err
			}
			valLoss = v
			st.since = st.since.Add(time.Since(now)) // not part of the speed
		}
		if r.CheckpointEvery > 0 && time.Since(lastSave) >= time.Duration(r.CheckpointEvery) {
			if err := r.save(); err != nil {
				return err
			}
			lastSave = time.Now()
		}
		if speed == 0 {
			continue // nothing to tell before the first line of the log
		}
		r.log.progress(now, func() string {
			s := fmt.Sprintf("step %d  epoch %.2f  loss %.4f  lr %.1e  %.0f mol/s  %.0f%%  %s left", r.progress.Step, r.progress.Epochs,
				lastLoss, lr, speed, 100*share, remaining(share, r.elapsed()))
			if valLoss > 0 {
				s += fmt.Sprintf("  val %.4f", valLoss)
			}
			return s
		})
	}
	r.progress.Done = true
	if h := r.provenance.History; r.val != nil && (len(h) == 0 || h[len(h)-1].Step != r.progress.Step) {
		if _, err := r.validate(); err != nil {
			return err
		}
	}
	return r.stop(nil)
}

func (r *run) entry(event string) entry {
	return entry{Event: event, Step: r.progress.Step, Epoch: round(r.progress.Epochs, 1e4), Time: round(r.elapsed().Seconds(), 100)}
}

// saved is an entry with the time that the last checkpoint holds, from which a resumed run goes on.
func (r *run) saved(event string) entry {
	e := r.entry(event)
	e.Time = round(r.progress.Seconds, 100)
	return e
}

func round(v, per float64) float64 { return math.Round(v*per) / per }

// stop saves and ends the run with the given error.
func (r *run) stop(reason error) error {
	if err := r.save(); err != nil {
		return err
	}
	e := r.saved("end")
	if reason != nil {
		e.Reason = reason.Error()
	}
	if err := r.log.write(e); err != nil {
		return err
	}
	if reason == nil {
		r.log.note("done after %d steps, %.2f epochs, %s: %s", r.progress.Step, r.progress.Epochs, r.elapsed().Round(time.Second), r.checkpoint)
	}
	return reason
}

// step is one step of training. The loss is EDM's (Hoogeboom et al. 2022), the L2 variant:
//
//	t > 0: ½·|eps - eps_hat|² / ((3+F)·N)      t = 0: ½·|eps_x - eps_hat_x|² / ((3+F)·N) - log p(h|z_0)
//
// averaged over atoms, so that a molecule counts by its size, as it does in the published code. The last batch of a size may be
// smaller than BatchAtoms; it counts for as much less. Each worker takes an equal share of the molecules, then of the parameters.
func (r *run) step(lr float64) (molecules, atoms int, loss, norm float64) {
	indices := r.order.Next()
	times := r.batcher.Times(len(indices), r.Seed, r.progress.Step, !r.UniformTimes, r.TimePower)
	molecules, atoms = len(indices), len(indices)*r.set.Size(indices[0])
	factor := 0.5 / float64((3+r.Config.Features)*r.BatchAtoms)
	workers := r.team.size()
	grads, shards := make([]torch.Tensor, workers), make([][]torch.Tensor, workers)
	losses, squares := make([]float64, workers), make([]float64, workers)
	defer r.team.do(func(_ int, s *torch.Scope) { s.Close() })
	r.team.doPure(func(w int, s *torch.Scope) {
		from, to := w*molecules/workers, (w+1)*molecules/workers
		if from == to {
			return
		}
		ids := make([]int, to-from)
		for i := range ids {
			ids[i] = from + i
		}
		b := r.batcher.Make(indices[from:to], times[from:to], ids, r.Seed, r.progress.Step)
		total := torch.Weigh(s, r.squaredError(s, r.params, b), factor)
		grads[w] = r.params.Grad(s, total)
		losses[w] = float64(torch.Float32s(total)[0]) * float64(r.BatchAtoms) / float64(atoms)
		for _, v := range b.LogPH {
			losses[w] -= v / float64(molecules)
		}
	})
	r.team.do(func(w int, s *torch.Scope) { shards[w], squares[w] = r.opt.Gather(s, grads, w) })
	for w := range workers {
		loss += losses[w]
		norm += squares[w]
	}
	norm = math.Sqrt(norm)
	if !finite(loss) || !finite(norm) {
		return molecules, atoms, loss, norm
	}
	scale, step := 1.0, r.progress.Step+1
	if r.Clip > 0 && norm > r.Clip {
		scale = r.Clip / (norm + 1e-6)
	}
	r.team.do(func(w int, s *torch.Scope) { r.opt.Apply(s, shards[w], w, scale, step, lr, r.emaDecay(step)) })
	return molecules, atoms, loss, norm
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

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
	var mask torch.Tensor
	if b.Mask != nil {
		mask = s.Of(b.Mask, n, 1, 3+f)
	}
	return torch.SquaredError(s, torch.Forward(s, p, in), s.Of(b.Eps, n, m, 3+f), mask)
}

// validate is the mean over the held-out molecules of |eps - eps_hat|² per coordinate, with the EMA weights and with noise and
// times that depend on nothing but the molecule's number: t runs evenly over {1..T}.
func (r *run) validate() (float64, error) {
	torch.NoGrad(func() { r.emaParams.Flat.Copy_(r.opt.EMA) })
	r.emaParams.Refresh()
	T := r.valBatcher.sched.T()
	times, errors := make([]int, r.val.Len()), make([]float64, r.val.Len())
	for i := range times {
		_, u := math.Modf(float64(i) * (math.Sqrt(5) - 1) / 2) // the golden ratio's multiples are spread evenly
		times[i] = 1 + int(u*float64(T))
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
				for i, e := range torch.Float32s(r.squaredError(s, r.emaParams, b)) {
					errors[indices[i]] = float64(e) / float64(b.N*(3+r.Config.Features))
				}
			})
			s.Close()
		}
	})
	var sum, count [10]float64
	for i, e := range errors {
		k := (times[i] - 1) * 10 / T
		sum[k] += e
		count[k]++
	}
	total, n := 0.0, 0.0
	byTime := make([]float64, len(sum))
	for k := range sum {
		total, n = total+sum[k], n+count[k]
		if count[k] > 0 {
			byTime[k] = round(sum[k]/count[k], 1e6)
		}
	}
	loss := round(total/n, 1e6)
	e := r.entry("val")
	e.ValLoss, e.ByTime = &loss, byTime
	r.provenance.ValLoss, r.provenance.ValLossByTime = loss, byTime
	h := append(r.provenance.History, Validation{Step: r.progress.Step, Epochs: e.Epoch, Seconds: e.Time, Loss: loss})
	r.provenance.History = h[max(0, len(h)-historyTail):]
	return loss, r.log.write(e)
}

// save writes the checkpoint.
func (r *run) save() error {
	r.progress.Seconds = r.elapsed().Seconds()
	p := r.provenance
	p.Steps, p.Epochs, p.Hours, p.Finished = r.progress.Step, round(r.progress.Epochs, 1e4), round(r.progress.Seconds/3600, 1e4), r.progress.Done
	c := &Checkpoint{Config: r.Config, Meta: r.meta, Options: r.Options, Progress: r.progress, Provenance: p, Buffers: map[string][]float32{
		bufParam: torch.Float32s(r.params.Flat), bufEMA: torch.Float32s(r.opt.EMA), bufM: torch.Float32s(r.opt.M), bufV: torch.Float32s(r.opt.V),
	}}
	if r.AMSGrad {
		c.Buffers[bufVMax] = torch.Float32s(r.opt.VMax)
	}
	if err := c.Write(r.checkpoint); err != nil {
		return err
	}
	return r.log.write(r.saved("checkpoint"))
}
