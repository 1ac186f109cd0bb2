package train

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// entry is a line of the log: one JSON object. Fields that a line has nothing to say about are left out.
type entry struct {
	Event    string    `json:"event"` // start, train, val, checkpoint, end
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
	Reason   string    `json:"reason,omitempty"`
	Params   int       `json:"parameters,omitempty"`
	Options  *Options  `json:"options,omitempty"`
}

// runLog appends to a file of JSON lines and tells a person how far it is.
type runLog struct {
	file     *os.File
	status   io.Writer // nil: silent
	terminal bool      // status is a terminal: one line, rewritten
	width    int       // of the line that is there now
	last     time.Time
}

func openLog(path string, status io.Writer, terminal bool) (*runLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	return &runLog{file: f, status: status, terminal: terminal}, nil
}

func (l *runLog) write(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(b, '\n'))
	return err
}

// note prints a line that stays.
func (l *runLog) note(format string, args ...any) {
	if l.status == nil {
		return
	}
	l.clear()
	fmt.Fprintf(l.status, format+"\n", args...)
}

func (l *runLog) clear() {
	if l.width > 0 {
		fmt.Fprintf(l.status, "\r%*s\r", l.width, "")
		l.width = 0
	}
}

// progress rewrites the line on a terminal twice a second, and prints a plain one each minute elsewhere.
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
		fmt.Fprintln(l.status, s)
		return
	}
	fmt.Fprintf(l.status, "\r%-*s", l.width, s)
	l.width = len(s)
}

func (l *runLog) close() error {
	if l.status != nil {
		l.clear()
	}
	return l.file.Close()
}

// residentMB is the memory that the process holds, 0 where /proc does not tell.
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
