package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// symdiff runs the command in this process.
func runCommand(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// succeeds runs the command, which must end with code 0, and returns what it
// prints.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := runCommand("", args...)
	if code != 0 {
		t.Fatalf("symdiff %q: code %d, %s", args, code, stderr)
	}
	return stdout
}

// fails runs the command, which must end with the code and give the reason in
// one line, and in a second one, for wrong usage, where there is help.
func fails(t *testing.T, code int, reason string, args ...string) {
	t.Helper()
	got, _, stderr := runCommand("", args...)
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	want := 1
	if code == exitUsage {
		want = 2
	}
	if got != code || !strings.Contains(lines[0], reason) || !strings.HasPrefix(lines[0], "symdiff: ") ||
		len(lines) != want {
		t.Errorf("symdiff %q: code %d, %q; want code %d, %q", args, got, stderr, code, reason)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

const fixtures = "../../core/model/testdata/"

// tinyModel makes a model that can sample of the random weights of a reference
// network.
func tinyModel(t *testing.T) string {
	t.Helper()
	return tinyModelTimes(t, 1)
}

// tinyModelTimes is a tinyModel with its weights multiplied by a factor.
func tinyModelTimes(t *testing.T, factor float32) string {
	t.Helper()
	f, err := safetensors.Open(fixtures + "symdiff.weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := model.ParseMetadata(f.Name, f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		x, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			x[i] *= factor
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: info.Shape, Data: x})
	}
	meta := encoding.QM9()
	meta.Histogram = map[int]int{5: 1, 9: 2, 12: 1}
	meta.Training = []byte(`{"command":"none","steps":0}`)
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := safetensors.WriteFile(path, tensors, model.Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	return path
}

const methane = `5
name=methane
C 0 0 0
H 0.629 0.629 0.629
H -0.629 -0.629 0.629
H -0.629 0.629 -0.629
H 0.629 -0.629 -0.629
`

func TestUsage(t *testing.T) {
	fails(t, 2, `unknown command "foo"`, "foo")
	fails(t, 2, "unknown flag: --bar", "sample", "--bar")
	fails(t, 2, `invalid argument "x" for "-n, --count" flag: want a whole number`, "sample", "-n", "x")
	fails(t, 2, `unknown command "sampel" for "symdiff", want sample?`, "sampel")
	fails(t, 2, `unknown command "foo" for "symdiff"`, "help", "foo")
	fails(t, 2, `unknown command "prepair" for "symdiff data", want prepare?`, "help", "data", "prepair")
	fails(t, 2, `unexpected argument "stray", want symdiff sample [-n COUNT]`, "sample", "stray")
	fails(t, 2, "an argument is missing, want symdiff evaluate FILE", "evaluate")
	fails(t, 2, `unexpected argument "b.xyz", want symdiff evaluate FILE`, "evaluate", "a.xyz", "b.xyz")
	for _, command := range []string{"evaluate", "compare"} {
		fails(t, 2, "--strain 5: needs --rdkit", command, "a.xyz", "--rdkit=false", "--strain", "5")
	}
	if out := succeeds(t); !strings.Contains(out, "Available Commands") {
		t.Errorf("help: %s", out)
	}
	for _, cmd := range []string{"sample", "evaluate", "inspect", "version", "train", "export"} {
		if out := succeeds(t, "help", cmd); !strings.Contains(out, "symdiff "+cmd) {
			t.Errorf("help of %s: %s", cmd, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := succeeds(t, "completion", shell); !strings.Contains(out, "symdiff") {
			t.Errorf("completion for %s is empty", shell)
		}
	}
	if out := succeeds(t, "__complete", "sample", "--gamma", ""); !strings.HasPrefix(out,
		"learned\nreleased\nhaar\nnone\n") {
		t.Errorf("completion of --gamma: %q", out)
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err                  error
		started, interrupted bool
		code                 int
	}{
		{errors.New("x"), false, false, 2}, {errors.New("x"), true, false, 1}, {context.Canceled, true, false, 130},
		{usagef("x"), true, false, 2},
		{errors.Join(errors.New("y"), context.Canceled), true, false, 130}, {errors.New("signal received"), true, true, 130},
	} {
		if got := exitCode(c.err, c.started, c.interrupted); got != c.code {
			t.Errorf("%v, started %v: code %d, want %d", c.err, c.started, got, c.code)
		}
	}
}

func TestVersion(t *testing.T) {
	out := succeeds(t, "version")
	for _, want := range []string{"symdiff ", "go1.", "GOEXPERIMENT=simd: " + yesNo(simdBuilt), "training: " +
		yesNo(trainingBuilt)} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	var v version
	if err := json.Unmarshal([]byte(succeeds(t, "version", "--json")), &v); err != nil {
		t.Fatal(err)
	}
	if v != currentVersion() || v.Module != "symdiff" || v.Kernels == "" {
		t.Errorf("version %+v", v)
	}
}

func TestEvaluate(t *testing.T) {
	path := writeFile(t, "a.xyz", methane+"2\n\nH 0 0 0\nH 0 0 9\n"+methane)
	out := succeeds(t, "evaluate", path)
	for _, want := range []string{
		"a.xyz: 3 molecules, 12 atoms", "stable atoms   83.33   39.58 to 97.45     10  12",
		"stable molecules   66.67   20.77 to 93.85      2   3",
		"unique among valid   66.67",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(succeeds(t, "evaluate", path, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"file": path, "molecules": 3., "atoms": 12., "stable_atoms": 10. / 12, "stable_molecules": 2. / 3, "valid": 1.,
		"unique_among_valid": 2. / 3, "valid_and_unique": 2. / 3, "connected": 2. / 3,
	} {
		if got[key] != want {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	counts := got["counts"].(map[string]any)
	if counts["stable_atoms"] != 10. || counts["unique"] != 2. || counts["not_judged"] != 0. {
		t.Errorf("counts %v", counts)
	}
	if interval := got["intervals"].(map[string]any)["valid"].([]any); len(interval) != 2 || interval[1] != 1. {
		t.Errorf("interval %v", interval)
	}
	if code, out, stderr := runCommand(methane, "evaluate", "-"); code != 0 ||
		!strings.Contains(out, "1 molecules, 5 atoms") {
		t.Errorf("standard input: %d, %s, %s", code, out, stderr)
	}
	if out := succeeds(t, "evaluate", writeFile(t, "s.xyz", "1\n\nAr 0 0 0\n")); !strings.Contains(out,
		"1 molecules have elements that the rule") {
		t.Errorf("sulphur: %s", out)
	}
}

// Standard input is XYZ or SDF by what it begins with.
func TestEvaluateReadsBothFromStandardInput(t *testing.T) {
	tiny := tinyModel(t)
	for _, out := range []string{"-", "-.sdf"} {
		text := succeeds(t, "sample", "--model", tiny, "--steps", "2", "-n", "3", "--quiet", "-o", out)
		if code, report, stderr := runCommand(text, "evaluate", "-"); code != 0 ||
			!strings.HasPrefix(report, "-: 3 molecules") {
			t.Errorf("%s: %d, %q, %q", out, code, report, stderr)
		}
	}
	for _, text := range []string{"", "1\n\nH 0 0", "a\nb\nc\nV1000\n"} {
		if code, _, stderr := runCommand(text, "evaluate", "-"); code != 1 || !strings.Contains(stderr, "standard input") {
			t.Errorf("%q: %d, %q", text, code, stderr)
		}
	}
}

func TestEvaluateFailures(t *testing.T) {
	fails(t, 1, "gone.xyz: open: no such file", "evaluate", filepath.Join(t.TempDir(), "gone.xyz"))
	fails(t, 1, `a.txt: unknown extension ".txt"`, "evaluate", writeFile(t, "a.txt", methane))
	fails(t, 1, "a.xyz:11: molecule 2: file ends, want atom 2 of 5", "evaluate",
		writeFile(t, "a.xyz", methane+"5\n\nH 0 0 0"))
	fails(t, 1, "a.xyz: no molecules", "evaluate", writeFile(t, "a.xyz", ""))
	// Before a molecule is read: the file of molecules is missing as well.
	fails(t, 1, "none/page.html: no such file", "evaluate", "gone.xyz", "--html", filepath.Join(t.TempDir(),
		"none/page.html"))
	fails(t, 1, "a.xyz.gz: is not compressed by gzip: want a name without .gz", "evaluate",
		writeFile(t, "a.xyz.gz", methane))
}

func TestInspect(t *testing.T) {
	out := succeeds(t, "inspect")
	for _, want := range []string{"qm9-web.safetensors", "SHA-256", "polynomial_2, 1000 time steps", "elements ", " N ",
		" atoms, mean "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	path := tinyModel(t)
	var r inspection
	if err := json.Unmarshal([]byte(succeeds(t, "inspect", path, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.File != path || r.Network == nil || r.Network.Variant != "symdiff" || r.Network.GammaOrder != "paper" ||
		r.Network.Timesteps != 1000 || len(r.SHA256) != 64 {
		t.Errorf("inspection %+v", r)
	}
	want := &histogram{Molecules: 4, Min: 5, Max: 12, Mean: 8.75, Std: math.Sqrt(6.1875),
		Counts: map[int]int{5: 1, 9: 2, 12: 1}}
	if h := r.Network.Histogram; h == nil || math.Abs(h.Std-want.Std) > 1e-12 {
		t.Errorf("histogram %+v, want %+v", h, want)
	} else if h.Std = want.Std; !reflect.DeepEqual(h, want) {
		t.Errorf("histogram %+v, want %+v", h, want)
	}
	var training map[string]any
	if err := json.Unmarshal(r.Training, &training); err != nil || training["command"] != "none" {
		t.Errorf("training %s", r.Training)
	}
	elements := 0
	for _, tensor := range r.Tensors {
		n := 1
		for _, d := range tensor.Shape {
			n *= d
		}
		elements += n
	}
	if elements != r.Parameters || r.Types["F32"] != elements || elements < 1000 {
		t.Errorf("%d parameters, tensors of %d, types %v", r.Parameters, elements, r.Types)
	}
	if out := succeeds(t, "inspect", path, "--tensors"); !strings.Contains(out, "xh_embedder.weight") ||
		!strings.Contains(out, "[40 9]") {
		t.Errorf("tensors: %s", out)
	}
	plain := filepath.Join(t.TempDir(), "plain.safetensors")
	if err := safetensors.WriteFile(plain,
		[]safetensors.Tensor{{Name: "a", DType: "F16", Shape: []int{2}, Data: []float32{1, 2}}}, nil); err != nil {
		t.Fatal(err)
	}
	if out := succeeds(t, "inspect", plain); !strings.Contains(out, "2 in 1 tensors (F16)") {
		t.Errorf("no network: %s", out)
	}
}

func TestInspectFailures(t *testing.T) {
	path := tinyModel(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fails(t, 1, "truncated", "inspect", writeFile(t, "cut.safetensors", string(data[:len(data)/2])))
	fails(t, 1, "truncated", "inspect", writeFile(t, "empty.safetensors", ""))
	fails(t, 1, "no such file", "inspect", "gone.safetensors")
	fails(t, 2, `unexpected argument "b", want symdiff inspect`, "inspect", "a", "b")
	fails(t, 2, "empty name", "inspect", "")
	odd := filepath.Join(t.TempDir(), "odd.safetensors")
	if err := safetensors.WriteFile(odd, nil, map[string]string{"kind": "gnn"}); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, `metadata kind: "gnn"`, "inspect", odd)
	if _, out, _ := runCommand("", "inspect", odd); !strings.Contains(out, "SHA-256") {
		t.Errorf("a network that cannot run is not described: %s", out)
	}
	fails(t, 1, `metadata kind: "gnn"`, "sample", "--model", odd)
}

// EDM's network is one like any other: described, compared, sampled.
func TestEGNN(t *testing.T) {
	const weights = "../../core/egnn/testdata/egnn.weights.safetensors"
	if out := succeeds(t, "inspect", weights); !strings.Contains(out, "egnn") {
		t.Errorf("inspect says %s", out)
	}
	f, err := safetensors.Open(weights)
	if err != nil {
		t.Fatal(err)
	}
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: "F32", Shape: info.Shape, Data: v})
	}
	md := model.Metadata(model.Config{Variant: model.None}, encoding.QM9())
	md["kind"], md["config"] = "egnn", f.Metadata["config"]
	path := filepath.Join(t.TempDir(), "egnn.safetensors")
	if err := safetensors.WriteFile(path, tensors, md); err != nil {
		t.Fatal(err)
	}
	if out := succeeds(t, "sample", "--model", path, "--n", "2", "--atoms", "5", "--steps", "3",
		"--quiet"); strings.Count(out, "seed=0") != 2 {
		t.Errorf("sample gives %s", out)
	}
	var r equivarianceReport
	if err := json.Unmarshal([]byte(succeeds(t, "equivariance", "--model", path, "--samples", "5", "--json")),
		&r); err != nil || len(r.Times) != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, row := range r.Times {
		if !(row.Coupling < 1e-4) {
			t.Errorf("an EGNN is not equivariant: %+v", row)
		}
	}
}

// The order of the published code is not equivariant, the paper's is.
func TestEquivariance(t *testing.T) {
	for name, equivariant := range map[string]bool{"symdiff": true, "symdiff_released": false, "dit": false} {
		var r equivarianceReport
		if err := json.Unmarshal([]byte(succeeds(t, "equivariance", "--model", fixtures+name+".weights.safetensors",
			"--samples", "30", "--json")), &r); err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Times {
			if (row.Coupling < 1e-4) != equivariant || equivariant && row.P < 0.002 {
				t.Errorf("%s: %+v", name, row)
			}
		}
	}
	fails(t, 2, "--atoms 1", "equivariance", "--atoms", "1")
	for _, couplings := range []string{"0", "-1"} { // none, which would find every network equivariant
		fails(t, 2, "--couplings "+couplings, "equivariance", "--couplings", couplings)
	}
}

func TestSample(t *testing.T) {
	tiny := tinyModel(t)
	dir := t.TempDir()
	args := []string{"sample", "--model", tiny, "-n", "7", "--seed", "3", "--steps", "4", "--method", "ancestral",
		"--quiet"}
	want := succeeds(t, args...)
	for _, more := range [][]string{{"--threads", "1"}, {"--threads", "3"}, {"--threads", "5"}, {"--threads", "7"}} {
		if got := succeeds(t, append(args, more...)...); got != want {
			t.Errorf("%v changes the molecules", more)
		}
	}
	if got := succeeds(t, append(args, "--count", "3")...); !strings.HasPrefix(want, got) {
		t.Error("--count changes the first molecules")
	}
	if got := succeeds(t, append(args, "-n", "4", "--first", "3")...); !strings.HasSuffix(want, got) {
		t.Error("--first 3 is not the rest of the molecules")
	}
	if got := succeeds(t, append(args, "--seed", "4")...); got == want {
		t.Error("--seed changes nothing")
	}
	for _, method := range []string{"ddim", "dpm++2m", "dpm++2m-sde", "heun"} {
		if got := succeeds(t, append(args, "--method", method)...); got == want ||
			!strings.Contains(got, " steps=4 method="+method+" t_start=1000 ") {
			t.Errorf("--method %s gives %s", method, got)
		}
	}

	var all []*molecule.Molecule
	for m, err := range molecule.ReadXYZ(strings.NewReader(want), "out") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if len(all) != 7 {
		t.Fatalf("%d molecules", len(all))
	}
	f, err := openWeights(tiny)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		valid, _ := m.Valid()
		properties := []molecule.Property{
			{Key: "seed", Value: "3"}, {Key: "index", Value: string(rune('0' + i))}, {Key: "steps", Value: "4"},
			{Key: "method", Value: "ancestral"}, {Key: "t_start", Value: "1000"}, {Key: "model", Value: f.hash[:16]},
			{Key: "formula", Value: m.Formula()}, {Key: "stable", Value: boolText(m.Stable())},
			{Key: "valid", Value: boolText(valid)},
			{Key: "connected", Value: boolText(m.Connected())},
		}
		if !slices.Equal(m.Properties, properties) {
			t.Errorf("molecule %d: %v, want %v", i, m.Properties, properties)
		}
		if n := len(m.Elements); n != 5 && n != 9 && n != 12 {
			t.Errorf("molecule %d: %d atoms, not of the histogram", i, n)
		}
	}

	for _, name := range []string{"a.xyz", "a.SDF", "b.xyz.gz", "b.sdf.gz"} {
		path := filepath.Join(dir, name)
		if out := succeeds(t, append(args, "--out", path)...); out != "" {
			t.Errorf("%s: printed %q", name, out)
		}
		i := 0
		for m, err := range molecule.Open(path) {
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Elements, all[i].Elements) {
				t.Errorf("%s: molecule %d is %s", name, i, m.Formula())
			}
			i++
		}
		if i != 7 {
			t.Errorf("%s: %d molecules", name, i)
		}
	}
	succeeds(t, append(args, "--out", filepath.Join(dir, "a.pdb"))...)
	if pdb, err := os.ReadFile(filepath.Join(dir, "a.pdb")); err != nil || strings.Count(string(pdb), "\nEND\n") != 7 {
		t.Errorf("PDB: %v\n%s", err, pdb)
	}
	var s struct {
		summary
		Seed  uint64
		Steps int
	}
	if err := json.Unmarshal([]byte(succeeds(t, append(args, "--json", "--out", filepath.Join(dir, "a.xyz"))...)),
		&s); err != nil {
		t.Fatal(err)
	}
	if s.Molecules != 7 || s.Seed != 3 || s.Steps != 4 || s.SHA256 != f.hash || !(s.Rate > 0) {
		t.Errorf("summary %+v", s)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 5 {
		t.Errorf("left in the folder: %v", entries)
	}
	lines := json.NewDecoder(strings.NewReader(succeeds(t, append(args, "--json")...)))
	for i := range all {
		var m struct {
			Seed, Index              int
			Formula, Model           string
			Elements                 []string
			Positions                [][3]float64
			Stable, Valid, Connected bool
		}
		if err := lines.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Index != i || m.Seed != 3 || m.Formula != all[i].Formula() || m.Model != f.hash[:16] ||
			m.Stable != all[i].Stable() || len(m.Positions) != len(all[i].Positions) || len(m.Elements) != len(m.Positions) {
			t.Errorf("line %d: %+v", i, m)
		}
	}
	if _, _, stderr := runCommand("", args[:len(args)-1]...); !strings.HasPrefix(stderr, "7 molecules in ") ||
		strings.Contains(stderr, "\r") {
		t.Errorf("summary on standard error: %q", stderr)
	}
	if got := succeeds(t, append(args, "--atoms", "6", "-n", "2")...); strings.Count("\n"+got, "\n6\n") != 2 {
		t.Errorf("--atoms 6: %s", got)
	}
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// The parts of a job, one after the other, are the whole.
func TestSampleInParts(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--seed", "2", "--steps", "3", "--quiet"}, more...)
	}
	for _, out := range []string{"-", "-.sdf"} {
		whole, parts := succeeds(t, args("-n", "7", "--first", "3", "-o", out)...), ""
		for _, part := range [][]string{{"-n", "2", "--first", "3"}, {"-n", "1", "--first", "5"},
			{"-n", "4", "--first", "6"}} {
			parts += succeeds(t, args(append(part, "-o", out)...)...)
		}
		if parts != whole || whole == "" {
			t.Errorf("%s: the parts are not the whole", out)
		}
	}
}

// Of a formula, and around a fragment, by the shipped model; a model that is conditioned on neither
// says so.
func TestSampleOfAFormulaAroundAFragment(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "-n", "3", "--seed", "2", "--steps", "4", "--quiet"}, more...)
	}
	if out := succeeds(t, args("--formula", "C2H4O")...); strings.Count(out, " formula=C2H4O") != 3 ||
		strings.Count(out, " target_formula=C2H4O") != 3 {
		t.Errorf("--formula gives %s", out)
	}
	line := succeeds(t, args("--formula", "OC2H4", "--json", "--out", filepath.Join(t.TempDir(), "out.xyz"))...)
	if !strings.Contains(line, `"formula": "OC2H4"`) {
		t.Error(line)
	}
	hydroxyl := writeFile(t, "hydroxyl.xyz", "2\n\nO 0 0 0\nH 0.96 0 0\n")
	for _, more := range [][]string{{"--atoms", "9"}, {}, {"--formula", "C2H6O"}} {
		out := succeeds(t, args(append(more, "--fragment", hydroxyl)...)...)
		lines := strings.Split(out, "\n")
		if strings.Count(out, " fragment=2 ") != 3 || !strings.HasPrefix(lines[2], "O ") ||
			!strings.HasPrefix(lines[3], "H ") {
			t.Errorf("--fragment with %v gives %s", more, out)
		}
		if len(more) > 0 && lines[0] != "9" {
			t.Errorf("%v gives %s atoms", more, lines[0])
		}
	}
	far := writeFile(t, "far.xyz", "2\nfar\nC 100 200 300\nO 101.43 200 300\n")
	for _, seed := range []string{"1", "2"} {
		out := succeeds(t, args("--fragment", far, "--formula", "C2H6O", "--seed", seed)...)
		if old := succeeds(t, args("--keep", far, "--formula", "C2H6O", "--seed", seed)...); old != out {
			t.Errorf("--keep is not read as --fragment:\n%s", old)
		}
		if n := strings.Count(out, "C 100.000000 200.000000 300.000000\nO 101.430000 200.000000 300.000000\n"); n != 3 {
			t.Errorf("--fragment far from the origin: fixed in %d of 3 molecules: %s", n, out)
		}
	}
	tiny := tinyModel(t)
	for want, more := range map[string][]string{
		"--atoms 1: the fragment has 2":                   {"--fragment", hydroxyl, "--atoms", "1"},
		"--fragment: not with joint":                      {"--fragment", hydroxyl, "--joint"},
		"no element":                                      {"--formula", "C2x"},
		"fewer O than the fragment":                       {"--formula", "C2H4", "--fragment", hydroxyl},
		"--atoms 8: the formula C2H4O has 7":              {"--formula", "C2H4O", "--atoms", "8"},
		"do not add up to it: want another":               {"--formula", "H2S"},
		"--formula CH4: want a model that is conditioned": {"--model", tiny, "--formula", "CH4"},
		"--fragment: want a model that is conditioned":    {"--model", tiny, "--fragment", hydroxyl},
	} {
		fails(t, 2, want, args(more...)...)
	}
	fails(t, 1, "gone.xyz", args("--fragment", "gone.xyz", "--atoms", "8")...)
	sulfide := writeFile(t, "sulfide.xyz", "2\nid=thiol\nS 0 0 0\nH 0 0 1.34\n")
	for flag, more := range map[string][]string{"--fragment": nil, "--from": {"--t-start", "10"}} {
		code, _, told := runCommand("", args(append(more, flag, sulfide, "--model", tiny)...)...)
		if code != 1 || !strings.Contains(told, sulfide+": thiol: element S is not among the model's H C N O F") {
			t.Errorf("%s: code %d, %s", flag, code, told)
		}
	}
}

// --formula learned draws from a model of the formulas, and says so of each molecule.
func TestSampleFormulasLearned(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "-n", "40", "--steps", "1", "--quiet", "--formula", "learned"}, more...)
	}
	fromModel := succeeds(t, args()...)
	fromData := succeeds(t, "sample", "-n", "40", "--steps", "1", "--quiet")
	if n := strings.Count(fromModel, "formulas=learned"); n != 40 {
		t.Errorf("%d of 40 molecules say that their formulas are learned:\n%.400s", n, fromModel)
	}
	formulas := regexp.MustCompile(` formula=(\S+)`)
	drawn := func(text string) (list []string) {
		for _, m := range formulas.FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
		return list
	}
	if a, b := drawn(fromModel), drawn(fromData); len(a) != 40 || len(b) != 40 || slices.Equal(a, b) {
		t.Errorf("formulas of the model %v, of the data %v", a, b)
	}
	out := succeeds(t, args("--json", "--out", filepath.Join(t.TempDir(), "a.xyz"))...)
	if !strings.Contains(out, `"formulas": "learned"`) {
		t.Errorf("the summary %s", out)
	}
	fails(t, 2, "not with --joint", args("--joint")...)
	fails(t, 2, "want a model that is conditioned on compositions", args("--model", tinyModel(t))...)
}

// A formula that no molecule has is sampled, under a note.
func TestSampleNotesOfAFormula(t *testing.T) {
	args := []string{"sample", "--steps", "2", "--formula", "C2H5O"}
	const want = "note: --formula C2H5O: The valences add up to an odd number. So no molecule with this formula can be " +
		"stable.\n"
	if code, _, stderr := runCommand("", args...); code != 0 || !strings.HasPrefix(stderr, want) {
		t.Errorf("code %d, %s", code, stderr)
	}
	if code, _, stderr := runCommand("", append(args, "--quiet")...); code != 0 || stderr != "" {
		t.Errorf("--quiet: code %d, %s", code, stderr)
	}
}

// A job that is long enough for a trial of batches makes the same molecules.
func TestSampleTrial(t *testing.T) {
	args := []string{"sample", "--model", tinyModel(t), "--count", "100", "--atoms", "2", "--steps", "40",
		"--threads", "1", "--quiet"}
	if first := succeeds(t, append(args, "--count", "1")...); !strings.HasPrefix(succeeds(t, args...), first) {
		t.Error("the molecules depend on the batch")
	}
}

// Molecules of a file are started from in turn, each with its own number of atoms, in parts too.
func TestSampleFrom(t *testing.T) {
	both := writeFile(t, "both.xyz", methane+"3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--from", both, "--t-start", "1", "--steps", "1",
			"--seed", "2", "--quiet"}, more...)
	}
	if out := succeeds(t, args()...); strings.Count(out, "from=2") != 2 ||
		strings.Count(out, "formula=CH4 ")+strings.Count(out, "formula=H2O ") != 2 {
		t.Errorf("--from gives %s", out)
	}
	whole, parts := succeeds(t, args("--count", "5")...), succeeds(t, args("--count", "2")...)
	parts += succeeds(t, args("--count", "3", "--first", "2")...)
	if strings.Count(whole, "formula=CH4 ") != 3 || parts != whole {
		t.Errorf("five give %s, their parts %s", whole, parts)
	}
	fails(t, 2, "--from: want t_start", "sample", "--from", both)
	fails(t, 2, "--from: not with formula", args("--formula", "CH4")...)
	fails(t, 1, "gone.xyz", "sample", "--from", "gone.xyz", "--t-start", "5")
	fails(t, 1, "no molecule", "sample", "--from", writeFile(t, "none.xyz", ""), "--t-start", "5")
	fails(t, 1, "s.xyz: S: element S is not among", "sample", "--from", writeFile(t, "s.xyz", "1\n\nS 0 0 0\n"),
		"--t-start", "5")
}

