//go:build torch

package train

import (
	"github.com/sugarme/gotch"

	"github.com/symdiff-go/symdiff/trainer/torch"
)

// team is a fixed set of workers, each bound to an OS thread, in which libtorch uses no further
// threads. A worker computes a share of a batch from end to end: for networks of this size that is
// faster than threads inside each of some thousand small operations, and it bears other programs on
// the machine, for which each operation's barrier would wait.
type team struct {
	jobs []chan func(w int, s *torch.Scope)
	done chan any // what a worker panicked with, or nil
}

func newTeam(n int, device gotch.Device) *team {
	t := &team{done: make(chan any, n)}
	for w := range n {
		jobs := make(chan func(int, *torch.Scope))
		t.jobs = append(t.jobs, jobs)
		go func() {
			torch.Setup(1)
			s := &torch.Scope{Device: device}
			for f := range jobs {
				t.done <- attempt(f, w, s)
			}
		}()
	}
	return t
}

func attempt(f func(int, *torch.Scope), w int, s *torch.Scope) (failure any) {
	defer func() { failure = recover() }()
	f(w, s)
	return nil
}

func (t *team) size() int { return len(t.jobs) }

// do runs f on every worker and waits for all. A panic of one becomes a panic of the caller.
func (t *team) do(f func(w int, s *torch.Scope)) {
	for _, jobs := range t.jobs {
		jobs <- f
	}
	var failure any
	for range t.jobs {
		if v := <-t.done; v != nil {
			failure = v
		}
	}
	if failure != nil {
		panic(failure)
	}
}

// doPure is do for an f that changes nothing but its own results, so that a worker that fails can
// try a second time. Two threads that fill oneDNN's cache of compiled kernels at once can make it
// fail (std::future_error: Broken promise); that was seen once in 21,000 steps.
func (t *team) doPure(f func(w int, s *torch.Scope)) {
	t.do(func(w int, s *torch.Scope) {
		if attempt(f, w, s) != nil {
			s.Close()
			f(w, s)
		}
	})
}

// close ends the workers.
func (t *team) close() {
	for _, jobs := range t.jobs {
		close(jobs)
	}
}
