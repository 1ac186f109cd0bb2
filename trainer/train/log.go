package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"
)

// entry is a line of the log: one JSON object. Fields that a line has nothing to say about are left
// out.
type entry struct {
	Event    string    `json:"event"` // start, train, val, sample, checkpoint, end
	Step     int       `json:"step"`
	Epoch    float64   `json:"epoch"`
	Time     float64   `json:"time"` // seconds of training, over all resumes
	Loss     *float64  `json:"loss,omitempty"`
	GradNorm *float64  `json:"grad_norm,omitempty"`
	LR       *float64  `json:"lr,omitempty"`
	MolPerS  *float64  `json:"mol_per_s,omitempty"`
	MemoryMB int       `json:"memory_mb,omitempty"` // resident; Linux only
	ValLoss  *float64  `json:"val_loss,omitempty"`
	ByTime   []float64 `json:"val_loss_by_time,omitempty"` // per tenth of t in (0, T]
	// of k at t/T 0.1, 0.5, 0.9 under a learned gamma, Haar 1
	Variance []float64  `json:"input_variance,omitempty"`
	Stable   *Stability `json:"samples,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Params   int        `json:"parameters,omitempty"`
	Options  *Options   `json:"options,omitempty"`
}

// Stability is what molecules sampled on the way are like, as shares of 1.
type Stability struct {
	Molecules int     `json:"molecules"`
	Atoms     float64 `json:"stable_atoms"`
	Whole     float64 `json:"stable_molecules"`
	Valid     float64 `json:"valid"`
}

// columns are the names of the scalars of an entry, and values what it has of them.
var columns = []string{"step", "epoch", "time", "loss", "grad_norm", "lr", "mol_per_s", "memory_mb",
	"val_loss", "stable_atoms", "stable_molecules", "valid"}

func (e entry) values() []*float64 {
	memory := float64(e.MemoryMB)
	list := []*float64{new(float64(e.Step)), &e.Epoch, &e.Time, e.Loss, e.GradNorm, e.LR, e.MolPerS,
		&memory, e.ValLoss, nil, nil, nil}
	if s := e.Stable; s != nil {
		list[9], list[10], list[11] = &s.Atoms, &s.Whole, &s.Valid
	}
	if e.MemoryMB == 0 {
		list[7] = nil
	}
	return list
}

// runLog reports how a run goes: to files, each line of the log as JSON and as TensorBoard events;
// and to a person. A log that cannot be written does not end a run: the person gets one message.
type runLog struct {
	lines  *os.File // nil: no files
	events *eventFile
	failed bool

	status   io.Writer // nil: silent
	logger   *slog.Logger
	terminal bool // status is a terminal: one line, rewritten
	width    int  // of the line that is there now
	last     time.Time
}

// openLog appends to the files of a folder, after what they have up to step; folder "" has none.
func openLog(folder string, step int, status io.Writer, terminal bool) (*runLog, error) {
	l := &runLog{status: status, terminal: terminal}
	if status != nil {
		l.logger = slog.New(slog.NewTextHandler(status, nil))
	}
	if folder == "" {
		return l, nil
	}
	jsonl := filepath.Join(folder, logName)
	err := trim(jsonl, func(line string) bool {
		var e entry
		return json.Unmarshal([]byte(line), &e) == nil && e.Step <= step
	})
	if err != nil {
		return nil, err
	}
	if l.lines, err = os.OpenFile(jsonl, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666); err != nil {
		return nil, err
	}
	if l.events, err = createEvents(folder, time.Now()); err != nil {
		return nil, errors.Join(err, l.lines.Close())
	}
	l.incomplete(l.events.start(step, time.Now()))
	return l, nil
}

// write adds an entry to the files.
func (l *runLog) write(e entry) {
	if l.lines == nil {
		return
	}
	l.incomplete(l.record(e))
}

// incomplete says once that the files lack something: a run goes on without its log.
func (l *runLog) incomplete(err error) {
	if err != nil && !l.failed {
		l.failed = true
		l.note("the log is not complete: %v", err)
	}
}

func (l *runLog) record(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.lines.Write(append(b, '\n')); err != nil {
		return err
	}
	if e.Loss == nil && e.ValLoss == nil && e.Stable == nil {
		return nil
	}
	now := time.Now()
	for i, v := range e.values() {
		if v == nil || i == 0 {
			continue
		}
		if err := l.events.scalar(now, e.Step, e.Event+"/"+columns[i], *v); err != nil {
			return err
		}
	}
	return nil
}

// note prints a line that stays: as it is on a terminal, with time and level elsewhere.
func (l *runLog) note(format string, args ...any) {
	switch {
	case l.status == nil:
	case l.terminal:
		l.clear()
		fmt.Fprintf(l.status, format+"\n", args...)
	default:
		l.logger.Info(fmt.Sprintf(format, args...))
	}
}

func (l *runLog) clear() {
	if l.width > 0 {
		fmt.Fprintf(l.status, "\r%*s\r", l.width, "")
		l.width = 0
	}
}

// progress rewrites the line on a terminal twice a second, and prints a plain one each minute
// elsewhere.
func (l *runLog) progress(now time.Time, text func() string) {
	every := time.Minute
	if l.terminal {
		every = 500 * time.Millisecond
	}
	if l.status == nil || now.Sub(l.last) < every {
		return
	}
	l.last = now
	s := text()
	if !l.terminal {
		l.logger.Info(s)
		return
	}
	fmt.Fprintf(l.status, "\r%-*s", l.width, s)
	l.width = len(s)
}

func (l *runLog) close() error {
	if l == nil { // it could not be opened
		return nil
	}
	if l.status != nil {
		l.clear()
	}
	if l.lines == nil {
		return nil
	}
	return errors.Join(l.lines.Close(), l.events.file.Close())
}

// round keeps so many of a number's digits as per says: 100 for two decimals.
func round(v, per float64) float64 { return math.Round(v*per) / per }

// residentMB is the memory that the process holds, 0 where /proc does not state it.
func residentMB() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}

// remaining is the time left of a run that is at progress p after elapsed, for people.
func remaining(p float64, elapsed time.Duration) string {
	if p <= 0.001 {
		return "?"
	}
	left := time.Duration(float64(elapsed) * (1 - p) / p)
	if left >= time.Hour {
		return fmt.Sprintf("%dh%02dm", int(left.Hours()), int(left.Minutes())%60)
	}
	return fmt.Sprintf("%dm%02ds", int(left.Minutes()), int(left.Seconds())%60)
}
