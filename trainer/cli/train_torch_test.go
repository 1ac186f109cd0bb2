//go:build torch

package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// trainingData is a file of forty made-up molecules of three and four atoms.
func trainingData(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for i := range 40 {
		m := &molecule.Molecule{Elements: []molecule.Element{molecule.O, molecule.H, molecule.H, molecule.C}[:3+i%2]}
		for k := range m.Elements {
			m.Positions = append(m.Positions, [3]float64{float64(k) + 0.01*float64(i%5), 0.1 * float64(k*k),
				0.02 * float64(i%7)})
		}
		if err := molecule.WriteXYZ(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	return writeFile(t, "data.xyz", b.String())
}

// tiny are flags of a network that trains in no time.
var tiny = strings.Fields("--set hidden=16 --set xh-hidden=8 --set depth=1 --set heads=2 --set " +
	"K=4 --set enc-hidden=8 --set enc-depth=1 --set enc-heads=2 --set dec-hidden=4 " +
	"--set batch-atoms=30 --set warmup=2 --threads 2 --set val-every=5 --set log-every=1")

// tinyEGNN are the tiny settings that an EGNN has.
var tinyEGNN = tiny[slices.Index(tiny, "batch-atoms=30")-1:]

// Train, go on, export, inspect, sample: the way of a model, with every flag kept over a resume.
func TestTrain(t *testing.T) {
	data, out := trainingData(t), filepath.Join(t.TempDir(), "run")
	succeeds(t, append([]string{"train", "--data", data, "--val", data, "--out", out, "--steps", "10", "--set",
		"bf16=true", "--seed", "5", "--set", "distance-grid=true"}, tiny...)...)
	c, err := train.ReadCheckpoint(out)
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options
	if c.Progress.Step != 10 || !c.Progress.Done || c.Options.Config.Hidden != 16 || !o.BF16 || o.Seed != 5 ||
		!o.DistanceGrid || o.BatchAtoms != 30 {
		t.Errorf("%+v %+v", c.Progress, o)
	}
	if c.Provenance.ValLoss <= 0 || c.Provenance.Molecules != 40 || len(c.Provenance.Data[0].SHA256) != 64 {
		t.Errorf("provenance %+v", c.Provenance)
	}

	succeeds(t, "train", "--resume", out, "--steps", "14")
	if c, err = train.ReadCheckpoint(out); err != nil || c.Progress.Step != 14 || !c.Options.BF16 ||
		c.Options.Seed != 5 || c.Options.BatchAtoms != 30 {
		t.Errorf("resumed: %+v %+v, %v", c.Progress, c.Options, err)
	}

	weights := filepath.Join(t.TempDir(), "w.safetensors")
	if s := succeeds(t, "export", out, "--out", weights, "--dtype", "f16"); !strings.Contains(s, "step 14") {
		t.Errorf("export says %q", s)
	}
	if s := succeeds(t, "inspect", weights); !strings.Contains(s, "40 molecules") || !strings.Contains(s, "val_loss") {
		t.Errorf("inspect says %s", s)
	}
	// Another run starts from the weights, with parameters that they lack; its step changes nothing
	// of note at that rate.
	tuned := filepath.Join(t.TempDir(), "tuned")
	succeeds(t, append([]string{"train", "--data", data, "--out", tuned, "--steps", "1", "--init", weights,
		"--set", "pair-bias=true", "--set", "time-power=1.5", "--lr", "1e-9"}, tiny...)...)
	d, err := train.ReadCheckpoint(tuned)
	if err != nil {
		t.Fatal(err)
	}
	start, end := c.Buffers["ema"], d.Buffers["param"]
	if len(end) <= len(start) || !d.Options.Config.PairBias || d.Options.TimePower != 1.5 {
		t.Fatalf("%d parameters from %d, %+v", len(end), len(start), d.Options)
	}
	for i, v := range start {
		if diff := math.Abs(float64(v - end[i])); diff > 1e-3*math.Abs(float64(v))+1e-6 {
			t.Fatalf("value %d was %g, is %g", i, v, end[i])
		}
	}
	fails(t, exitFailure, "none.safetensors", "train", "--data", data, "--out", filepath.Join(t.TempDir(),
		"x"), "--steps", "1", "--init", "none.safetensors")
	fails(t, exitFailure, "xh_embedder", append([]string{"train", "--data", data, "--out",
		filepath.Join(t.TempDir(), "y"), "--steps", "1", "--init", weights}, append(tiny, "--set", "hidden=20",
		"--set", "xh-hidden=10")...)...)

	printed := succeeds(t, "train", "--resume", out, "--print-config")
	if !strings.Contains(printed, "hidden               = 16") || !strings.Contains(printed,
		"bf16                 = true") {
		t.Errorf("configuration printed: %s", printed)
	}
	dry := succeeds(t, "train", "--config", writeFile(t, "c.toml", printed), "--dry-run")
	if !strings.Contains(dry, "40 molecules, 140 atoms, at most 4 in one") || !strings.Contains(dry,
		"5 steps per epoch, 14 in all") {
		t.Errorf("dry run says %s", dry)
	}

	sample := filepath.Join(t.TempDir(), "s.xyz")
	succeeds(t, "sample", "--model", weights, "--n", "2", "--steps", "10", "--out", sample)
	if _, err := os.Stat(sample); err != nil {
		t.Error(err)
	}
}

// EDM's network: train, export, inspect, sample, go on.
func TestTrainEGNN(t *testing.T) {
	data, out := trainingData(t), filepath.Join(t.TempDir(), "run")
	result := succeeds(t, "train", "--data", data, "--val", data, "--out", out, "--steps", "6", "--variant",
		"egnn", "--set", "nf=16", "--set", "n-layers=2",
		"--set", "batch-atoms=30", "--threads", "2", "--set", "log-every=1", "--quiet", "--json")
	if !strings.Contains(result, `"step": 6`) || !strings.Contains(result, `"val_loss"`) {
		t.Errorf("result %s", result)
	}
	succeeds(t, "train", "--resume", out, "--steps", "8")
	weights := filepath.Join(t.TempDir(), "w.safetensors")
	succeeds(t, "export", out, "--out", weights)
	if s := succeeds(t, "inspect", weights); !strings.Contains(s, "egnn") || !strings.Contains(s, "40 molecules") {
		t.Errorf("inspect says %s", s)
	}
	succeeds(t, "sample", "--model", weights, "--n", "2", "--steps", "5", "--out", filepath.Join(t.TempDir(), "s.xyz"))
	succeeds(t, "train", "--data", data, "--out", filepath.Join(t.TempDir(), "more"), "--steps", "2",
		"--variant", "egnn", "--set", "nf=16",
		"--set", "n-layers=2", "--set", "batch-atoms=30", "--init", weights)
	fails(t, exitUsage, "bf16", "train", "--data", data, "--out", out+"2", "--steps", "1", "--variant", "egnn",
		"--set", "bf16=true")
}

// A student takes its sizes from the teacher, unless flags say otherwise, and keeps what it was
// taught by over a resume.
func TestDistill(t *testing.T) {
	data, dir := trainingData(t), t.TempDir()
	run := func(name string) string { return filepath.Join(dir, name) }
	weights := func(name string) string { return filepath.Join(dir, name+".safetensors") }
	for name, steps := range map[string]string{"early": "2", "late": "12"} {
		succeeds(t, append([]string{"train", "--data", data, "--out", run(name), "--steps", steps, "--set",
			"ema=0", "--set", "charge=false"}, tiny...)...)
		succeeds(t, "export", run(name), "--out", weights(name), "--dtype", "f32")
	}
	args := []string{"distill", "--teacher", weights("late"), "--guide", weights("early"), "--guidance", "2",
		"--data", data, "--val", data, "--set", "batch-atoms=30"}
	succeeds(t, append(args, "--out", run("student"), "--steps", "4")...)
	succeeds(t, "train", "--resume", run("student"), "--steps", "6")
	c, err := train.ReadCheckpoint(run("student"))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options
	if c.Progress.Step != 6 || o.Config.Hidden != 16 || o.Charge || o.Teacher != weights("late") ||
		o.Guide != weights("early") || o.Guidance != 2 {
		t.Errorf("%+v %+v", c.Progress, o)
	}
	succeeds(t, append(args, "--out", run("deeper"), "--steps", "1", "--set", "depth=2")...)
	fails(t, 2, "--teacher: no weights file given", "distill", "--data", data, "--out", run("x"), "--steps", "1")
	fails(t, 1, "no such file", append(args, "--guide", weights("none"), "--out", run("x"), "--steps", "1",
		"--dry-run")...)
	fails(t, 1, "no such file", "distill", "--teacher", weights("none"), "--data", data, "--out", run("x"), "--steps", "1")
}

func TestTrainFailures(t *testing.T) {
	data := trainingData(t)
	out := filepath.Join(t.TempDir(), "run")
	fails(t, exitUsage, "--data", "train", "--out", out, "--steps", "1")
	fails(t, exitUsage, "--out", "train", "--data", data, "--steps", "1")
	fails(t, exitUsage, "--steps", "train", "--data", data, "--out", out)
	fails(t, exitFailure, "none.xyz", "train", "--data", "none.xyz", "--out", out, "--steps", "1")
	fails(t, exitUsage, "num_heads", "train", "--data", data, "--out", out, "--steps", "1", "--set", "heads=7")
	fails(t, exitUsage, "--device", "train", "--data", data, "--out", out, "--steps", "1", "--device", "abacus")
	fails(t, exitFailure, "none.safetensors", "train", "--resume", "none.safetensors")
	fails(t, exitFailure, "element C", "train", "--data", data, "--out", out, "--steps", "1", "--set", "elements=H,O")
	fails(t, exitUsage, "lr", "train", "--lr", "fast")
	fails(t, exitUsage, "more", "train", "more")
}

func TestTrainCompletion(t *testing.T) {
	for word, want := range map[string]string{"--variant": "dit-aug", "--config": "published",
		"--set": "objective.loss="} {
		if s := succeeds(t, "__complete", "train", word, ""); !strings.Contains(s, want+"\n") {
			t.Errorf("%s completes to %q", word, s)
		}
	}
	if s := succeeds(t, "completion", "bash"); !strings.Contains(s, "symdiff") {
		t.Errorf("completion for bash: %.200s", s)
	}
}

func TestCommandLine(t *testing.T) {
	got := commandLine([]string{"/usr/bin/symdiff", "train", "--data", "a b.xyz", "it's", "plain@split=train"})
	if want := `symdiff train --data 'a b.xyz' 'it'\''s' plain@split=train`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The log as charts and as TensorBoard's events, and the table of runs.
func TestPlot(t *testing.T) {
	data, out, charts := trainingData(t), filepath.Join(t.TempDir(), "run"), t.TempDir()
	succeeds(t, append([]string{"train", "--data", data, "--val", data, "--out", out, "--steps", "12",
		"--quiet", "--set", "sample-molecules=3"}, tiny...)...)
	table := succeeds(t, "plot", out, out, "--out", charts, "--over", "epoch", "--markdown")
	if !strings.Contains(table, "| run | symdiff | 13018 | 12 |") {
		t.Errorf("table %s", table)
	}
	for _, name := range []string{"loss", "validation", "stable-molecules", "stable-atoms", "rate", "gradient", "speed"} {
		b, err := os.ReadFile(filepath.Join(charts, name+".svg"))
		if err != nil || !strings.HasPrefix(string(b), "<svg") || !strings.Contains(string(b), "epochs") {
			t.Errorf("%s: %v %.80s", name, err, b)
		}
	}
	fails(t, exitFailure, "none", "plot", filepath.Join(out, "none"))
	fails(t, exitUsage, "--over", "plot", out, "--over", "date")
	if err := os.WriteFile(filepath.Join(out, "log.jsonl"), []byte("{}\nx\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	fails(t, exitFailure, "line 1", "plot", out)
}

// A model that is given the length of its molecules' only bond makes bonds of the length that is
// asked for, more so with guidance; and the value is exact over a resume.
func TestCondition(t *testing.T) {
	for variant, flags := range map[string]string{
		"symdiff-h": "--lr 1e-2 --set distance-grid=true --set K=16 --set hidden=32 --set xh-hidden=16 --steps 500",
		"egnn":      "--lr 5e-3 --set nf=32 --set n-layers=2 --steps 500",
	} {
		t.Run(variant, func(t *testing.T) { conditioned(t, "--variant "+variant+" "+flags) })
	}
}

func conditioned(t *testing.T, flags string) {
	var b strings.Builder
	for i := range 200 {
		d := 0.8 + 0.8*float64(i)/199
		fmt.Fprintf(&b, "2\nlength=%.4f half=%.4f split=%s\nC 0 0 0\nO 0 0 %.4f\n", d, d/2, []string{"train",
			"val"}[i%5/4], d)
	}
	data, out := writeFile(t, "data.xyz", b.String()), filepath.Join(t.TempDir(), "run")
	sizes := tiny
	if strings.Contains(flags, "egnn") {
		sizes = tinyEGNN
	}
	args := append([]string{"train", "--data", data + "@split=train", "--val", data + "@split=val", "--out",
		out, "--set", "condition=length", "--quiet"}, sizes...)
	args = append(args, strings.Fields(flags+" --set batch-atoms=128 --set ema=0.98 --set "+
		"timesteps=100 --set elements=C,O --max-time 1h --set val-every=0 --set log-every=50")...)
	succeeds(t, append(args, "--stop-after", "1s")...)
	succeeds(t, "train", "--resume", out, "--quiet")
	weights := filepath.Join(t.TempDir(), "w.safetensors")
	succeeds(t, "export", out, "--out", weights)
	mean := func(args ...string) float64 {
		file := filepath.Join(t.TempDir(), "s.xyz")
		succeeds(t, append([]string{"sample", "--model", weights, "--n", "100", "--atoms", "2", "--seed", "3",
			"--out", file, "--quiet"}, args...)...)
		sum, n := 0.0, 0.0
		for m, err := range molecule.Open(file) {
			if err != nil {
				t.Fatal(err)
			}
			d := 0.0
			for k := range 3 {
				d += math.Pow(m.Positions[0][k]-m.Positions[1][k], 2)
			}
			sum, n = sum+math.Sqrt(d), n+1
			if v, ok := m.Property("target_length"); ok != (len(args) > 0) || ok && v != strings.TrimPrefix(args[1], "length=") {
				t.Fatalf("properties %v", m.Properties)
			}
		}
		return sum / n
	}
	short, free, long := mean("--properties", "length=0.9"), mean(), mean("--properties", "length=1.5")
	guided := mean("--properties", "length=1.5", "--set", "cfg_weight=1")
	t.Logf("mean lengths: %.3f for 0.9, %.3f without a value, %.3f for 1.5, %.3f with guidance", short, free, long, guided)
	if !(math.Abs(short-0.9) < 0.12 && math.Abs(long-1.5) < 0.12 && short < free && free < long) || guided == long {
		t.Errorf("mean lengths: %.3f for 0.9, %.3f without a value, %.3f for 1.5, %.3f with guidance", short, free, long,
			guided)
	}
	fails(t, exitUsage, "length", "sample", "--model", weights, "--properties", "gap=1")
	// the shipped one
	fails(t, exitUsage, `"length": the model is conditioned on: nothing`, "sample", "--properties", "length=1")
	fails(t, exitUsage, "NAME=VALUE", "sample", "--model", weights, "--properties", "length")
	for want, args := range map[string][]string{ // after what there is to say of the data
		"no molecule has a property gap": {"--data", data, "--out", out + "2", "--steps", "1", "--set", "condition=gap"},
		"condition":                      {"--resume", out, "--steps", "501", "--set", "condition=half"},
	} {
		code, _, told := runCommand("", append([]string{"train"}, args...)...)
		lines := strings.Split(strings.TrimSpace(told), "\n")
		if last := lines[len(lines)-1]; code != exitFailure || !strings.Contains(last, want) {
			t.Errorf("train %q: code %d, %s; want an error about %s", args, code, last, want)
		}
	}
}

// A model that takes types makes molecules of the compositions of its data only, and of the formula
// that is asked for; left free it samples the types too.
func TestTypesCondition(t *testing.T) {
	var b strings.Builder
	for i := range 240 {
		b.WriteString("3\n\n")
		// C2O twice, and in two orders
		for k, symbol := range []string{"CCO", "COC", "OCO", "OOO"}[i%4] {
			fmt.Fprintf(&b, "%c %.3f %.3f 0\n", symbol, 1.3*float64(k), 0.02*float64(i%7))
		}
	}
	data, out := writeFile(t, "data.xyz", b.String()), filepath.Join(t.TempDir(), "run")
	args := append([]string{"train", "--data", data, "--val", data, "--out", out, "--set", "condition=types",
		"--set", "condition-dropout=0.5", "--set", "fragments=0.4", "--quiet"}, tiny...)
	args = append(args, strings.Fields("--variant symdiff-h --lr 1e-2 --set distance-grid=true "+
		"--set K=16 --set hidden=32 --set xh-hidden=16 --steps 800 "+
		"--set batch-atoms=192 --set ema=0.98 --set timesteps=100 --set elements=C,O --set log-every=50")...)
	succeeds(t, args...)
	weights := filepath.Join(t.TempDir(), "w.safetensors")
	succeeds(t, "export", out, "--out", weights)
	const n = 200
	sample := func(args ...string) (formulas map[string]int, straight int) {
		file := filepath.Join(t.TempDir(), "s.xyz")
		said := succeeds(t, append([]string{"sample", "--model", weights, "-n", strconv.Itoa(n), "--seed", "3",
			"--out", file, "--quiet", "--json"}, args...)...)
		if strings.Contains(said, `"joint": true`) != slices.Contains(args, "--joint") {
			t.Errorf("with %v the summary is %s", args, said)
		}
		formulas = map[string]int{}
		for m, err := range molecule.Open(file) {
			if err != nil {
				t.Fatal(err)
			}
			formulas[m.Formula()]++
			d := []float64{m.Distance(0, 1), m.Distance(0, 2), m.Distance(1, 2)}
			if slices.Sort(d); d[0] > 1 && d[1] < 1.6 && d[2] > 2.3 && d[2] < 2.9 {
				straight++
			}
		}
		return formulas, straight
	}
	drawn, good := sample()
	if len(drawn) != 3 || drawn["C2O"] < n*2/5 || drawn["C2O"] > n*3/5 || drawn["CO2"] < n/8 ||
		drawn["O3"] < n/8 || good < n*3/4 {
		t.Errorf("drawn are %v, of which %d look like the data", drawn, good)
	}
	asked, good := sample("--formula", "CO2")
	if asked["CO2"] != n || good < n*3/4 {
		t.Errorf("asked for CO2: %v, of which %d look like the data", asked, good)
	}
	free, good := sample("--joint")
	t.Logf("drawn: %v, CO2: %v, free: %v, of which %d look like the data", drawn, asked, free, good)
	if free["CO2"] == 0 || good < n/4 {
		t.Errorf("free are %v, of which %d look like the data", free, good)
	}
	part := writeFile(t, "part.xyz", "2\n\nC 7 0 0\nO 8.3 0 0\n") // within CO2, or C2O
	kept, good := sample("--fragment", part, "--formula", "CO2")
	if kept["CO2"] != n || good < n*3/5 {
		t.Errorf("around CO: %v, of which %d look like the data", kept, good)
	}
	fails(t, exitUsage, "--atoms 4: no molecule of the model's", "sample", "--model", weights, "--atoms", "4")

	// A student of it and of its guide, of another training, takes types as they do.
	plain, early, student := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "early"),
		filepath.Join(t.TempDir(), "student")
	typed := slices.Index(args, "condition=types") - 1
	short := append(slices.Clone(args), "--steps", "3", "--out", early)
	succeeds(t, short...)
	succeeds(t, append(slices.Delete(slices.Clone(short), typed, typed+6), "--out", plain)...)
	succeeds(t, "distill", "--teacher", weights, "--guide", exported(t, early), "--guidance", "1", "--data",
		data, "--set", "batch-atoms=192", "--steps", "2", "--out", student, "--quiet")
	succeeds(t, "sample", "--model", exported(t, student), "--guide", exported(t, early)+"@weight=1", "-n", "2", "--quiet")
	whole := filepath.Join(t.TempDir(), "whole")
	succeeds(t, append(slices.Delete(slices.Clone(short), typed+4, typed+6), "--out", whole)...)
	fails(t, exitFailure, "is not fragment-conditional", "distill", "--teacher", exported(t, whole),
		"--set", "parts=0.3", "--data", data, "--set", "batch-atoms=192", "--steps", "2", "--out",
		filepath.Join(t.TempDir(), "s"), "--quiet")
	fails(t, exitUsage, "--joint: want it", "sample", "--model", weights, "--guide", exported(t, plain))
}

// exported is the weights file of a run.
func exported(t *testing.T, run string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	succeeds(t, "export", run, "--out", path)
	return path
}
