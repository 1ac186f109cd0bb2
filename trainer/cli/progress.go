package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress is a line on a terminal that shows how far a long run is. All
// methods do nothing on a nil progress.
type progress struct {
	w           io.Writer
	unit        string
	total, done atomic.Int64
	share       int64 // steps of a unit
	start       time.Time
	stop        chan struct{}
	ended       sync.WaitGroup
}

// isTerminal tells whether w is a terminal.
func isTerminal(w io.Writer) bool {
	if p, ok := w.(*plain); ok {
		w = p.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// startProgress draws the line on w five times a second: units of share steps
// each.
func startProgress(w io.Writer, unit string, units, share int64) *progress {
	p := &progress{w: w, unit: unit, share: share, start: time.Now(), stop: make(chan struct{})}
	p.total.Store(units * share)
	p.ended.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprint(w, "\r"+p.line(time.Since(p.start))+clearLine)
			case <-p.stop:
				fmt.Fprint(w, "\r"+clearLine)
				return
			}
		}
	})
	return p
}

// add counts steps.
func (p *progress) add(steps int) {
	if p != nil {
		p.done.Add(int64(steps))
	}
}

// end removes the line.
func (p *progress) end() {
	if p != nil {
		close(p.stop)
		p.ended.Wait()
	}
}

// line is the text after the given time.
func (p *progress) line(elapsed time.Duration) string {
	done, total := p.done.Load(), p.total.Load()
	if done == 0 || total == 0 {
		return fmt.Sprintf("%3d %%  %s", 0, p.unit)
	}
	fraction := float64(done) / float64(total)
	left := time.Duration(float64(elapsed) * (1 - fraction) / fraction)
	return fmt.Sprintf("%3.0f %%  %.1f/%d %s  %.2f/s  %s left", 100*fraction,
		float64(done)/float64(p.share), total/p.share, p.unit,
		float64(done)/float64(p.share)/elapsed.Seconds(), left.Round(time.Second))
}
