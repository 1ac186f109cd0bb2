//go:build torch

package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/sugarme/gotch"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// Result is what a run has come to.
type Result struct {
	Checkpoint string  `json:"checkpoint"`
	Step       int     `json:"step"`
	Epochs     float64 `json:"epochs"`
	Seconds    float64 `json:"seconds"`
	Finished   bool    `json:"finished"`
	ValLoss    float64 `json:"val_loss,omitempty"`
	Best       float64 `json:"best_val_loss,omitempty"`
}

func (r *Result) String() string {
	s := fmt.Sprintf("%s: step %d, %.2f epochs, %v", r.Checkpoint, r.Step, r.Epochs,
		time.Duration(r.Seconds*float64(time.Second)).Round(time.Second))
	if r.ValLoss != 0 {
		s += fmt.Sprintf(", validation loss %.4f", r.ValLoss)
	}
	return s
}

// Run trains until the end that the options set, or until ctx is cancelled. status gets lines for
// people, or nothing if it is nil, and terminal tells whether it is one. The result is nil where
// nothing was saved, as in all processes of a job but the first.
func Run(ctx context.Context, o Options, status io.Writer,
	terminal bool) (result *Result, err error) {
	if failure := guarded(func() { result, err = begin(ctx, o, status, terminal) }); failure != nil {
		return nil, failure
	}
	return result, err
}

// begin trains in the world of the processes that take part.
func begin(ctx context.Context, o Options, status io.Writer, terminal bool) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	world, err := mpi.Join()
	if err != nil {
		return nil, err
	}
	if world.Rank() > 0 {
		status = nil
	}
	r, err := newRun(o, world, status, terminal)
	if err != nil {
		return nil, err
	}
	defer r.team.close()
	if r.feed != nil {
		defer r.feed.close()
	}
	err = r.loop(ctx)
	if cerr := r.log.close(); err == nil {
		err = cerr
	}
	if r.unlock != nil {
		err = errors.Join(err, r.unlock())
	}
	_, interrupted := errors.AsType[*Interrupted](err)
	if err != nil && !interrupted {
		return nil, err // without Leave: mpirun ends the others when this process ends
	}
	world.Leave()
	if !r.leads() {
		return nil, err
	}
	p := r.progress
	return &Result{r.path(checkpointName), p.Step, round(p.Epochs, 1e4), round(p.Seconds, 100), p.Done,
		r.provenance.ValLoss, p.Best}, err
}

// run is the state of a training run.
type run struct {
	Options
	progress   Progress
	provenance Provenance
	meta       encoding.Meta

	batcher, valBatcher *Batcher
	order               *dataset.Order
	feed                *feed // nil: each step makes its own batch
	set, val            *dataset.Set
	params, emaParams   *torch.Params
	teacher             *teacher      // nil: the target is the noise
	old, anchor         *torch.Params // of an NFT, else nil; anchor is nil where it is old
	opt                 *torch.Optimiser
	team                *team
	workers             int // of the team
	perEpoch            int // batches
	world               *mpi.World

	warnings []string // about what was resumed, and how it runs
	status   io.Writer
	terminal bool // status is one
	log      *runLog
	unlock   func() error
	started  time.Time
	before   float64 // seconds of earlier parts
}

// path is a file of the run's folder.
func (r *run) path(name string) string { return filepath.Join(r.Out, name) }

// leads tells whether this process is the one that writes files.
func (r *run) leads() bool { return r.world.Rank() == 0 }

// batchAtoms is the number of atoms of a step, over all processes.
func (r *run) batchAtoms() int { return r.BatchAtoms * r.Accumulate * r.world.Size() }

