package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAnalyseGamma(t *testing.T) {
	tiny, data, page := tinyModel(t), writeFile(t, "a.xyz", methane+methane+methane), filepath.Join(t.TempDir(), "g.html")
	args := []string{"analyse", "gamma", "--model", tiny, "--data", data, "--molecules", "2", "--draws", "4",
		"--times", "0.1,0.9"}
	var r gammaReport
	if err := json.Unmarshal([]byte(succeeds(t, append(args, "--json", "--html", page)...)), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 6 || r.Molecules != 2 || r.Rows[0].Kernel != "learned" || r.Rows[5].Kernel != "none" ||
		r.Rows[5].T != 0.9 {
		t.Fatalf("%+v", r)
	}
	for _, g := range r.Rows {
		if equivariant := g.Coupling < 1e-3; equivariant != (g.Kernel != "none") {
			t.Errorf("%s at %v: coupling %v", g.Kernel, g.T, g.Coupling)
		}
	}
	if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), "<svg") != 7 {
		t.Errorf("page: %v", err)
	}
	if out := succeeds(t, append(args, "--gamma", "haar")...); !strings.Contains(out, "haar 0.1") ||
		strings.Contains(out, "learned 0.1") {
		t.Error(out)
	}
	fails(t, 2, "--data: no file", "analyse", "gamma")
	fails(t, 2, "--times [2]", "analyse", "gamma", "--data", data, "--times", "2")
	fails(t, 1, `unknown kind "polar"`, "analyse", "gamma", "--data", data, "--gamma", "polar")
	fails(t, 1, "element S is not among", "analyse", "gamma", "--model", tiny, "--data",
		writeFile(t, "s.xyz", "1\n\nS 0 0 0\n"+methane))
}

// The rule of the choice: the fewest steps within the allowance, by both shares; none: the first run.
func TestChooseSampler(t *testing.T) {
	runs := []samplerRun{
		{Steps: 40, Valid: 0.970, Plausible: 0.900},
		{Steps: 10, Valid: 0.970, Plausible: 0.889},
		{Steps: 15, Valid: 0.959, Plausible: 0.900},
		{Steps: 20, Valid: 0.961, Plausible: 0.891},
		{Steps: 25, Valid: 0.990, Plausible: 0.990},
	}
	for _, c := range []struct {
		within float64
		want   int
	}{{0.01, 3}, {0, 4}, {0.02, 1}} {
		if got := choose(runs, c.within); got != c.want {
			t.Errorf("within %v: run %d, want %d", c.within, got, c.want)
		}
	}
	if got := choose(runs[:3], 0.01); got != 0 {
		t.Errorf("none is within: run %d", got)
	}
}

// The choice is the default of the model that is written; where it states another, that is not asked.
func TestAnalyseSampler(t *testing.T) {
	tiny := tinyModel(t)
	chosen, again := filepath.Join(t.TempDir(), "chosen.safetensors"), filepath.Join(t.TempDir(), "again.safetensors")
	analyse := func(model, out string, args ...string) (r samplerReport) {
		t.Helper()
		args = append([]string{"analyse", "sampler", "--model", model, "-n", "6", "--out", out, "--json"}, args...)
		if err := json.Unmarshal([]byte(succeeds(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := analyse(tiny, chosen, "--steps", "4,2,4", "--within", "100")
	if len(r.Runs) != 3 || !r.Runs[1].Chosen || r.Runs[0].Method != "dpm++2m-sde" || r.Runs[0].NFE != 41 ||
		r.Runs[1].Method != "dpm++2m" || r.Runs[1].Rho != 7 || r.Runs[1].NFE != 3 || r.Runs[2].Steps != 4 ||
		r.Runs[2].Molecules != 6 {
		t.Errorf("%+v", r)
	}
	sample := func(args ...string) string {
		return succeeds(t, append([]string{"sample", "-n", "2", "--seed", "3", "--json"}, args...)...)
	}
	of := func(text string) string { // without the hash of the model
		return regexp.MustCompile(`"model":"[0-9a-f]*"`).ReplaceAllString(text, "")
	}
	want := of(sample("--model", tiny, "--method", "dpm++2m", "--steps", "2", "--set", "rho=7"))
	if got := of(sample("--model", chosen)); got != want {
		t.Errorf("the default is not the choice:\n%s\n%s", got, want)
	}
	if told := succeeds(t, "inspect", chosen); !strings.Contains(told, `none \u0026\u0026 symdiff `) {
		t.Errorf("the provenance lacks the command: %s", told)
	}
	r = analyse(chosen, again, "--steps", "1", "--within", "100")
	if r.Runs[0].Method != "dpm++2m-sde" || r.Runs[0].Steps != 40 || !r.Runs[1].Chosen {
		t.Errorf("%+v", r)
	}
	fails(t, 2, "--steps [0 2]", "analyse", "sampler", "--steps", "2,0")
	fails(t, 2, "--within 101", "analyse", "sampler", "--within", "101")
	fails(t, 2, "--out needs --model", "analyse", "sampler", "--out", chosen)
	// Before anything is sampled:
	fails(t, 1, "no such file", "analyse", "sampler", "--model", tiny, "-n", "1000000", "--out", "none/x.safetensors")
	fails(t, 2, "--steps 1001: want 1 to 1000", "analyse", "sampler", "--model", tiny, "-n", "1000000", "--steps", "1001")
}
