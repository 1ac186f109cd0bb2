package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asCommand makes the test binary the program itself.
const asCommand = "SYMDIFF_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// parallelStandIn is what the example wants of GNU parallel, where it is not
// installed: the last argument with each line in place of {}.
const parallelStandIn = `#!/bin/sh
for command; do :; done
while read -r line; do sh -c "$(printf %s "$command" | sed "s/{}/$line/g")" || exit 1; done
`

// The example scripts, with the variables that Slurm and Kubernetes would set:
// their parts are the file of one machine.
func TestExamples(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	model := tinyModel(t)
	const n, parts = 7, 3
	want := succeeds(t, "sample", "--model", model, "--n", fmt.Sprint(n), "--seed", "5", "--steps", "4", "--quiet")
	program := filepath.Join(t.TempDir(), "symdiff")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+asCommand+"=1 exec "+self+" \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	execute := func(folder string, env []string, args ...string) {
		t.Helper()
		cmd := exec.Command(shell, args...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), append(env, "SYMDIFF="+program, "MODEL="+model, "SEED=5", "STEPS=4",
			fmt.Sprint("N=", n))...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, folder, pattern string) {
		t.Helper()
		files, _ := filepath.Glob(filepath.Join(folder, pattern)) // sorted, as the shell sorts them
		got := ""
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got += string(data)
		}
		if got != want {
			t.Errorf("%s: %d files make %d bytes, want the %d of one machine", name, len(files), len(got), len(want))
		}
	}

	slurm := t.TempDir()
	for i := range parts {
		execute(slurm, []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", i), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", parts),
			"SLURM_CPUS_PER_TASK=1"}, filepath.Join(examples, "slurm.sh"))
	}
	check("slurm.sh", slurm, "part-*.xyz")

	kubernetes, script := t.TempDir(), containerScript(t, filepath.Join(examples, "kubernetes.yaml"))
	for i := range parts {
		execute(kubernetes, []string{fmt.Sprint("JOB_COMPLETION_INDEX=", i), fmt.Sprint("COMPLETIONS=", parts),
			"OUT=" + kubernetes}, "-euc", script)
	}
	check("kubernetes.yaml", kubernetes, "part-*.xyz")

	parallel, path := t.TempDir(), os.Getenv("PATH")
	if _, err := exec.LookPath("parallel"); err != nil {
		tools := t.TempDir()
		if err := os.WriteFile(filepath.Join(tools, "parallel"), []byte(parallelStandIn), 0o777); err != nil {
			t.Fatal(err)
		}
		path = tools + ":" + path
	}
	execute(parallel, []string{"PATH=" + path, fmt.Sprint("PARTS=", parts)}, filepath.Join(examples, "parallel.sh"))
	check("parallel.sh", parallel, "molecules.xyz")
}

// containerScript is the block of text behind "- |" of a YAML file.
func containerScript(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(data), "- |\n")
	if !ok {
		t.Fatalf("%s has no script", path)
	}
	indent := len(before) - strings.LastIndex(before, "\n") - 1
	script := ""
	for line := range strings.Lines(after) {
		if len(strings.TrimRight(line[:min(len(line), indent+1)], " \n")) > 0 {
			break
		}
		script += line
	}
	return script
}
