//go:build torch

package train

import (
	"sync/atomic"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/torch"
)

func TestTeamTriesAgainWhereItMay(t *testing.T) {
	team := newTeam(2, torch.CPU)
	defer team.close()
	var calls atomic.Int32
	failFirst := func(n int32) func(int, *torch.Scope) {
		calls.Store(0)
		return func(w int, _ *torch.Scope) {
			if w == 1 && calls.Add(1) <= n {
				panic("broken promise")
			}
		}
	}
	team.doPure(failFirst(1))
	if n := calls.Load(); n != 2 {
		t.Errorf("a failing worker was called %d times, want 2", n)
	}
	panics := func(name string, do func(func(int, *torch.Scope)), failures int32) {
		defer func() {
			if v := recover(); v != "broken promise" {
				t.Errorf("%s: recovered %v", name, v)
			}
		}()
		do(failFirst(failures))
	}
	panics("failing twice", team.doPure, 2)
	panics("what must not be repeated", team.do, 1)
}