// With the moments of molecules a run can start part-way, and does so by default; without, it says
// so. To name a default changes nothing.
func TestSampleDefaults(t *testing.T) {
	path, tiny := filepath.Join(t.TempDir(), "moments.safetensors"), tinyModel(t)
	data := writeFile(t, "data.xyz", methane)
	if out := succeeds(t, "export", tiny, "--moments", data, "--out", path); !strings.Contains(out,
		"moments of 1 molecules") {
		t.Errorf("export says %s", out)
	}
	fails(t, 1, "no molecules", "export", tiny, "--moments", writeFile(t, "none.xyz", ""), "--out", path)
	fails(t, 1, "molecule 2: element S", "export", tiny, "--moments", writeFile(t, "s.xyz",
		methane+"1\n\nS 0 0 0\n"), "--out", path)
	for _, ignored := range [][]string{{"--moments", data}, {"--dtype", "f16"}} {
		fails(t, 2, "not with --to pytorch", append([]string{"export", tiny, "--to", "pytorch", "--out", path},
			ignored...)...)
	}
	args := func(model string, more ...string) []string {
		return append([]string{"sample", "--model", model, "--atoms", "4", "--quiet"}, more...)
	}
	if out := succeeds(t, args(path, "--t-start", "500", "--steps", "3")...); !strings.Contains(out,
		" steps=3 method=dpm++2m-sde t_start=500 ") {
		t.Errorf("sample gives %s", out)
	}
	want := succeeds(t, args(path)...)
	if !strings.Contains(want, " steps=40 method=dpm++2m-sde t_start=600 ") {
		t.Errorf("by default %s", want)
	}
	for _, more := range [][]string{{"--steps", "40"}, {"--t-start", "600"}, {"--method", "dpm++2m-sde"},
		{"--set", "noise_scale=1"}, {"-n", "1", "-s", "0", "--first", "0"}} {
		if got := succeeds(t, args(path, more...)...); got != want {
			t.Errorf("%v gives %s, want %s", more, got, want)
		}
	}
	if out := succeeds(t, args(tiny)...); !strings.Contains(out, " steps=40 method=dpm++2m-sde t_start=1000 ") {
		t.Errorf("without moments %s", out)
	}
	fails(t, 2, "--t-start 500: the weights file has no moments", args(tiny, "--t-start", "500")...)
	fails(t, 2, "--t-start 1001: want 1 to 1000", args(path, "--t-start", "1001")...)
	fails(t, 2, "--steps 601: want 1 to 600", args(path, "--steps", "601")...)
	var line map[string]any
	err := json.Unmarshal([]byte(succeeds(t, args(path, "--json")...)), &line)
	if err != nil || line["method"] != "dpm++2m-sde" || line["t_start"] != 600. || line["steps"] != 40. ||
		line["index"] != 0. {
		t.Errorf("as JSON: %+v, %v", line, err)
	}
}