func newRun(o Options, world *mpi.World, status io.Writer, terminal bool) (_ *run, err error) {
	device, err := o.device()
	if err != nil {
		return nil, err
	}
	r := &run{Options: o, world: world, meta: o.Meta(), status: status, terminal: terminal}
	r.setup(device)
	if o.BF16 && !torch.FastBF16(device) {
		r.warnings = append(r.warnings, "bf16: this processor has no AVX-512, so products are in float32")
	}
	resumed, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && r.unlock != nil {
			err = errors.Join(err, r.unlock())
		}
	}()
	if r.teacher, err = loadTeacher(o, device); err != nil {
		return nil, err
	}
	if c := o.NFT; c != nil {
		if r.old, r.meta.Context, err = loadParams("--init", c.Old, o, device); err != nil {
			return nil, err
		}
		if c.Anchor != c.Old {
			if r.anchor, _, err = loadParams("--init", c.Anchor, o, device); err != nil {
				return nil, err
			}
		}
	}
	switch { // that gives the scales of the condition
	case resumed != nil:
		r.meta.Context = resumed.Meta.Context
	case r.teacher != nil:
		r.meta.Context = r.teacher.context
	}
	if r.StudentSteps > 0 {
		r.meta.Sampling = FewSteps(r.StudentSteps)
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	r.params, r.emaParams = r.newParams(device), r.newParams(device)
	if resumed == nil {
		err = r.initialise()
	} else {
		err = r.compatible(resumed)
	}
	if err != nil {
		return nil, err
	}
	if resumed != nil {
		r.params.Set(resumed.Buffers[bufParam])
	}
	r.opt = torch.NewOptimiser(r.params, o.AMSGrad, o.Muon, r.workers)
	r.opt.WeightDecay = o.WeightDecay
	if resumed != nil {
		r.restore(resumed)
	}
	if r.order, err = dataset.NewOrder(r.set, r.batchAtoms(), o.Seed, r.progress.Epoch,
		r.progress.Position); err != nil {
		return nil, fmt.Errorf("--resume %s: %w; --init starts a new run from its weights", r.Resume, err)
	}
	if err := r.alike(); err != nil {
		return nil, err
	}
	r.perEpoch = r.order.BatchesPerEpoch()
	r.team = newTeam(r.workers, device)
	if device.IsCuda() && world.Size() == 1 && r.Accumulate == 1 {
		r.feed = newFeed(r)
	}
	return r, nil
}

// device reads --device, and sees to tf32.
func (o *Options) device() (gotch.Device, error) {
	if o.TF32 {
		torch.AllowTF32()
	}
	d, ok := torch.ParseDevice(o.Device)
	if !ok {
		return d, OptionError{fmt.Errorf("--device: %q, want cpu, cuda or cuda:N", o.Device)}
	}
	if d.IsCuda() && torch.CUDADevices() == 0 {
		return d, fmt.Errorf("--device: %s, but this libtorch sees no CUDA device", o.Device)
	}
	if o.TF32 && !torch.RoundsToTF32(d) {
		return d, errors.New("tf32: this device, or this libtorch, multiplies in float32 all the same")
	}
	return d, nil
}

// setup decides how many workers there are, and binds the goroutine to its thread.
func (r *run) setup(device gotch.Device) {
	torch.Setup(1)
	if r.Threads == 0 {
		r.Threads = max(1, runtime.NumCPU()/r.world.Size())
	}
	r.workers = r.Threads
	if device.IsCuda() {
		r.workers = 1
	}
}

func (r *run) newParams(device gotch.Device) *torch.Params {
	if r.isLatent() {
		p := torch.NewLatentParams(r.Latent.Config, device, r.BF16)
		if _, frozen := trainedParts(r.Stage()); frozen != nil {
			p.Freeze(frozen...)
		}
		return p
	}
	if r.Network == NetworkEGNN {
		return torch.NewEGNNParams(r.EGNN, device)
	}
	return torch.NewParams(r.Config, device, r.BF16)
}

// enter takes the run's folder and reads what is to go on.
func (r *run) enter() (resumed *Checkpoint, err error) {
	if r.leads() { // before the state is read, which another run may be about to replace
		if err := os.MkdirAll(r.Out, 0o777); err != nil {
			return nil, err
		}
		if r.unlock, err = lock(r.Out); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, r.unlock())
			}
		}()
	}
	warning := ""
	if r.Resume != "" {
		if resumed, warning, err = ResumeCheckpoint(r.Resume); err != nil {
			return nil, err
		}
		if warning != "" {
			r.warnings = append(r.warnings, warning)
		}
	}
	if !r.leads() {
		return resumed, nil
	}
	if exists(r.path(checkpointName)) && resumed == nil {
		return nil, fmt.Errorf("%s is there already: --resume %s goes on with it, or choose another --out",
			r.path(checkpointName), r.Out)
	}
	if err := tidy(r.Out, warning != ""); err != nil {
		return nil, err
	}
	newest := warning == "" && CheckpointPath(filepath.Clean(r.Resume)) == r.path(checkpointName)
	if resumed != nil && newest && resumed.isBest() {
		err = r.keepBest() // a kill may have come between the checkpoint and its second name
	}
	return resumed, err
}

