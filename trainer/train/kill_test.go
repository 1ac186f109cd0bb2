//go:build torch && unix

package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sugarme/gotch/ts"
	"golang.org/x/sys/unix"

	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// TestMain is a separate run where the variable says so: the process that tests kill.
func TestMain(m *testing.M) {
	if text := os.Getenv("SYMDIFF_TEST_POSTTRAIN"); text != "" {
		os.Exit(posttrainProcess(text))
	}
	text := os.Getenv("SYMDIFF_TEST_RUN")
	if text == "" {
		os.Exit(m.Run())
	}
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	o.Reader = &dataset.Reader{Note: func(string) {}} // as the command has it
	if o.Init == "resume" {
		o.Init, o.Resume = "", o.Out
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Println("ready")
	if _, err := Run(ctx, o, os.Stderr, false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		var interrupted *Interrupted
		if errors.As(err, &interrupted) {
			os.Exit(interrupted.ExitCode())
		}
		os.Exit(1)
	}
}

// process starts a run in a separate process.
func process(t *testing.T, o Options, resume bool) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	if resume {
		o.Init = "resume"
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SYMDIFF_TEST_RUN="+string(text))
	var status bytes.Buffer
	cmd.Stderr = &status
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v: %s", line, err, status.String())
	}
	return cmd, &status
}

// A run that is killed again and again, at any moment, and resumed each time ends with the bits of
// one that was left alone. SYMDIFF_SOAK=D goes on with further runs for that time.
func TestKilledRunEndsAlike(t *testing.T) {
	for round, until := 0, time.Now().Add(soak(t)); round == 0 || time.Now().Before(until); round++ {
		killAgainAndAgain(t, uint64(round))
	}
}

