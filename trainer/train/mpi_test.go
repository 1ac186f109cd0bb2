//go:build torch && mpi

package train

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mpirun runs options in n processes, which must end with the code.
func mpirun(t *testing.T, n string, o Options, code int) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mpirun", "-n", n, "--oversubscribe", "--bind-to", "none", os.Args[0])
	cmd.Env = append(os.Environ(), "SYMDIFF_TEST_RUN="+string(text), "OMPI_ALLOW_RUN_AS_ROOT=1",
		"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("mpirun ended with code %d, want %d: %s", got, code, out)
	}
	return string(out)
}

// Two processes give the losses of one with the double batch, on the way and after a resume, and
// one log and checkpoint between them.
func TestTwoProcesses(t *testing.T) {
	for _, variant := range []string{"symdiff", "geoldm"} {
		t.Run(variant, func(t *testing.T) { twoProcesses(t, variant) })
	}
}

func twoProcesses(t *testing.T, variant string) {
	o := small(t)
	choose(t, &o, variant)
	o.AMSGrad, o.Threads, o.Steps, o.MinLR = true, 1, 10, 1
	o.Val, o.ValEvery, o.ValMolecules = []string{molecules(t, 20)}, 2, 20
	o.BatchAtoms = 80
	whole := mustRun(t, o)
	two := o
	two.Out, two.BatchAtoms, two.Steps = filepath.Join(t.TempDir(), "two"), 40, 6
	mpirun(t, "2", two, 0)
	two.Steps, two.Init = 10, "resume"
	mpirun(t, "2", two, 0)
	got, err := ReadCheckpoint(two.Out)
	if err != nil {
		t.Fatal(err)
	}
	nearly(t, whole, got)
	a, b := logLines(t, o.Out), logLines(t, two.Out)
	var losses [2][]float64
	for i, log := range [][]entry{a, b} {
		for _, e := range log {
			if e.Loss != nil {
				losses[i] = append(losses[i], *e.Loss)
			}
			if e.ValLoss != nil {
				losses[i] = append(losses[i], *e.ValLoss)
			}
		}
	}
	if len(losses[0]) != len(losses[1]) || len(losses[0]) < 10 {
		t.Fatalf("%d losses and %d", len(losses[0]), len(losses[1]))
	}
	worst := 0.0
	for i, v := range losses[0] {
		worst = max(worst, math.Abs(v-losses[1][i])/v)
	}
	t.Logf("losses differ by %.1g at most", worst)
	if worst > 1e-4 {
		t.Errorf("losses %v of one process, %v of two", losses[0], losses[1])
	}
}

// A failure of all processes ends the job with its code; so does one that only the first has.
func TestMPIFailure(t *testing.T) {
	o := small(t)
	o.Data = []string{"none.xyz"}
	if out := mpirun(t, "2", o, 1); !strings.Contains(out, "none.xyz") {
		t.Errorf("output %s", out)
	}
	o = small(t)
	o.Threads = 1
	mustRun(t, o)
	if out := mpirun(t, "2", o, 1); !strings.Contains(out, "is there already") {
		t.Errorf("output %s", out)
	}
}