// load reads the molecules.
func (r *run) load() (err error) {
	if r.set, err = r.Reader.Load(r.Data, r.elements(), r.Limit); err != nil {
		return err
	}
	r.meta.Histogram, r.meta.Moments = r.set.Histogram(), r.set.Moments(r.meta)
	if slices.Contains(r.Options.Condition, Types) {
		r.meta.Compositions = r.set.Compositions()
	}
	if r.isLatent() {
		r.meta.Moments = nil // those of atoms, not of latents
	}
	r.provenance = Provenance{Command: r.Command, Seed: r.Seed, Data: r.set.Sources,
		Molecules: r.set.Len(), EMA: r.EMA}
	values, err := r.values(r.set, r.Data, r.Limit)
	if err != nil {
		return err
	}
	if r.batcher, err = newBatcher(r.set, r.Config, r.meta, r.Augment); err != nil {
		return err
	}
	r.batcher.Latents(r.Latent.Size)
	r.batcher.Condition(values, r.Dropout)
	r.batcher.Fragments(r.Options.Fragments)
	if c := r.Options.NFT; c != nil {
		s, err := c.signs(r.set.Sources[0].Molecules)
		if err != nil {
			return err
		}
		r.batcher.signs = &s
	}
	if len(r.Val) == 0 || r.ValMolecules == 0 {
		return nil
	}
	if r.val, err = r.Reader.Load(r.Val, r.elements(), r.ValMolecules); err != nil {
		return err
	}
	r.provenance.Val, r.provenance.ValMolecules = r.val.Sources, r.val.Len()
	if values, err = r.values(r.val, r.Val, r.ValMolecules); err != nil {
		return err
	}
	if r.valBatcher, err = newBatcher(r.val, r.Config, r.meta, false); err != nil {
		return err
	}
	r.valBatcher.Latents(r.Latent.Size)
	r.valBatcher.Condition(values, 0)
	return nil
}

// values are those of the condition, of the molecules of a set and of the files that it was loaded
// from, in the order of Options.Condition; the first ones that are read, or those of the run that
// is resumed, set the scale.
func (r *run) values(set *dataset.Set, names []string, limit int) (all [][]float32, err error) {
	for _, property := range r.Options.Condition {
		if property == Types { // known of every molecule
			all = append(all, make([]float32, set.Len()))
			continue
		}
		v, err := r.Reader.Values(names, property, limit)
		if err != nil {
			return nil, fmt.Errorf("condition: %w", err)
		}
		all = append(all, v)
	}
	if len(r.meta.Context) > 0 {
		return all, nil
	}
	for k, name := range r.Condition {
		q, err := quantity(name, all[k])
		if err != nil {
			return nil, fmt.Errorf("condition: %w", err)
		}
		r.meta.Context = append(r.meta.Context, q)
	}
	return all, nil
}

// initialise sets the weights that a new run starts from.
func (r *run) initialise() error {
	var flat []float32
	switch {
	case r.isLatent():
		flat = torch.InitLatent(r.Latent.Config, r.Seed, r.DistanceGrid)
	case r.Network == NetworkEGNN:
		flat = torch.InitEGNN(r.EGNN, r.Seed)
	default:
		flat = torch.Init(r.Config, r.Seed, r.DistanceGrid)
	}
	if r.Init != "" {
		note, err := initFrom(r.Init, &r.Options, flat)
		if err != nil {
			return err
		}
		r.warnings = append(r.warnings, note)
	}
	r.params.Set(flat)
	return nil
}

// compatible checks that the run can go on from a checkpoint.
func (r *run) compatible(c *Checkpoint) error {
	switch {
	case !c.Options.sameNetwork(&r.Options):
		return fmt.Errorf("--resume %s: its model is %s, asked for is %s", r.Resume,
			c.Options.describeNetwork(), r.describeNetwork())
	case r.AMSGrad && c.Buffers[bufVMax] == nil:
		return fmt.Errorf("--resume %s: it was not trained with amsgrad", r.Resume)
	case r.Muon != c.Options.Muon:
		return fmt.Errorf("--resume %s: muon cannot change within a run; start a new one with --init",
			r.Resume)
	case c.Progress.BatchAtoms != 0 && c.Progress.Position > 0 &&
		c.Progress.BatchAtoms != r.batchAtoms():
		return fmt.Errorf("--resume %s: its batches are of %d atoms over all processes and parts, "+
			"asked for are %d; within an epoch that cannot change (no such position)",
			r.Resume, c.Progress.BatchAtoms, r.batchAtoms())
	}
	said := changed(c.Options.settled(), r.settled())
	if said == "" {
		said = changedData("data", c.Provenance.Data, r.provenance.Data)
	}
	if said == "" {
		said = changedData("val", c.Provenance.Val, r.provenance.Val)
	}
	if said != "" {
		return fmt.Errorf("--resume %s: %s; --init starts a new run from its weights", r.Resume, said)
	}
	return nil
}