func soak(t *testing.T) time.Duration {
	text := os.Getenv("SYMDIFF_SOAK")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func killAgainAndAgain(t *testing.T, seed uint64) {
	o := small(t)
	o.Val, o.ValEvery, o.ValMolecules = []string{molecules(t, 20)}, 30, 20
	// a checkpoint after every step
	o.Steps, o.Seed, o.CheckpointEvery, o.AMSGrad = 90, seed, Duration(time.Nanosecond), true
	whole := o
	whole.Out, whole.CheckpointEvery = filepath.Join(t.TempDir(), "whole"), 0
	want := mustRun(t, whole)

	r := rand.New(rand.NewPCG(seed, 1))
	kills, resume := 0, false
	for {
		if kills > 100 {
			t.Fatalf("100 kills without an end; step %d", progressOf(o.Out))
		}
		cmd, status := process(t, o, resume)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("after %d kills: %v, %s", kills, err, status.String())
			}
		// a slow machine gets more and more time
		case <-time.After(time.Duration(100+r.IntN(1200+120*kills)) * time.Millisecond):
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				kills++
				_, err := os.Stat(CheckpointPath(o.Out))
				resume = err == nil
				continue
			}
		}
		break
	}
	got, err := ReadCheckpoint(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills in %d steps", kills, got.Progress.Step)
	if got.Progress.Step != want.Progress.Step || got.Progress.Epochs != want.Progress.Epochs {
		t.Errorf("at %+v, want %+v", got.Progress, want.Progress)
	}
	same(t, "killed", want, got)
	if kills == 0 {
		t.Error("nothing was killed: the run is too short for the test")
	}
	seen := 0
	for _, e := range logLines(t, o.Out) {
		if e.Event == "train" {
			if seen++; e.Step != seen {
				t.Fatalf("line %d of the log is of step %d", seen, e.Step)
			}
		}
	}
	if seen != o.Steps {
		t.Errorf("%d steps in the log", seen)
	}
	if left, err := filepath.Glob(filepath.Join(o.Out, "*.new*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func progressOf(folder string) int {
	c, err := ReadCheckpoint(folder)
	if err != nil {
		return -1
	}
	return c.Progress.Step
}

// Ctrl-C: a checkpoint, exit code 130, and the run can go on.
func TestInterrupt(t *testing.T) {
	o := small(t)
	o.Steps, o.CheckpointEvery = 100000, 0
	cmd, status := process(t, o, false)
	for range 1200 {
		if b, err := os.ReadFile(filepath.Join(o.Out, logName)); err == nil && bytes.Count(b, []byte("\n")) > 3 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("%v, want exit code 130: %s", err, status.String())
	}
	step := progressOf(o.Out)
	if step < 1 {
		t.Fatalf("checkpoint of step %d", step)
	}
	o.Resume, o.Steps = o.Out, step+3
	if c := mustRun(t, o); c.Progress.Step != step+3 {
		t.Errorf("went on to step %d", c.Progress.Step)
	}
}

// A damaged newest checkpoint: the run goes on from the one before, says so, and ends as it would
// have.
func TestDamagedCheckpoint(t *testing.T) {
	o := small(t)
	o.Steps, o.MinLR = 12, 1 // one rate, however many steps are to come
	want := mustRun(t, o)
	for name, damage := range map[string]func(b []byte) []byte{
		"a bit flipped": func(b []byte) []byte { b[len(b)-1000] ^= 1; return b },
		"cut short":     func(b []byte) []byte { return b[:len(b)/2] },
		"empty":         func(b []byte) []byte { return nil },
		"missing":       nil,
	} {
		p := o
		p.Out, p.Steps, p.CheckpointEvery = filepath.Join(t.TempDir(), "run"), 8, Duration(time.Nanosecond)
		mustRun(t, p)
		path := CheckpointPath(p.Out)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if damage == nil {
			err = os.Remove(path)
		} else {
			// its other name keeps what it has
			err = errors.Join(os.Remove(path), os.WriteFile(path, damage(b), 0o666))
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Resume, p.Steps = p.Out, 12
		var status bytes.Buffer
		if _, err := Run(context.Background(), p, &status, false); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(status.String(), "checkpoint.1.safetensors") {
			t.Errorf("%s: status %s", name, status.String())
		}
		c, err := ReadCheckpoint(p.Out)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, want, c)
	}
}

// The last checkpoints and the best one are kept, no more.
func TestKeptCheckpoints(t *testing.T) {
	o := small(t)
	o.Steps, o.Keep, o.CheckpointEvery = 9, 2, Duration(time.Nanosecond)
	o.Val, o.ValEvery, o.ValMolecules = []string{molecules(t, 20)}, 4, 20
	mustRun(t, o)
	files, err := filepath.Glob(filepath.Join(o.Out, "*.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	if got := strings.Join(names, " "); got != "best.safetensors checkpoint.1.safetensors "+
		"checkpoint.2.safetensors checkpoint.safetensors" {
		t.Errorf("files %s", got)
	}
	best, err := ReadCheckpoint(filepath.Join(o.Out, bestName))
	if err != nil {
		t.Fatal(err)
	}
	lowest, at := 1e9, 0
	for _, e := range logLines(t, o.Out) {
		if e.ValLoss != nil && *e.ValLoss < lowest {
			lowest, at = *e.ValLoss, e.Step
		}
	}
	if best.Progress.Step != at || best.Provenance.ValLoss != lowest {
		t.Errorf("best is of step %d with %g, want %d with %g", best.Progress.Step, best.Provenance.ValLoss, at, lowest)
	}
}

// A run that was killed between the checkpoint of its best validation and that one's second name
// makes up for it; one whose newest checkpoint is damaged leaves the best one as it is.
func TestKilledBeforeTheBestName(t *testing.T) {
	o := small(t)
	o.Val, o.ValMolecules, o.Steps, o.MinLR = []string{molecules(t, 20)}, 20, 4, 1
	want := mustRun(t, o)
	best := filepath.Join(o.Out, bestName)
	if err := errors.Join(os.Remove(best), os.WriteFile(best, []byte("of before"), 0o666)); err != nil {
		t.Fatal(err)
	}
	o.Resume = o.Out
	mustRun(t, o)
	got, err := ReadCheckpoint(best)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "best", want, got)

	old, err := filepath.Glob(filepath.Join(o.Out, "checkpoint*.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	o.Steps = 5
	if c := mustRun(t, o); c.Progress.Step != 5 {
		t.Errorf("from the best one to step %d", c.Progress.Step)
	}
}

// A best checkpoint that cannot be written is not taken for written.
func TestBestCannotBeWritten(t *testing.T) {
	o := small(t)
	o.Val, o.ValMolecules, o.Steps = []string{molecules(t, 20)}, 20, 2
	if err := os.MkdirAll(filepath.Join(o.Out, bestName, "in the way"), 0o777); err != nil {
		t.Fatal(err)
	}
	if c := mustRun(t, o); c.Progress.Best != 0 || c.Provenance.ValLoss == 0 {
		t.Errorf("best loss %g, loss %g", c.Progress.Best, c.Provenance.ValLoss)
	}
}

// A validation loss that is no number is reported, and keeps no checkpoint from being written.
func TestValidationOverflows(t *testing.T) {
	o := small(t)
	o.Val, o.ValMolecules = []string{molecules(t, 20)}, 20
	var status bytes.Buffer
	r, err := newRun(o, mpi.Alone, &status, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.team.close()
	if err := r.openLog(); err != nil {
		t.Fatal(err)
	}
	torch.NoGrad(func() { r.opt.EMA.MustFill_(ts.FloatScalar(1e20)) })
	if err := errors.Join(r.validate(), r.save(), r.log.close(), r.unlock()); err != nil {
		t.Fatal(err)
	}
	c, err := ReadCheckpoint(o.Out)
	if err != nil || c.Progress.Best != 0 || len(c.Provenance.History) != 0 ||
		!strings.Contains(status.String(), "the validation loss is") {
		t.Errorf("%v, best %g of %v, status %s", err, c.Progress.Best, c.Provenance.History, status.String())
	}
}

// mount puts a file system of the given size in a new folder; the test is skipped where that is not
// allowed.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that is full while the run is on: it says so, goes on, and the last good checkpoint stays.
// At the end it is an error.
func TestFullDisk(t *testing.T) {
	dir := mount(t, "size=16m")
	o := small(t)
	o.Out, o.Steps, o.MinLR = filepath.Join(dir, "run"), 3, 1
	first := mustRun(t, o)
	// the second run would truncate it if it began in the same second
	events, err := filepath.Glob(filepath.Join(o.Out, "events.*"))
	if err != nil || len(events) != 1 {
		t.Fatalf("event files %q, %v", events, err)
	}
	if err := os.Rename(events[0], events[0]+".1"); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 16<<20), 0o666); err == nil {
		t.Fatal("the disk is not full")
	}
	o.Resume, o.Steps, o.CheckpointEvery = o.Out, 6, Duration(time.Nanosecond)
	var status bytes.Buffer
	_, err = Run(context.Background(), o, &status, false)
	if err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), o.Out) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"the log is not complete", "no checkpoint written"} {
		if !strings.Contains(status.String(), want) {
			t.Errorf("status %s, want %s", status.String(), want)
		}
	}
	c, err := ReadCheckpoint(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "full disk", first, c)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if c := mustRun(t, o); c.Progress.Step != 6 {
		t.Errorf("went on to %+v", c.Progress)
	}
}

// A log that cannot be opened ends the run before its first step, by name.
func TestLogCannotBeOpened(t *testing.T) {
	for _, name := range []string{logName} {
		o := small(t)
		o.Steps = 1
		if err := os.MkdirAll(filepath.Join(o.Out, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(context.Background(), o, nil, false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is a folder: error %v", name, err)
		}
	}
}

func TestReadOnlyFolder(t *testing.T) {
	dir := mount(t, "size=1m")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("remount: %v", err)
	}
	o := small(t)
	o.Out = filepath.Join(dir, "run")
	if _, err := Run(context.Background(), o, nil, false); err == nil || !strings.Contains(err.Error(), o.Out) ||
		!strings.Contains(err.Error(), "read-only") {
		t.Errorf("error %v", err)
	}
}

func TestTwoRunsInOneFolder(t *testing.T) {
	o := small(t)
	mustRun(t, o)
	release, err := lock(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Steps = o.Out, 8
	if _, err := Run(context.Background(), o, nil, false); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("error %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, o)
}

// Too much memory is an error that says what to lower.
func TestOutOfMemory(t *testing.T) {
	err := guarded(func() {
		s := &torch.Scope{Device: torch.CPU}
		defer s.Close()
		row := s.Of(make([]float32, 1<<20), 1<<20, 1)
		row.MustMatmul(row.MustView([]int64{1, 1 << 20}, false), false) // 4 TB
	})
	if err == nil || !strings.Contains(err.Error(), "lower batch-atoms") {
		t.Errorf("error %v", err)
	}
}
