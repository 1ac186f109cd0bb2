//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// A command that hears nothing is given up, and its files go with it.
func TestACommandThatDoesNotStopIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	started, forever := make(chan struct{}), make(chan struct{})
	defer close(forever)
	cmd := &cobra.Command{Use: "deaf", SilenceErrors: true, RunE: func(*cobra.Command, []string) error {
		if _, err := createOutput(filepath.Join(dir, "out.xyz"), false); err != nil {
			t.Error(err)
		}
		close(started)
		<-forever
		return nil
	}}
	cmd.SetArgs(nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	asked := false
	_, err := execute(ctx, cmd, func() <-chan time.Time {
		asked = true
		over := make(chan time.Time)
		close(over)
		return over
	})
	if !errors.Is(err, context.Canceled) || !asked {
		t.Errorf("error %v, patience asked for: %v", err, asked)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// One that ends with a checkpoint is waited for.
func TestACommandThatFinishesIsWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := &cobra.Command{Use: "train", RunE: func(cmd *cobra.Command, _ []string) error {
		cancel()
		<-cmd.Context().Done()
		return errors.New("written")
	}, SilenceErrors: true, SilenceUsage: true}
	cmd.SetArgs(nil)
	if _, err := execute(ctx, cmd, func() <-chan time.Time { return nil }); err == nil || err.Error() != "written" {
		t.Errorf("error %v", err)
	}
}

// The end of the terminal is an interrupt like any, unless nohup is before it.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		if !slices.Contains(interrupts(), os.Signal(s)) {
			t.Logf("%v is ignored where the tests were started, by nohup or a shell's &", s)
			continue
		}
		dir := t.TempDir()
		out := filepath.Join(dir, "many.xyz")
		ended := make(chan int, 1)
		var stderr bytes.Buffer
		go func() {
			args := []string{"sample", "--count", "1000000", "--steps", "1", "--threads", "1", "--out", out}
			ended <- Main(args, nil, io.Discard, &stderr)
		}()
		for {
			if names, _ := filepath.Glob(out + ".tmp*"); len(names) == 1 {
				break
			}
			if len(ended) > 0 {
				t.Fatal(stderr.String())
			}
			time.Sleep(time.Millisecond)
		}
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		if code := <-ended; code != exitInterrupted {
			t.Errorf("%v: code %d: %s", s, code, stderr.String())
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v: left behind: %v", s, left)
		}
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	if slices.Contains(interrupts(), os.Signal(syscall.SIGHUP)) {
		t.Error("nohup is not heeded")
	}
}