// alike compares this process with the first of its job.
func (r *run) alike() error {
	if r.world.Size() == 1 {
		return nil
	}
	list := r.fingerprint(r.provenance.Data, r.provenance.Val, r.progress)
	mine := numbers(list)
	first := slices.Clone(mine)
	r.world.First(first)
	if said := disagreement(list, mine, first); said != "" {
		return fmt.Errorf("process %d of %d has another %s than process 0: all processes of a job "+
			"train on the same data with the same options",
			r.world.Rank(), r.world.Size(), said)
	}
	return nil
}

// restore takes over the state of a checkpoint.
func (r *run) restore(c *Checkpoint) {
	r.opt.Load(r.opt.EMA, c.Buffers[bufEMA])
	r.opt.Load(r.opt.M, c.Buffers[bufM])
	r.opt.Load(r.opt.V, c.Buffers[bufV])
	if r.AMSGrad {
		r.opt.Load(r.opt.VMax, c.Buffers[bufVMax])
	}
	r.progress = c.Progress
	r.progress.Done = false
	r.before = c.Progress.Seconds
	r.provenance.Command = c.Provenance.Command + " && " + r.Command
	r.provenance.History = c.Provenance.History
	r.provenance.ValLoss, r.provenance.ValLossByTime = c.Provenance.ValLoss, c.Provenance.ValLossByTime
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
	if err := r.openLog(); err != nil {
		return err
	}
	lastSave := time.Now()
	st := stats{since: time.Now()}
	var lastLoss, speed float64
	for {
		share, cancelled, paused := r.agree(ctx)
		if cancelled {
			return r.stop(&Interrupted{r.path(checkpointName)})
		}
		if paused {
			return r.stop(nil)
		}
		if share >= 1 {
			break
		}
		lr := r.rate(r.progress.Step+1, share)
		o := r.step(lr)
		if !o.finite() {
			return r.notFinite(o)
		}
		r.advance(o.batch)
		st.add(o)
		now := time.Now()
		if r.progress.Step%r.LogEvery == 0 {
			lastLoss, speed = st.loss/float64(st.atoms), float64(st.molecules)/now.Sub(st.since).Seconds()
			r.log.write(r.trained(st, lr, lastLoss, speed))
			st = stats{since: now}
		}
		if r.val != nil && r.ValEvery > 0 && r.progress.Step%r.ValEvery == 0 && r.leads() {
			if err := r.validate(); err != nil {
				return err
			}
			r.sample(ctx)
			st.since = st.since.Add(time.Since(now)) // not part of the speed
		}
		if r.CheckpointEvery > 0 && time.Since(lastSave) >= time.Duration(r.CheckpointEvery) {
			lastSave = time.Now()
			if err := r.save(); err != nil {
				r.log.note("no checkpoint written, the next try is in %v: %v", time.Duration(r.CheckpointEvery),
					err)
			}
		}
		if speed == 0 {
			continue // nothing to say before the first line of the log
		}
		r.log.progress(now, func() string { return r.line(share, lastLoss, lr, speed) })
	}
	r.progress.Done = true
	if h := r.provenance.History; r.val != nil && r.leads() &&
		(len(h) == 0 || h[len(h)-1].Step != r.progress.Step) {
		if err := r.validate(); err != nil {
			return err
		}
		r.sample(ctx)
	}
	return r.stop(nil)
}

// openLog starts the log.
func (r *run) openLog() (err error) {
	folder := r.Out
	if !r.leads() {
		folder = ""
	}
	if r.log, err = openLog(folder, r.progress.Step, r.status, r.terminal); err != nil {
		return err
	}
	r.log.note("%s with %d parameters on %d molecules (%d atoms), %d batches an epoch, %d threads",
		r.VariantName(), r.params.Size,
		r.set.Len(), r.set.Atoms(), r.perEpoch, r.team.size())
	for _, w := range r.warnings {
		r.log.note("%s", w)
	}
	start := r.entry("start")
	start.Time, start.Params, start.Options = round(r.before, 100), r.params.Size, &r.Options
	r.log.write(start)
	return nil
}

