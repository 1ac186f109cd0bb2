//go:build torch && rdkit

package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// brief is a training in a moment.
const brief = "--steps 6 --set batch-atoms=60 --set hidden=16 --set xh-hidden=8 --set depth=1 " +
	"--set heads=2 --set K=4 --set enc-hidden=8 --set enc-heads=2 --set enc-depth=1 --set " +
	"dec-hidden=4 --set warmup=2 --threads 1 --set log-every=1"

// smaller are what the test changes in a command, to have it run in seconds; each must be there.
var smaller = []struct{ from, to string }{
	{"--max-time 2h", brief},
	{"--max-time 5m", "--steps 6 --set batch-atoms=60 --set warmup=2 --threads 1 --set log-every=1"},
	{"--max-time 4h", "--steps 8"},
	{"-n 1000", "-n 5 --steps 5"},
	{"--out self --rounds 4", "--out self --rounds 1 --samples 6 --steps 4 " +
		"--threads 1"},
	{"--reward plausible", "--reward stable_atoms --rounds 1 --samples 6 " +
		"--steps 4 --threads 1 --set positives=9"},
	{"--out quick --steps 800", "--out quick --steps 4 --set batch-atoms=60 --threads 1"},
	{"--conformers 5", "--conformers 3"},
}

// TestREADME runs every command of trainer/README.md in turn, in one folder. Targets of make must
// be in the Makefile; other tests check what they do. Of mpirun, the command is run in one process.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, fixture := range map[string]string{"generative_model_ema.npy": "egnn.pt",
		"args.pickle": "egnn.args.pickle"} {
		b, err := os.ReadFile("../pytorch/testdata/" + fixture)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	list := "CCO ethanol\nCC(=O)O\nc1ccccc1\nCCN\nC1CC1\nCC#N\nCOC\nNC=O\nFCC\nCC(C)C\nOCC1CO1\nc1cc[nH]c1\nC(C(\n"
	for name, text := range map[string]string{"my.smi": list, "part.xyz": "2\n\nC 0 0 0\nO 1.43 0 0\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	writeDrugs(t)
	target := regexp.MustCompile(`^make ([a-z-]+)`)
	used, commands := map[string]bool{}, 0
	// a command on several lines
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(text), "")
	for line := range strings.Lines(joined) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		commands++
		if m := target.FindStringSubmatch(line); m != nil {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: no such target in the Makefile", line)
			}
			continue
		}
		command := strings.Replace(line, "mpirun -n 2 build/symdiff-mpi", "build/symdiff", 1)
		for _, s := range smaller {
			if strings.Contains(command, s.from) {
				command, used[s.from] = strings.ReplaceAll(command, s.from, s.to), true
			}
		}
		command = strings.ReplaceAll(command, "'", "") // around words that a shell would expand
		args, ok := strings.CutPrefix(command, "build/symdiff ")
		if !ok {
			t.Errorf("%s: not a command that this test knows", line)
			continue
		}
		if code, _, stderr := runCommand("", strings.Fields(args)...); code != 0 {
			t.Fatalf("%s: code %d, %s", line, code, stderr)
		}
	}
	if commands < 12 || len(used) != len(smaller) {
		t.Errorf("%d commands, of the changes %v were used", commands, used)
	}
	for _, file := range []string{"my-model.safetensors", "report.html", "edm.pt", "run/loss.svg",
		"run/best.safetensors", "drugs.safetensors"} {
		if fi, err := os.Stat(file); err != nil || fi.Size() == 0 {
			t.Errorf("%s is not there: %v", file, err)
		}
	}
}
