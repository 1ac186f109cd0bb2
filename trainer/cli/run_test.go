package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// --set base leaves out what only makes the base; a GPU adds its arguments.
func TestRecipePlan(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	names := func(args ...string) (list []string) {
		for line := range strings.Lines(succeeds(t, append([]string{"run", "qm9", "--out", out, "--dry-run"}, args...)...)) {
			list = append(list, strings.Fields(line)[0])
		}
		return list
	}
	all := strings.Join(names(), " ")
	want := "train base train-gamma gamma posttrain refine sampler export " +
		"sample1 sample2 sample3 learned placed evaluate"
	if all != want {
		t.Errorf("stages %s, want %s", all, want)
	}
	if after := strings.Join(names("--set", "base=x.safetensors"), " "); after != strings.TrimPrefix(all, "train base ") {
		t.Errorf("after the base: %s", after)
	}
	cpu, gpu := succeeds(t, "run", "qm9", "--out", out, "--dry-run"), succeeds(t, "run", "qm9", "--out", out,
		"--dry-run", "--set", "device=cuda")
	if strings.Contains(cpu, "73728") || !strings.Contains(gpu, "73728") || !strings.Contains(gpu, "--device cuda") {
		t.Errorf("on a CPU %s, on a GPU %s", cpu, gpu)
	}
}

// A stage that only the arguments of a GPU, or the name of an output, take something from is not left
// out with the stages that nothing needs.
func TestRecipePlanKeepsWhatIsUsed(t *testing.T) {
	const stages = `[[stage]]
name = "a"
run = ["version"]
gives = { x = "{out}/x" }
[[stage]]
name = "b"
run = ["version", "{x}"]
gives = { y = "{out}/y" }
[[stage]]
name = "c"
run = ["version"]
`
	for _, use := range []string{`cuda = ["{x}"]`, `stdout = "{x}"`} {
		plan := succeeds(t, "run", writeFile(t, "r.toml", stages+use), "--out", "run", "--dry-run", "--set",
			"y=given", "--set", "device=cuda")
		if !strings.HasPrefix(plan, "a ") || strings.Contains(plan, "\nb ") {
			t.Errorf("%s: planned are %s", use, plan)
		}
	}
}

// A stage goes on from the state in its folder, however the recipe names that.
func TestStagesGoOn(t *testing.T) {
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "checkpoint.safetensors"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"train", "--out", out}, {"train", "-o", out}, {"train", "--out=" + out},
		{"distill", "--teacher", "--out", "--out", out}} {
		if got, want := resumed(args), []string{"train", "--resume", out}; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
	for _, args := range [][]string{{"train", "--out", out + "/none"}, {"train", "--out"}, {"export", "--out", out}} {
		if got := resumed(args); !slices.Equal(got, args) {
			t.Errorf("%q: %q", args, got)
		}
	}
}

func TestRecipeErrorsNameThePlace(t *testing.T) {
	for _, c := range []struct {
		text, want string
		args       []string
	}{
		{"x", "line 1", nil},
		{"[vars]\na = 1\n", "no [[stage]]", nil},
		{"[[stage]]\nname = \"a\"\n", "stage a: no run", nil},
		{"[[stage]]\nrun = [\"inspect\"]\n", "name", nil},
		{"[[stage]]\nname = \"a\"\nrun = [\"inspect\", \"{b}\"]\n", "no variable {b}", nil},
		{"[[stage]]\nname = \"a\"\nruns = [\"inspect\"]\n", "unknown key stage.runs", nil},
		{"[[stage]]\nname = \"a\"\nrun = [\"nothing\"]\n", "stage a: unknown command", nil},
		{"[[stage]]\nname = \"a\"\nrun = [\"version\"]\ngives = { b = \"{out}/none\" }\n", "stage a was to make it", nil},
	} {
		file := writeFile(t, "r.toml", c.text)
		fails(t, exitFailure, c.want, append([]string{"run", file, "--quiet", "--out", filepath.Join(t.TempDir(),
			"x")}, c.args...)...)
	}
	fails(t, exitUsage, `--set "bse=y": want NAME=VALUE of a variable of qm9: `, "run", "qm9", "--out", "x", "--set", "bse=y")
	file := writeFile(t, "r.toml",
		"[vars]\nb = \"1\"\na = \"2\"\n[[stage]]\nname = \"a\"\nrun = [\"version\"]\ngives = { c = \"d\" }\n")
	fails(t, exitUsage, "r.toml: a, b, c", "run", file, "--out", "x", "--set", "e=1")
	fails(t, exitUsage, "--out", "run", "qm9")
	fails(t, exitFailure, "neither a file nor one of the recipes", "run", "none", "--out", "x")
}

// A stage of plain commands runs, its output goes to its file, and its second run does nothing.
func TestRecipeRunsItsStages(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	file := writeFile(t, "r.toml",
		"[[stage]]\nname = \"tell\"\nrun = [\"version\", \"--json\"]\nstdout = "+
			"\"{out}/version.json\"\ngives = { told = \"{out}/version.json\" }\n")
	for _, want := range []string{"tell: symdiff version --json", "tell: done before"} {
		code, stdout, stderr := runCommand("", "run", file, "--out", out)
		if code != 0 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("code %d, says %q and %q, want %q", code, stdout, stderr, want)
		}
	}
}