// What changes a run is in its file.
func TestSampleVariations(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--seed", "3", "--atoms", "4", "--steps", "5",
			"--quiet"}, more...)
	}
	weak := tinyModelTimes(t, 0.8)
	plain := succeeds(t, args()...)
	for _, c := range []struct{ flags, property string }{
		{"--gamma haar", " gamma=haar "},
		{"--gamma none", " gamma=none "},
		{"--gamma released", " gamma=released "},
		{"--set rotate=0,1,0,-1,0,0,0,0,1", ` rotate="0,1,0,-1,0,0,0,0,1" `},
		{"--set rotate=0,1,0,-1,0,0,0,0,1 --set uncoupled=true", ` rotate="0,1,0,-1,0,0,0,0,1" uncoupled=true `},
		{"--set branches=2:9,4:11", ` branches="2:9,4:11" `},
		{"--set noise_scale=0.5", " noise_scale=0.5 "},
		{"--guide " + weak, " guide_weight=1 "},
		{"--guide " + weak + "@weight=2.5", " guide_weight=2.5 "},
	} {
		out := succeeds(t, args(strings.Fields(c.flags)...)...)
		if !strings.Contains(out, c.property) || strings.Split(out, "\n")[2] == strings.Split(plain, "\n")[2] {
			t.Errorf("%s gives %s, without it %s", c.flags, out, plain)
		}
	}
	for want, more := range map[string][]string{
		`--set rotate "1": 1 numbers, want nine`:                    {"--set", "rotate=1"},
		"want nine numbers":                                         {"--set", "rotate=x,0,0,0,1,0,0,0,1"},
		"not orthogonal":                                            {"--set", "rotate=2,0,0,0,1,0,0,0,1"},
		"--set uncoupled: want rotate":                              {"--set", "uncoupled=true"},
		"want STEP:SEED":                                            {"--set", "branches=3"},
		"--set branches: step 6, want 0 to 5":                       {"--set", "branches=6:1"},
		`--gamma "so2": want learned, released, haar, none`:         {"--gamma", "so2"},
		"--set noise_scale -1: want a number above 0":               {"--set", "noise_scale=-1"},
		"draws no noise":                                            {"--set", "noise_scale=0.9", "--method", "ddim"},
		"want a weight from 0 to 100":                               {"--guide", weak + "@weight=-1"},
		`"noise": no such option`:                                   {"--set", "noise=1"},
		"want NAME=VALUE":                                           {"--set", "noise"},
		"--set cfg_weight 1: want properties":                       {"--set", "cfg_weight=1"},
		`--properties: "gap": the model is conditioned on: nothing`: {"--properties", "gap=1"},
		"each name once":                                            {"--properties", "gap=1", "--properties", "gap=2"},
	} {
		fails(t, 2, want, args(more...)...)
	}
	fails(t, 1, "--guide ../../core/egnn/testdata/egnn.weights.safetensors: want the elements of ",
		args("--guide", "../../core/egnn/testdata/egnn.weights.safetensors")...)
	fails(t, 1, "gone.safetensors", args("--guide", "gone.safetensors")...)
	if guided := succeeds(t, args("--guide", tinyModel(t))...); strings.Split(guided,
		"\n")[2] != strings.Split(plain, "\n")[2] {
		t.Errorf("guided by itself the model makes another molecule: %s, %s", guided, plain)
	}
}

