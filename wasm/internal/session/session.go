// Package session is what a worker of the page does, without JavaScript: it holds a
// model and the run in progress, takes its options as JSON and makes it step by step.
package session

import (
	"errors"
	"io"
	"strconv"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
)

// maxBatch bounds the memory of a run.
const maxBatch = 256

var (
	errNoModel = errors.New("no model is loaded")
	errNoRun   = errors.New("no run was started")
)

// Session is one model and the run in progress. Its zero value has neither.
type Session struct {
	model       *checkpoint.Network
	metadata    map[string]string
	defaults    sampler.Options
	sampler     *sampler.Sampler
	calibration *sampler.Calibration
	positions   []float32 // (atoms of the largest molecule, 3), Å
	scores      []float32 // (atoms, elements)
}

// Load reads a safetensors file of so many bytes and replaces the model. A run ends.
func (s *Session) Load(name string, file io.ReaderAt, size int64) error {
	*s = Session{}
	f, err := safetensors.New(name, file, size)
	if err != nil {
		return err
	}
	n, err := checkpoint.Load(f)
	if err != nil {
		return err
	}
	if s.defaults, err = (sampler.Options{}).For(n.Meta); err != nil {
		return errors.New(name + ": " + err.Error())
	}
	s.model, s.metadata = n, f.Metadata
	return nil
}

// Info is what a page needs to know of a model.
type Info struct {
	Network  *checkpoint.Network
	Defaults sampler.Options   // of a run that leaves them open: Method, TStart and Steps
	Metadata map[string]string // of the file
}

// Info describes the model that is loaded.
func (s *Session) Info() Info { return Info{s.model, s.defaults, s.metadata} }

// Size is that of a batch.
type Size struct {
	First    int   // index of the first molecule
	Atoms    []int // of each molecule
	Steps    int
	Elements int // of the types
}

// Start begins a run with the options of a JSON text (see sampler.Options).
func (s *Session) Start(options string) (Size, error) {
	if s.model == nil {
		return Size{}, errNoModel
	}
	var o sampler.Options
	if err := o.UnmarshalJSON([]byte(options)); err != nil {
		return Size{}, err
	}
	if o.N > maxBatch {
		return Size{}, &sampler.OptionError{
			Name:   "n",
			Value:  strconv.Itoa(o.N),
			Reason: "want at most " + strconv.Itoa(maxBatch) + " at a time",
		}
	}
	s.sampler = nil // its memory is free for the new one
	run, err := sampler.New(s.model.Network, s.model.Meta, o)
	if err != nil {
		return Size{}, err
	}
	size, largest := Size{
		First:    o.First,
		Steps:    run.Steps() - 1,
		Elements: len(run.Elements()),
	}, 0
	for i := range run.Len() {
		size.Atoms = append(size.Atoms, run.Atoms(i))
		largest = max(largest, run.Atoms(i))
	}
	s.sampler = run
	s.positions = make([]float32, 3*largest)
	s.scores = make([]float32, largest*size.Elements)
	return size, nil
}

// Step makes one step; the last also makes the evaluation that turns z_0 into the
// molecule. It returns how many steps are done, and whether all are.
func (s *Session) Step() (step int, done bool, err error) {
	if s.sampler == nil {
		return 0, false, errNoRun
	}
	if s.sampler.Done() {
		return 0, false, errors.New("the run is finished")
	}
	for again := true; again; {
		if err := s.sampler.Step(); err != nil {
			return 0, false, err
		}
		again = s.sampler.StepsDone() == s.sampler.Steps()-1
	}
	return s.steps(), s.sampler.Done(), nil
}

// steps counts those done, without the evaluation after them.
func (s *Session) steps() int { return min(s.sampler.StepsDone(), s.sampler.Steps()-1) }

// Frame is a molecule as it stands. Its slices are valid until the next call.
type Frame struct {
	Step      int
	Positions []float32 // (atoms, 3), Å
	Scores    []float32 // (atoms, elements) of the types
	Gamma     [9]float32
	Bonds     []molecule.Bond
}

// Frame returns where molecule i of the batch is now. Gamma is the matrix of the last
// network evaluation, by rows, zero before the first.
func (s *Session) Frame(i int) (Frame, error) {
	if err := s.check(i); err != nil {
		return Frame{}, err
	}
	atoms := s.sampler.Atoms(i)
	f := Frame{
		Step:      s.steps(),
		Positions: s.positions[:3*atoms],
		Scores:    s.scores[:atoms*len(s.sampler.Elements())],
	}
	s.sampler.Frame(i, f.Positions, f.Scores)
	for k, row := range s.sampler.Gamma(i) {
		for j, v := range row {
			f.Gamma[3*k+j] = float32(v)
		}
	}
	for _, b := range s.sampler.Molecule(i).ShownBonds() {
		if b.J < atoms { // hydrogens of united atoms are in frames where the types are given
			f.Bonds = append(f.Bonds, b)
		}
	}
	return f, nil
}

// Predicted is where the last network evaluation saw the atoms of molecule i,
// (atoms, 3) in Å, in the buffer of Frame's positions.
func (s *Session) Predicted(i int) ([]float32, error) {
	if err := s.check(i); err != nil {
		return nil, err
	}
	positions := s.positions[:3*s.sampler.Atoms(i)]
	s.sampler.Predicted(i, positions, nil)
	return positions, nil
}

// Result is molecule i when it is finished. sha256 is that of the weights, or empty;
// its first 16 digits travel with the molecule, beside the options.
func (s *Session) Result(i int, sha256 string) (*molecule.Molecule, error) {
	if err := s.check(i); err != nil {
		return nil, err
	}
	if !s.sampler.Done() {
		return nil, errors.New("the run is not finished")
	}
	if len(sha256) < 16 {
		return s.sampler.Result(i), nil
	}
	return s.sampler.Result(i, molecule.Property{Key: "model", Value: sha256[:16]}), nil
}

// check refuses a molecule that is not in the batch.
func (s *Session) check(i int) error {
	if s.sampler == nil {
		return errNoRun
	}
	if n := s.sampler.Len(); i < 0 || i >= n {
		return errors.New("molecule " + strconv.Itoa(i) + " of " + strconv.Itoa(n))
	}
	return nil
}

// Calibrate makes one step of finding the batch that is sampled fastest, of at most
// so many molecules; 0 goes on.
func (s *Session) Calibrate(most int) (done bool, best int, err error) {
	if s.model == nil {
		return false, 0, errNoModel
	}
	if most > 0 {
		s.calibration = sampler.NewCalibration(s.model.Network, s.model.Meta, most)
	}
	if s.calibration == nil {
		return false, 0, errNoRun
	}
	done, err = s.calibration.Step()
	return done, s.calibration.Best(), err
}
