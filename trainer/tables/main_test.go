package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

const twoRuns = `[{"method":"ddim","steps":100,"t_start":1000,"molecules":1000,"stable_atoms":0.973,"stable_molecules":0.812,"valid":0.921,
"unique_among_valid":0.999,"connected":0.973},
{"method":"dpm++2m-sde","steps":40,"t_start":600,"joint":true,
"molecules":200,"stable_atoms":1,"stable_molecules":0.5,"valid":0.25,
"unique_among_valid":1,"connected":1}]`

// writeFiles writes files by name into a folder of the test, in which it goes on.
func writeFiles(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTablesAreWrittenBetweenTheirMarks(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("m.json", []byte(twoRuns), 0o666); err != nil {
		t.Fatal(err)
	}
	before := "# Card\n\n<!-- table samplers m.json -->\nstale\n<!-- /table -->\n\nThe end.\n"
	if err := os.WriteFile("card.md", []byte(before), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(true, []string{"card.md"}); err == nil || !strings.Contains(err.Error(), "card.md") {
		t.Errorf("-check of a stale table: %v", err)
	}
	if text, _ := os.ReadFile("card.md"); string(text) != before {
		t.Error("-check changed the file")
	}
	if err := run(false, []string{"card.md"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("card.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| ddim from t = 1000 | 101 | 1,000 | 97.3 | 81.2 ± 1.2 | 92.1 ± 0.9 | 99.9 | 97.3 ± 0.5 |\n",
		"| dpm++2m-sde from t = 600, `--joint` | 41 | 200 | 100.0 | 50.0 ± 3.5 | 25.0 ± 3.1 | 100.0 | 100.0 |\n",
		"# Card\n\n<!-- table samplers m.json -->\n| sampler |", "<!-- /table -->\n\nThe end.\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if err := run(true, []string{"card.md"}); err != nil {
		t.Errorf("a fresh table is stale: %v", err)
	}
}

// Likelihoods are those of `symdiff nll --json`, then of papers that report one; a table of results
// has the papers that report stability.
func TestLikelihoodsAndPapers(t *testing.T) {
	writeFiles(t, map[string]string{
		"m.json": `{"model":"core/weights/m.safetensors","molecules":10859,"samples":5,"nll":-114.44,"standard_error":0.61}`,
		"published.json": `[{"name":"A","nfe":1000,"stable_molecules_percent":87.5,"source":"x"},
			{"name":"B","nll":-110.7,"source":"y"}]`,
		"a.md": "<!-- table nll m.json published.json -->\n<!-- /table -->\n<!-- table results published.json -->\n" +
			"<!-- /table -->\n",
	})
	if err := run(false, []string{"a.md"}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile("a.md")
	for _, want := range []string{"| m | 10,859 | 5 | -114.4 ± 0.6 |\n| B | - | - | -110.7 |\n<!-- /table -->",
		"| A | 1,000 | 0.0 | 87.5 | 0.0 | 0.0 |\n<!-- /table -->"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// Models come first, then the data, once and without the floor.
func TestResults(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, model := range map[string]string{"a.json": "a", "b.json": "b"} {
		text := `{"entries":[{"name":"` + model + `","mean":{"nfe":41,"valid":0.5}},{"name":"data","mean":{"valid":1}},
			{"name":"train (floor)","mean":{"valid":1}}]}`
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := results([]string{"a.json", "b.json"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows[1:] {
		names = append(names, r[0]+" "+r[1]+" "+r[4])
	}
	if want := []string{"a 41 50.0", "b 41 50.0", "data - 100.0"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// The choice of a curve is bold, and shares of the molecules have their standard errors.
func TestCurve(t *testing.T) {
	const shares = `"molecules":10000,"stable_molecules":0.92,"valid":0.96,"unique_among_valid":0.977,"plausible":0.9,
		"with_aromatic_ring":0.0621`
	writeFiles(t, map[string]string{"none.json": `{}`, "a.json": `{"runs":[{"method":"dpm++2m-sde","steps":40,"nfe":41,` +
		shares + `},{"method":"dpm++2m","steps":25,"nfe":26,"chosen":true,` + shares + `}]}`})
	rows, err := curve([]string{"a.json"})
	if err != nil {
		t.Fatal(err)
	}
	const cells = "92.0 ± 0.3 96.0 ± 0.2 97.7 90.0 ± 0.3 6.2"
	for i, want := range []string{"dpm++2m-sde, 40 steps 41 " + cells, "**dpm++2m, 25 steps** 26 " + cells} {
		if got := strings.Join(rows[i+1], " "); got != want || len(rows[0]) != len(rows[i+1]) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !strings.Contains(rows[0][0], "10,000") {
		t.Errorf("%q", rows[0])
	}
	if _, err := curve([]string{"none.json"}); err == nil || !strings.Contains(err.Error(), "none.json: no runs") {
		t.Error(err)
	}
}

// Rounds of post-training stand in their order, stage by stage, and the best is bold.
func TestRounds(t *testing.T) {
	const round = `{"hours":0.1,"sampling_hours":0.05,"measures":{"stable_molecules":0.6768,"valid":0.8524,"unique_among_valid":0.99038,"sound":0.6158,
		"with_aromatic_ring":0.034,"distances_jensen_shannon":0.005266}}`
	const cells = "67.7 | 85.2 | 99.0 | 61.6 | 3.4 | 0.0053 | 0.15 |"
	writeFiles(t, map[string]string{
		"a.json": `{"options":{},"best":1,"rounds":[` + round + "," + round + "]}",
		"b.json": `{"options":{"reward":"stable"},"best":0,"rounds":[` +
			strings.Replace(round, `"valid"`, `"reward":0.3738,"valid"`, 1) + "]}",
		"c.json": `{"options":{},"best":1,"rounds":[` + round + "]}",
		"d.json": `{"options":{},"best":0,"rounds":[{}]}`,
	})
	for file, want := range map[string][]string{
		"a.json": {"0 | " + cells, "**1** | " + cells}, "b.json": {"**0** | 0.374 | " + cells},
	} {
		rows, err := rounds([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, r := range rows[1:] {
			text = append(text, strings.Join(r, " | ")+" |")
		}
		if !slices.Equal(text, want) || len(rows[0]) != len(rows[1]) {
			t.Errorf("%s: %q, want %q", file, text, want)
		}
	}
	for _, file := range []string{"c.json", "d.json"} {
		if _, err := rounds([]string{file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The input variance stands by gamma and time.
func TestStages(t *testing.T) {
	writeFiles(t, nil)
	write := func(training string) {
		var b bytes.Buffer
		if err := safetensors.Write(&b, nil, map[string]string{"training": training}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("m.safetensors", b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"stages":[{"name":"train","hours":1.733},{"name":"base","hours":0.001},{"name":"refine","hours":0.25}]}`)
	rows, err := stages([]string{"m.safetensors"})
	want := [][]string{{"stage", "h"}, {"train", "1.73"}, {"refine", "0.25"}, {"all", "2.0"}}
	if err != nil || !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
		t.Errorf("%v, %v, want %v", rows, err, want)
	}
	write(`{}`)
	if _, err := stages([]string{"m.safetensors"}); err == nil || !strings.Contains(err.Error(), "no stages") {
		t.Errorf("weights without stages: %v", err)
	}
}

func TestGamma(t *testing.T) {
	row := func(kernel string, time, variance float64) string {
		return fmt.Sprintf(`{"kernel":%q,"t":%g,"input_variance":%g,"input_variance_error":0.0512}`, kernel, time, variance)
	}
	writeFiles(t, map[string]string{
		"a.json": `{"molecules":16,"draws":32,"rows":[` + row("learned", 0.1, 0.4607) + "," + row("learned", 0.9, 0.336) + "," +
			row("haar", 0.1, 0.991) + "," + row("haar", 0.9, 0.996) + "]}",
		"none.json": "{}",
	})
	rows, err := gamma([]string{"a.json"})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"gamma, 16 molecules × 32 draws", "t = 0.1 T", "t = 0.9 T"},
		{"learned", "0.46 ± 0.05", "0.34 ± 0.05"},
		{"haar", "0.99 ± 0.05", "1.00 ± 0.05"}}
	if !slices.EqualFunc(rows, want, slices.Equal) {
		t.Errorf("%q, want %q", rows, want)
	}
	if _, err := gamma([]string{"none.json"}); err == nil || !strings.Contains(err.Error(), "none.json: no rows") {
		t.Error(err)
	}
}

// An error has at least one digit that is not zero, whatever its value is rounded to.
func TestPlusMinus(t *testing.T) {
	for want, x := range map[string]struct {
		value, err float64
		digits     int
	}{
		"98.5 ± 0.04":      {98.502, 0.0404, 1},
		"91.9 ± 0.6":       {91.9, 0.6, 1},
		"0.0027 ± 0.00004": {0.00271, 4.1e-5, 4},
		"0.99 ± 0.005":     {0.9912, 0.0046, 2},
		"41 ± 0":           {41, 0, 0},
	} {
		if got := plusMinus(x.value, x.err, x.digits); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The table of bonds has a row for each share that was counted.
func TestBonds(t *testing.T) {
	writeFiles(t, map[string]string{
		"b.json": `{"molecules":2000,"same":{"count":1999,"of":2000,"value":0.9995},"edm_table":{"count":3,"of":2000,"value":0.0015}}`,
		"a.md":   "<!-- table bonds b.json -->\n<!-- /table -->\n",
	})
	if err := run(false, []string{"a.md"}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile("a.md")
	if want := "|---|--:|--:|\n| Lewis structure: graph, orders and charges | 2,000 | 99.95 |\n" +
		"| EDM's table of distances: graph and orders | 2,000 | 0.15 |\n" +
		"<!-- /table -->"; !strings.Contains(string(text), want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
}

func TestFaultsOfTablesNameTheFile(t *testing.T) {
	writeFiles(t, map[string]string{"bad.json": "{", "none.json": "[]", "source.json": `[{"name":"EDM"}]`})
	for mark, want := range map[string]string{
		"samplers bad.json":   "bad.json",
		"samplers none.json":  "none.json",
		"samplers absent.txt": "absent.txt",
		"samplers":            "want one file",
		"nothing bad.json":    "no such kind",
	} {
		file := filepath.Join(t.TempDir(), "a.md")
		if err := os.WriteFile(file, []byte("<!-- table "+mark+" -->\n<!-- /table -->\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := run(true, []string{file}); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "a.md") {
			t.Errorf("%s: %v, want %q", mark, err, want)
		}
	}
	if _, err := fill("<!-- table samplers m.json -->\n| a |\n"); err == nil {
		t.Error("a mark that is not closed passes")
	}
}

// The peers' tables have a row for each that was measured, and per size the choices: the most
// stable molecules, and among those with nine in ten of them the fastest and the leanest.
func TestPeersTables(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers.json")
	row := `{"size":"1M","model":%q,"limit":%d,"parameters":1000000,"steps_per_second":2,"val_loss":0.5,"sample_mb":%d,"native_ms":%d,
		"wasm_ms":9,"evaluation":{"stable_atoms":0.9,"stable_molecules":%g,"valid":0.8,"unique_among_valid":1}}`
	text := fmt.Sprintf(`{"settings":{"call_molecules":8},"rows":[`+row+`,`+row+`,`+row+`,`+row+`]}`, "symdiff", 0, 90, 30, 0.50, "egnn", 0, 50,
		40, 0.46, "geoldm", 0, 10, 5, 0.2,
		"geoldm-symdiff", 500, 70, 8, 0.1)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := fill("<!-- table peers " + file + " -->\n<!-- /table -->\n<!-- table peers-decision " + file +
		" -->\n<!-- /table -->")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"steps/s | ms per call of 8 molecules |", "| EDM | 1.00 M | 2.0 | 40 | 9.0 | 0.5000 | 90.0 | 46.0 | 80.0 | 100.0 |",
		"| GeoLDM | 1.00 M | 2.0 | 5.0 | 9.0 | 0.5000 of latents |",
		"| all of QM9 | 1M | SymDiff (50.0 %) | SymDiff (30 ms a call) | EDM (50 MB) |",
		"| 500 molecules | 1M | SymDiff on GeoLDM's latents (10.0 %)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for want, bad := range map[string]string{
		"nothing was measured": `{"rows":[]}`, "a trial": `{"settings":{"trial":true},` + text[strings.Index(text, `"rows"`):],
	} {
		if err := os.WriteFile(file, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"peers", "peers-decision"} {
			if _, err := fill("<!-- table " + kind + " " + file + " -->\n<!-- /table -->"); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s of %s: %v, want %q", kind, bad, err, want)
			}
		}
	}
	for want, x := range map[string]float64{"0.05": 0.051, "0.50": 0.5, "2.0": 2, "9.9": 9.94, "10": 9.96, "123": 123.4} {
		if got := two(x); got != want {
			t.Errorf("two(%g) = %s, want %s", x, got, want)
		}
	}
}