func TestSampleShipped(t *testing.T) {
	out := succeeds(t, "sample", "--n", "2", "--steps", "2", "--atoms", "5", "--quiet")
	if code, report, stderr := runCommand(out, "evaluate", "-"); code != 0 ||
		!strings.Contains(report, "2 molecules, 10 atoms") {
		t.Errorf("%d, %s, %s", code, report, stderr)
	}
}

func TestSampleFailures(t *testing.T) {
	tiny := tinyModel(t)
	dir := t.TempDir()
	sample := func(more ...string) []string {
		return append([]string{"sample", "--model", tiny, "--steps", "2", "-n", "3", "--quiet"}, more...)
	}
	fails(t, 2, `format "txt", want xyz, sdf or pdb`, sample("--out", filepath.Join(dir, "a.txt"))...)
	fails(t, 2, `format "", want xyz, sdf or pdb`, sample("--out", filepath.Join(dir, "a"))...)
	fails(t, 2, `format "mol2"`, sample("--out", "-.mol2")...)
	fails(t, 2, "--out: empty name", sample("--out", "")...)
	fails(t, 2, "--count 0: want 1 or more", sample("--count", "0")...)
	fails(t, 2, "--first 2147483647: want 0 to 2147483645", sample("--first", "2147483647")...)
	fails(t, 2, "--first -1: want 0 to 2147483645", sample("--first", "-1")...)
	fails(t, 2, "--atoms 5000: want 0 to 1024", sample("--atoms", "5000")...)
	fails(t, 2, "SDF (V2000) holds 999", sample("--atoms", "1000", "-o", "-.sdf")...)
	fails(t, 2, "--steps 1001: want 1 to 1000", sample("--steps", "1001")...)
	fails(t, 2, `--method "euler": want ancestral, ddim, dpm++2m, dpm++2m-sde, heun`, sample("--method", "euler")...)
	fails(t, 2, "--threads -1", sample("--threads", "-1")...)
	fails(t, 2, "--seed", sample("--seed", "-1")...)
	fails(t, 1, "no such file", sample("--out", filepath.Join(dir, "no", "a.xyz"))...)
	fails(t, 1, "not a directory", sample("--out", filepath.Join(writeFile(t, "file", ""), "a.xyz"))...)
	folder := filepath.Join(dir, "folder.xyz")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, "is a folder", sample("--out", folder)...)
	fails(t, 1, "no such file", sample("--model", filepath.Join(dir, "gone.safetensors"))...)
	data, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	fails(t, 1, "truncated", sample("--model", writeFile(t, "cut.safetensors", string(data[:len(data)-4])))...)
	fails(t, 1, "metadata elements", sample("--model", fixtures+"symdiff.weights.safetensors")...)
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