// agree is how far the run is, whether it is to stop, and whether this part of it is over: the same
// in every process.
func (r *run) agree(ctx context.Context) (share float64, cancelled, paused bool) {
	stop := []float64{0}
	if ctx.Err() != nil {
		stop[0] = 1
	}
	clock := []float64{r.share(), 0}
	if r.StopAfter > 0 && time.Since(r.started) >= time.Duration(r.StopAfter) {
		clock[1] = 1
	}
	r.world.Sum64(stop)
	r.world.First(clock)
	return clock[0], stop[0] > 0, clock[1] > 0
}

// advance counts a step, of batch b.
func (r *run) advance(b batch) {
	r.progress.Step++
	r.progress.Epoch, r.progress.Position = b.epoch, b.position
	r.progress.Epochs = float64(r.progress.Epoch) + float64(r.progress.Position)/float64(r.perEpoch)
	r.progress.BatchAtoms = r.batchAtoms()
}

func (s *stats) add(o outcome) {
	s.loss += o.loss * float64(o.atoms)
	s.norm += o.norm
	s.atoms += o.atoms
	s.molecules += o.molecules
	s.steps++
}

// trained is the line of the log about the steps since the last one.
func (r *run) trained(st stats, lr, loss, speed float64) entry {
	e := r.entry("train")
	e.Loss, e.GradNorm = new(round(loss, 1e6)), new(round(st.norm/float64(st.steps), 1e6))
	e.LR, e.MolPerS, e.MemoryMB = new(round(lr, 1e9)), new(round(speed, 10)), residentMB()
	return e
}

// line says to a person how far the run is.
func (r *run) line(share, loss, lr, speed float64) string {
	s := fmt.Sprintf("step %d  epoch %.2f  loss %.4f  lr %.1e  %.0f mol/s  %.0f%%  %s left",
		r.progress.Step, r.progress.Epochs, loss, lr, speed, 100*share, remaining(share, r.elapsed()))
	if r.provenance.ValLoss != 0 {
		s += fmt.Sprintf("  val %.4f", r.provenance.ValLoss)
	}
	return s
}

func (r *run) entry(event string) entry {
	return entry{Event: event, Step: r.progress.Step, Epoch: round(r.progress.Epochs, 1e4),
		Time: round(r.elapsed().Seconds(), 100)}
}

// saved is an entry with the time that the last checkpoint holds, from which a resumed run goes on.
func (r *run) saved(event string) entry {
	e := r.entry(event)
	e.Time = round(r.progress.Seconds, 100)
	return e
}

// stop saves and ends the run with the given error.
func (r *run) stop(reason error) error {
	if err := r.save(); err != nil {
		return err
	}
	e := r.saved("end")
	if reason != nil {
		e.Reason = reason.Error()
	}
	r.log.write(e)
	if reason == nil {
		how := "done"
		if !r.progress.Done {
			how = "paused"
		}
		r.log.note("%s after %d steps, %.2f epochs, %s: %s", how, r.progress.Step, r.progress.Epochs,
			r.elapsed().Round(time.Second), r.path(checkpointName))
	}
	return reason
}

// save writes the checkpoint.
func (r *run) save() error {
	if !r.leads() {
		return nil
	}
	r.progress.Seconds = r.elapsed().Seconds()
	if err := r.state().Write(r.path(checkpointName)); err != nil {
		return err
	}
	r.log.write(r.saved("checkpoint"))
	return nil
}

// state is all that a run needs to go on.
func (r *run) state() *Checkpoint {
	p := r.provenance
	p.Steps, p.Epochs, p.Hours, p.Finished = r.progress.Step, round(r.progress.Epochs, 1e4),
		round(r.progress.Seconds/3600, 1e4), r.progress.Done
	c := &Checkpoint{Meta: r.meta, Options: r.Options, Progress: r.progress, Provenance: p,
		Buffers: map[string][]float32{
			bufParam: torch.Float32s(r.params.Flat), bufEMA: torch.Float32s(r.opt.EMA), bufM: torch.Float32s(r.opt.M),
			bufV: torch.Float32s(r.opt.V),
		}}
	if r.AMSGrad {
		c.Buffers[bufVMax] = torch.Float32s(r.opt.VMax)
	}
	return c
}

// saveBest keeps the state as the best one.
func (r *run) saveBest() error {
	if err := r.save(); err != nil {
		return err
	}
	return r.keepBest()
}

// keepBest gives the newest checkpoint the name of the best one too.
func (r *run) keepBest() error { return second(r.path(checkpointName), r.path(bestName)) }
