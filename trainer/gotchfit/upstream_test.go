//go:build torch

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every test of package patches fails on gotch as its authors publish it: none of them is empty.
// Compiling that copy takes a minute the first time.
func TestUpstreamFails(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a second copy of gotch")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work := os.Getenv("GOWORK")
	if work == "" || work == "off" {
		t.Skip("GOWORK does not name the workspace that gotchfit wrote")
	}
	build := filepath.Dir(work)
	command := func(timeout time.Duration, env string, name string, args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = root
		cmd.Env = os.Environ()
		if env != "" {
			cmd.Env = append(cmd.Env, env)
		}
		return cmd.CombinedOutput()
	}
	if out, err := command(time.Minute, "GOWORK=off", "go", "run", "./trainer/gotchfit", "-out", build,
		"-upstream"); err != nil {
		t.Fatalf("gotchfit -upstream: %v\n%s", err, out)
	}
	binary := filepath.Join(build, "upstream", "patches.test")
	upstream := "GOWORK=" + filepath.Join(build, "upstream", "go.work")
	if out, err := command(10*time.Minute, upstream, "go", "test", "-tags", "torch", "-c", "-o", binary,
		"./trainer/gotchfit/patches"); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	out, err := command(time.Minute, "", binary, "-test.list", "^Test")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names := strings.Fields(string(out))
	if len(names) < len(patches)-1 { // one out-parameter test serves several files
		t.Errorf("%d tests for %d patches", len(names), len(patches))
	}
	for _, name := range names {
		out, err := command(time.Minute, "", binary, "-test.run", "^"+name+"$", "-test.v")
		if err == nil {
			t.Errorf("%s passes on the upstream module", name)
		}
		if !bytes.Contains(out, []byte("RUN   "+name)) { // it failed, rather than not started
			t.Errorf("%s did not run on the upstream module: %v\n%s", name, err, out)
		}
	}
}