// A full disk fails with its reason.
func TestSampleFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	link := filepath.Join(t.TempDir(), "a.xyz")
	if err := os.Symlink("/dev/full", link); err != nil {
		t.Fatal(err)
	}
	tiny := tinyModel(t)
	fails(t, 1, "a.xyz: no space left on device", "sample", "--model", tiny, "--steps", "2", "--quiet", "--out", link)
	if _, err := os.Lstat(link); err != nil {
		t.Error("the device's name was removed")
	}
	var stderr bytes.Buffer
	for _, args := range [][]string{
		{"sample", "--model", tiny, "--steps", "2", "--quiet"}, {"version"}, {"inspect", "--json"},
		{"evaluate", writeFile(t, "a.xyz", methane)},
	} {
		stderr.Reset()
		if code := run(context.Background(), args, nil, full, &stderr); code != 1 ||
			!strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%s to a full disk: code %d, %s", args[0], code, stderr.String())
		}
	}
}

// A cancelled run ends with 130 and leaves the old file as it was.
func TestSampleInterrupted(t *testing.T) {
	path := writeFile(t, "a.xyz", "old")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	var stderr bytes.Buffer
	start := time.Now()
	code := run(ctx, []string{"sample", "--model", tinyModel(t), "--n", "100000", "--out", path}, nil, io.Discard, &stderr)
	if code != 130 || time.Since(start) > 20*time.Second {
		t.Errorf("code %d after %v, %s", code, time.Since(start), stderr.String())
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("the file holds %.40q, %v", text, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestOutput(t *testing.T) {
	path := writeFile(t, "a.xyz.gz", "old")
	link := filepath.Join(filepath.Dir(path), "link.xyz.gz")
	if err := os.Symlink("a.xyz.gz", link); err != nil {
		t.Fatal(err)
	}
	o, err := createOutput(link, true)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(o, "new")
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Errorf("before Commit the file holds %q", text)
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != "new" {
		t.Errorf("after Commit the file holds %q, %v", text, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link has become %v, %v", info, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 2 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := startProgress(&b, "molecules", 10, 4)
	if got := p.line(0); got != "  0 %  molecules" {
		t.Errorf("at the start: %q", got)
	}
	p.add(10)
	if got := p.line(5 * time.Second); got != " 25 %  2.5/10 molecules  0.50/s  15s left" {
		t.Errorf("after 5 s: %q", got)
	}
	time.Sleep(300 * time.Millisecond)
	p.end()
	if text := b.String(); !strings.HasPrefix(text, "\r 25 %") || !strings.HasSuffix(text, "\r\x1b[K") {
		t.Errorf("drawn: %q", text)
	}
	var none *progress
	none.add(1)
	none.end()
}

func TestVersionTellsTheLicences(t *testing.T) {
	var out, stderr bytes.Buffer
	if code := run(t.Context(), []string{"version", "--licences"}, nil, &out, &stderr); code != 0 ||
		!strings.Contains(out.String(), "The Go Authors") || !strings.Contains(out.String(), "cobra") {
		t.Errorf("code %d, %s: %.200s", code, stderr.String(), out.String())
	}
}
