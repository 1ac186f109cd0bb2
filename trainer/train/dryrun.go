//go:build torch

package train

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/symdiff-go/symdiff/trainer/torch"
)

// Estimate is what a run would need.
type Estimate struct {
	Network       string `json:"network"`
	Parameters    int    `json:"parameters"`
	Molecules     int    `json:"molecules"`
	Atoms         int    `json:"atoms"`
	LargestAtoms  int    `json:"largest_atoms"` // of a molecule
	StepsPerEpoch int    `json:"steps_per_epoch"`
	// of the whole run, where it ends after steps or epochs
	Steps   int `json:"steps,omitempty"`
	StateMB int `json:"state_mb"` // parameters, moments, averages, gradients
	// resident, over a step of the largest molecules; Linux only
	PeakMB int `json:"peak_mb"`
}

func (e *Estimate) String() string {
	s := fmt.Sprintf("%s with %d parameters\n%d molecules, %d atoms, at most %d in one\n%d steps per epoch",
		e.Network, e.Parameters, e.Molecules,
		e.Atoms, e.LargestAtoms, e.StepsPerEpoch)
	if e.Steps > 0 {
		s += fmt.Sprintf(", %d in all", e.Steps)
	}
	return s + fmt.Sprintf("\nmemory: %d MB of parameters and optimiser, %d MB in all, measured "+
		"over the gradient of the largest molecules", e.StateMB, e.PeakMB)
}

// DryRun prepares a run, computes the gradient of one batch of the largest molecules, and
// returns what the run would need. It writes nothing.
func DryRun(o Options) (e *Estimate, err error) {
	if failure := guarded(func() { e, err = estimate(o) }); failure != nil {
		return nil, failure
	}
	return e, err
}

func estimate(o Options) (*Estimate, error) {
	r, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer r.team.close()
	batches := r.set.Batches(r.batchAtoms())
	largest := batches[len(batches)-1]
	for _, b := range batches { // of the batches of the largest molecules, the first is full
		if r.set.Size(b[0]) == r.set.Size(largest[0]) {
			largest = b
			break
		}
	}
	r.gradients(batch{indices: largest, times: r.batcher.Times(len(largest), o.Seed, 0, true,
		o.TimePower)})
	r.team.do(func(_ int, s *torch.Scope) { s.Close() })

	buffers := 6 // weights, average, its copy for validation, two moments, a gradient
	if o.AMSGrad {
		buffers++
	}
	if o.BF16 {
		buffers++ // two of half the size
	}
	e := &Estimate{
		Network: o.VariantName(), Parameters: r.params.Size, Molecules: r.set.Len(), Atoms: r.set.Atoms(),
		LargestAtoms:  r.set.Size(largest[0]),
		StepsPerEpoch: r.order.BatchesPerEpoch(), Steps: o.Steps, StateMB: (buffers +
			r.workers - 1) * 4 * r.params.Size >> 20, PeakMB: peakMB(),
	}
	if o.Epochs > 0 && (e.Steps == 0 || o.Epochs*e.StepsPerEpoch < e.Steps) {
		e.Steps = o.Epochs * e.StepsPerEpoch
	}
	return e, nil
}

// peakMB is the most memory that the process has held, 0 where /proc does not state it.
func peakMB() int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if text, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			var kB int
			if _, err := fmt.Sscan(text, &kB); err == nil {
				return kB >> 10
			}
		}
	}
	return 0
}
