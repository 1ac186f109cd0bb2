package train

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/symdiff-go/symdiff/trainer/chart"
)

// Summary is what a run's folder says about it.
type Summary struct {
	Run        string  `json:"run"`
	Variant    string  `json:"variant"`
	Parameters int     `json:"parameters"`
	Step       int     `json:"step"`
	Epochs     float64 `json:"epochs"`
	Seconds    float64 `json:"seconds"`
	Finished   bool    `json:"finished"`
	ValLoss    float64 `json:"val_loss,omitempty"`
	Best       float64 `json:"best_val_loss,omitempty"`
}

// Summarise reads the newest checkpoint of a folder, or the log of a run that has none yet.
func Summarise(folder string) (*Summary, error) {
	name := filepath.Base(filepath.Clean(folder))
	c, err := ReadCheckpoint(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return summariseLog(folder, name)
	}
	if err != nil {
		return nil, err
	}
	p := c.Progress
	return &Summary{name, c.Options.VariantName(), len(c.Averaged()), p.Step, p.Epochs, p.Seconds, p.Done,
		c.Provenance.ValLoss, p.Best}, nil
}

func summariseLog(folder, name string) (*Summary, error) {
	log, err := readLog(folder)
	if err != nil {
		return nil, err
	}
	s := &Summary{Run: name}
	for _, e := range log {
		s.Step, s.Epochs, s.Seconds = e.Step, e.Epoch, e.Time
		if e.Options != nil {
			s.Variant, s.Parameters = e.Options.VariantName(), e.Params
		}
		if v := e.ValLoss; v != nil {
			if s.ValLoss = *v; s.Best == 0 || *v < s.Best {
				s.Best = *v
			}
		}
	}
	return s, nil
}

// readLog reads the log of a run. A last line that is not whole is left out.
func readLog(folder string) ([]entry, error) {
	path := filepath.Join(folder, logName)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []entry
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	bad, line := 0, 0
	for s.Scan() {
		line++
		var e entry
		if bad > 0 {
			return nil, fmt.Errorf("%s, line %d: not a line of the log of symdiff train", path, bad)
		}
		if err := json.Unmarshal(s.Bytes(), &e); err != nil || e.Event == "" {
			bad = line
			continue
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, errors.Join(s.Err(), fmt.Errorf("%s: nothing is logged", path))
	}
	return list, s.Err()
}

// curves are the charts of a run by file name: what is on the y axis, and how an entry gives it.
var curves = []struct {
	file, title, y string
	log            bool
	value          func(e entry) *float64
}{
	{"loss", "Training loss", "loss per coordinate", true, func(e entry) *float64 { return e.Loss }},
	{"validation", "Validation loss", "validation loss per coordinate", true, func(e entry) *float64 { return e.ValLoss }},
	{"stable-molecules", "Samples: stable molecules", "share", false,
		func(e entry) *float64 { return e.share(func(s *Stability) *float64 { return &s.Whole }) }},
	{"stable-atoms", "Samples: stable atoms", "share", false,
		func(e entry) *float64 { return e.share(func(s *Stability) *float64 { return &s.Atoms }) }},
	{"rate", "Learning rate", "rate", false, func(e entry) *float64 { return e.LR }},
	{"gradient", "Norm of the gradient", "norm", true, func(e entry) *float64 { return e.GradNorm }},
	{"speed", "Speed", "molecules per second", false, func(e entry) *float64 { return e.MolPerS }},
}

// share is a number about samples; nil where the entry is not about them.
func (e entry) share(of func(*Stability) *float64) *float64 {
	if e.Stable == nil {
		return nil
	}
	return of(e.Stable)
}

// Axes of a chart of runs.
var axes = map[string]struct {
	label string
	at    func(e entry) float64
}{
	"step":  {"steps", func(e entry) float64 { return float64(e.Step) }},
	"epoch": {"epochs", func(e entry) float64 { return e.Epoch }},
	"time":  {"hours", func(e entry) float64 { return e.Time / 3600 }},
}

// points is the most that a curve is drawn with: more are averaged.
const points = 400

// Charts draws the logs of runs over step, epoch or time: charts by file name. A chart without a
// point is left out.
func Charts(folders []string, over string) (map[string]chart.Chart, error) {
	x, ok := axes[over]
	if !ok {
		return nil, fmt.Errorf("%q is no axis, want step, epoch or time", over)
	}
	charts := map[string]chart.Chart{}
	for _, folder := range folders {
		log, err := readLog(folder)
		if err != nil {
			return nil, err
		}
		for _, c := range curves {
			s := chart.Series{Name: filepath.Base(filepath.Clean(folder))}
			for _, e := range log {
				if v := c.value(e); v != nil && finite(*v) {
					s.X, s.Y = append(s.X, x.at(e)), append(s.Y, *v)
				}
			}
			if len(s.X) == 0 {
				continue
			}
			s.X, s.Y = thinned(s.X), thinned(s.Y)
			ch, ok := charts[c.file]
			if !ok {
				ch = chart.Chart{Title: c.title, X: x.label, Y: c.y, LogY: c.log}
			}
			ch.LogY = ch.LogY && slices.Min(s.Y) > 0 // a bound may be negative
			ch.Series = append(ch.Series, s)
			charts[c.file] = ch
		}
	}
	return charts, nil
}

// thinned averages runs of neighbours, so that at most `points` are left.
func thinned(v []float64) []float64 {
	n := len(v)/points + 1
	var out []float64
	for from := 0; from < len(v); from += n {
		sum, part := 0.0, v[from:min(from+n, len(v))]
		for _, x := range part {
			sum += x
		}
		out = append(out, sum/float64(len(part)))
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
