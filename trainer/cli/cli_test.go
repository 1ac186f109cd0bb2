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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// symdiff runs the command in this process.
func symdiff(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// succeeds runs the command, which must end with code 0, and returns what it
// prints.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := symdiff("", args...)
	if code != 0 {
		t.Fatalf("symdiff %q: code %d, %s", args, code, stderr)
	}
	return stdout
}

// fails runs the command, which must end with the code and tell the reason in
// one line, and in a second one, for wrong usage, where there is help.
func fails(t *testing.T, code int, reason string, args ...string) {
	t.Helper()
	got, _, stderr := symdiff("", args...)
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	want := 1
	if code == exitUsage {
		want = 2
	}
	if got != code || !strings.Contains(lines[0], reason) || !strings.HasPrefix(lines[0], "symdiff: ") || len(lines) != want {
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
	meta := model.QM9Meta()
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

const ammonia = `4

N 0 0 0
H 0.94 0 -0.38
H -0.47 0.81 -0.38
H -0.47 -0.81 -0.38
`

func TestUsage(t *testing.T) {
	fails(t, 2, `unknown command "foo"`, "foo")
	fails(t, 2, "unknown flag: --bar", "sample", "--bar")
	fails(t, 2, `invalid argument "x"`, "sample", "--n", "x")
	fails(t, 2, "unknown command", "sample", "stray")
	fails(t, 2, "accepts 1 arg(s), received 0", "evaluate")
	fails(t, 2, "accepts 1 arg(s), received 2", "evaluate", "a.xyz", "b.xyz")
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
	if out := succeeds(t, "__complete", "sample", "--format", ""); !strings.HasPrefix(out, "xyz\nsdf\npdb\n") {
		t.Errorf("completion of --format: %q", out)
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err                  error
		started, interrupted bool
		code                 int
	}{
		{errors.New("x"), false, false, 2}, {errors.New("x"), true, false, 1}, {context.Canceled, true, false, 130}, {usagef("x"), true, false, 2},
		{errors.Join(errors.New("y"), context.Canceled), true, false, 130}, {errors.New("signal received"), true, true, 130},
	} {
		if got := exitCode(c.err, c.started, c.interrupted); got != c.code {
			t.Errorf("%v, started %v: code %d, want %d", c.err, c.started, got, c.code)
		}
	}
}

func TestVersion(t *testing.T) {
	out := succeeds(t, "version")
	for _, want := range []string{"symdiff ", "go1.", "GOEXPERIMENT=simd: " + yesNo(simdBuilt), "training: " + yesNo(trainingBuilt)} {
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
		"a.xyz: 3 molecules, 12 atoms", "stable atoms   83.33   39.58 to 97.45     10  12", "stable molecules   66.67   20.77 to 93.85      2   3",
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
	if code, out, stderr := symdiff(methane, "evaluate", "-"); code != 0 || !strings.Contains(out, "1 molecules, 5 atoms") {
		t.Errorf("standard input: %d, %s, %s", code, out, stderr)
	}
	if out := succeeds(t, "evaluate", writeFile(t, "s.xyz", "1\n\nAr 0 0 0\n")); !strings.Contains(out, "1 molecules have elements that the rule") {
		t.Errorf("sulphur: %s", out)
	}
}

func TestEvaluateFailures(t *testing.T) {
	fails(t, 1, "gone.xyz: open: no such file", "evaluate", filepath.Join(t.TempDir(), "gone.xyz"))
	fails(t, 1, `a.txt: unknown extension ".txt"`, "evaluate", writeFile(t, "a.txt", methane))
	fails(t, 1, "a.xyz:11: molecule 2: file ends, want atom 2 of 5", "evaluate", writeFile(t, "a.xyz", methane+"5\n\nH 0 0 0"))
	fails(t, 1, "a.xyz: no molecules", "evaluate", writeFile(t, "a.xyz", ""))
	fails(t, 1, "a.xyz.gz: gzip: invalid header", "evaluate", writeFile(t, "a.xyz.gz", methane))
}

func TestInspect(t *testing.T) {
	out := succeeds(t, "inspect")
	for _, want := range []string{"qm9-web.safetensors", "SHA-256", "polynomial_2, 1000 time steps", "H C N O F", "to 29 atoms"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	path := tinyModel(t)
	var r inspection
	if err := json.Unmarshal([]byte(succeeds(t, "inspect", path, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.File != path || r.Network == nil || r.Network.Variant != "symdiff" || r.Network.GammaOrder != "paper" || r.Network.Timesteps != 1000 || len(r.SHA256) != 64 {
		t.Errorf("inspection %+v", r)
	}
	want := &histogram{Molecules: 4, Min: 5, Max: 12, Mean: 8.75, Std: math.Sqrt(6.1875), Counts: map[int]int{5: 1, 9: 2, 12: 1}}
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
	if out := succeeds(t, "inspect", path, "--tensors"); !strings.Contains(out, "xh_embedder.weight") || !strings.Contains(out, "[40 9]") {
		t.Errorf("tensors: %s", out)
	}
	plain := filepath.Join(t.TempDir(), "plain.safetensors")
	if err := safetensors.WriteFile(plain, []safetensors.Tensor{{Name: "a", DType: "F16", Shape: []int{2}, Data: []float32{1, 2}}}, nil); err != nil {
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
	fails(t, 2, "accepts at most 1 arg", "inspect", "a", "b")
	fails(t, 2, "empty name", "inspect", "")
	odd := filepath.Join(t.TempDir(), "odd.safetensors")
	if err := safetensors.WriteFile(odd, nil, map[string]string{"kind": "gnn"}); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, `metadata kind: "gnn"`, "inspect", odd)
	if _, out, _ := symdiff("", "inspect", odd); !strings.Contains(out, "SHA-256") {
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
	md := model.Metadata(model.Config{Variant: model.None}, model.QM9Meta())
	md["kind"], md["config"] = "egnn", f.Metadata["config"]
	path := filepath.Join(t.TempDir(), "egnn.safetensors")
	if err := safetensors.WriteFile(path, tensors, md); err != nil {
		t.Fatal(err)
	}
	if out := succeeds(t, "sample", "--model", path, "--n", "2", "--atoms", "5", "--steps", "3", "--quiet"); strings.Count(out, "seed=0") != 2 {
		t.Errorf("sample gives %s", out)
	}
	var r equivarianceReport
	if err := json.Unmarshal([]byte(succeeds(t, "equivariance", "--model", path, "--samples", "5", "--json")), &r); err != nil || len(r.Times) != 4 {
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
		if err := json.Unmarshal([]byte(succeeds(t, "equivariance", "--model", fixtures+name+".weights.safetensors", "--samples", "30", "--json")), &r); err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Times {
			if (row.Coupling < 1e-4) != equivariant || equivariant && row.P < 0.002 {
				t.Errorf("%s: %+v", name, row)
			}
		}
	}
	fails(t, 2, "--atoms 1", "equivariance", "--atoms", "1")
}

func TestSample(t *testing.T) {
	tiny := tinyModel(t)
	dir := t.TempDir()
	args := []string{"sample", "--model", tiny, "--n", "7", "--seed", "3", "--steps", "4", "--method", "ancestral", "--quiet"}
	want := succeeds(t, args...)
	for _, more := range [][]string{{"--threads", "1"}, {"--threads", "3", "--batch", "2"}, {"--batch", "7"}, {"--threads", "5", "--batch", "1"}} {
		if got := succeeds(t, append(args, more...)...); got != want {
			t.Errorf("%v changes the molecules", more)
		}
	}
	if got := succeeds(t, append(args, "--n", "3")...); !strings.HasPrefix(want, got) {
		t.Error("--n changes the first molecules")
	}
	if got := succeeds(t, append(args, "--n", "4", "--first", "3")...); !strings.HasSuffix(want, got) {
		t.Error("--first 3 is not the rest of the molecules")
	}
	if got := succeeds(t, append(args, "--seed", "4")...); got == want {
		t.Error("--seed changes nothing")
	}
	for _, method := range []string{"ddim", "dpm++2m", "dpm++2m-sde", "heun"} {
		if got := succeeds(t, append(args, "--method", method)...); got == want || !strings.Contains(got, " steps=4 method="+method+" ") {
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
			{Key: "seed", Value: "3"}, {Key: "index", Value: string(rune('0' + i))}, {Key: "steps", Value: "4"}, {Key: "model", Value: f.hash[:16]},
			{Key: "formula", Value: m.Formula()}, {Key: "stable", Value: boolText(m.Stable())}, {Key: "valid", Value: boolText(valid)},
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
	var s summary
	if err := json.Unmarshal([]byte(succeeds(t, append(args, "--json", "--out", filepath.Join(dir, "a.xyz"))...)), &s); err != nil {
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
		var m sampledMolecule
		if err := lines.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Index != i || m.Seed != 3 || m.Formula != all[i].Formula() || len(m.Positions) != len(all[i].Positions) || len(m.Elements) != len(m.Positions) {
			t.Errorf("line %d: %+v", i, m)
		}
	}
	if _, _, stderr := symdiff("", args[:len(args)-1]...); !strings.HasPrefix(stderr, "7 molecules in ") || strings.Contains(stderr, "\r") {
		t.Errorf("summary on standard error: %q", stderr)
	}
	if got := succeeds(t, append(args, "--atoms", "6", "--n", "2")...); strings.Count("\n"+got, "\n6\n") != 2 {
		t.Errorf("--atoms 6: %s", got)
	}
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// The shipped model runs.
// The parts of a sharded job, one after the other, are the whole.
func TestSampleShards(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--n", "7", "--first", "3", "--seed", "2", "--steps", "3", "--quiet"}, more...)
	}
	for _, format := range []string{"xyz", "sdf"} {
		whole, parts := succeeds(t, args("--format", format)...), ""
		for _, shard := range []string{"1/3", "2/3", "3/3"} {
			part := succeeds(t, args("--format", format, "--shard", shard)...)
			if part == "" || part == whole {
				t.Errorf("%s, shard %s: %d bytes of %d", format, shard, len(part), len(whole))
			}
			parts += part
		}
		if parts != whole {
			t.Errorf("%s: the parts are not the whole", format)
		}
	}
	for _, shard := range []string{"0/3", "4/3", "1/8", "1", "a/b", "1/3x", "-1/3", "1/ 3"} {
		fails(t, 2, "--shard", args("--shard", shard)...)
	}
}

func TestSampleGiven(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--n", "3", "--seed", "2", "--steps", "4", "--quiet"}, more...)
	}
	if out := succeeds(t, args("--formula", "C2H4O", "--resample", "2")...); strings.Count(out, "formula=C2H4O") != 3 {
		t.Errorf("--formula gives %s", out)
	}
	var told summary
	line := succeeds(t, args("--formula", "OC2H4", "--resample", "2", "--json", "--out", filepath.Join(t.TempDir(), "out.xyz"))...)
	if err := json.Unmarshal([]byte(line), &told); err != nil || told.Formula == nil || *told.Formula != (wanted{"C2H4O", 3}) {
		t.Errorf("%s, %v", line, err)
	}
	fails(t, 1, "guidance without", args("--formula", "C2H4O", "--property-guidance", "1")...)
	fails(t, 2, "--property-guidance", args("--property-guidance", "1")...)
	water := writeFile(t, "water.xyz", "3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
	out := succeeds(t, args("--keep", water, "--atoms", "6")...)
	lines := strings.Split(out, "\n")
	if len(lines) < 8 || lines[0] != "6" || !strings.HasPrefix(lines[2], "O ") || !strings.HasPrefix(lines[3], "H ") || !strings.HasPrefix(lines[4], "H ") {
		t.Errorf("--keep gives %s", out)
	}
	out = succeeds(t, args("--keep", water)...)
	if lines := strings.Split(out, "\n"); strings.Count(out, "seed=2") != 3 || !strings.HasPrefix(lines[2], "O ") || !strings.HasPrefix(lines[4], "H ") {
		t.Errorf("--keep without --atoms gives %s", out)
	}
	far := writeFile(t, "far.xyz", "2\nfar\nC 100 200 300\nO 101.2 200 300\n")
	for _, seed := range []string{"1", "2"} {
		out = succeeds(t, args("--keep", far, "--atoms", "5", "--seed", seed)...)
		if n := strings.Count(out, "C 100.000000 200.000000 300.000000\nO 101.200000 200.000000 300.000000\n"); n != 3 {
			t.Errorf("--keep far from the origin: kept in %d of 3 molecules: %s", n, out)
		}
	}
	fails(t, 2, "--atoms 2", args("--keep", water, "--atoms", "2")...)
	fails(t, 2, "no element", args("--formula", "C2x")...)
	out = succeeds(t, args("--keep", water, "--formula", "C2H4O")...)
	if lines := strings.Split(out, "\n"); strings.Count(out, "formula=C2H4O") != 3 || !strings.HasPrefix(lines[2], "O ") || !strings.HasPrefix(lines[4], "H ") {
		t.Errorf("--keep with --formula gives %s", out)
	}
	fails(t, 2, "fewer O than the part", args("--formula", "C2H4", "--keep", water)...)
	fails(t, 2, "--resample", args("--resample", "3")...)
	fails(t, 2, "C2H4O has 7", args("--formula", "C2H4O", "--atoms", "8")...)
	fails(t, 1, "gone.xyz", args("--keep", "gone.xyz", "--atoms", "8")...)
	fails(t, 1, "element S is not", args("--formula", "H2S")...)
}

// A job that is long enough for a trial of batches makes the same molecules.
func TestSampleTrial(t *testing.T) {
	args := []string{"sample", "--model", tinyModel(t), "--n", "100", "--atoms", "2", "--steps", "40", "--threads", "1", "--quiet"}
	if succeeds(t, args...) != succeeds(t, append(args, "--batch", "7")...) {
		t.Error("the molecules depend on the batch")
	}
}

// Molecules of a file are started from in turn, each with its own number of atoms, in shards too.
func TestSampleFrom(t *testing.T) {
	both := writeFile(t, "both.xyz", methane+"3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--from", both, "--start", "1", "--steps", "1", "--seed", "2", "--quiet"}, more...)
	}
	if out := succeeds(t, args("--n", "0")...); strings.Count(out, "from=true") != 2 || strings.Count(out, "formula=CH4 ")+strings.Count(out, "formula=H2O ") != 2 {
		t.Errorf("--from gives %s", out)
	}
	whole, parts := succeeds(t, args("--n", "5")...), ""
	for _, shard := range []string{"1/2", "2/2"} {
		parts += succeeds(t, args("--n", "5", "--shard", shard)...)
	}
	if strings.Count(whole, "formula=CH4 ") != 3 || parts != whole {
		t.Errorf("five give %s, their shards %s", whole, parts)
	}
	fails(t, 2, "want --start", "sample", "--from", both)
	fails(t, 2, "--n 0", "sample", "--n", "0")
	fails(t, 2, "not with --formula", args("--formula", "CH4")...)
	fails(t, 1, "gone.xyz", "sample", "--from", "gone.xyz", "--start", "5")
	fails(t, 1, "no molecule", "sample", "--from", writeFile(t, "none.xyz", ""), "--start", "5")
	fails(t, 1, "element S is not", "sample", "--from", writeFile(t, "s.xyz", "1\n\nS 0 0 0\n"), "--start", "5")
}

// With the moments of molecules a run can start part-way; without, it says so.
func TestSampleStart(t *testing.T) {
	path, tiny := filepath.Join(t.TempDir(), "moments.safetensors"), tinyModel(t)
	data := writeFile(t, "data.xyz", methane)
	if out := succeeds(t, "export", tiny, "--moments", data, "--out", path); !strings.Contains(out, "moments of 1 molecules") {
		t.Errorf("export says %s", out)
	}
	args := []string{"sample", "--model", path, "--atoms", "4", "--quiet"}
	if out := succeeds(t, append(args, "--start", "500", "--steps", "3")...); !strings.Contains(out, " start=500 ") {
		t.Errorf("sample gives %s", out)
	}
	fails(t, 1, "no moments", "sample", "--model", tiny, "--start", "500", "--steps", "3")
	fails(t, 1, "start at t = 1001", append(args, "--start", "1001", "--steps", "3")...)
	fails(t, 1, "no molecules", "export", tiny, "--moments", writeFile(t, "none.xyz", ""), "--out", path)
}

// What is left open of the sampler is core's choice, which the moments of the weights decide.
func TestSampleUsual(t *testing.T) {
	path, tiny := filepath.Join(t.TempDir(), "moments.safetensors"), tinyModel(t)
	succeeds(t, "export", tiny, "--moments", writeFile(t, "data.xyz", methane), "--out", path)
	args := func(model string, more ...string) []string {
		return append([]string{"sample", "--model", model, "--atoms", "4", "--quiet"}, more...)
	}
	for _, c := range []struct{ args, same []string }{
		{args(path), args(path, "--method", "dpm++2m-sde", "--start", "600", "--steps", "40")},
		{args(tiny), args(tiny, "--method", "dpm++2m-sde", "--steps", "50")},
		{args(path, "--start", "1000"), args(path, "--method", "dpm++2m-sde", "--steps", "50", "--start", "0")},
		{args(path, "--steps", "6"), args(path, "--method", "dpm++2m-sde", "--steps", "6")},
		{args(path, "--formula", "CH3", "--steps", "6"), args(path, "--formula", "CH3", "--method", "ancestral", "--resample", "10", "--steps", "6")},
	} {
		if got, want := succeeds(t, c.args...), succeeds(t, c.same...); got != want {
			t.Errorf("%v gives %s, %v %s", c.args, got, c.same, want)
		}
	}
	var line sampledMolecule
	if err := json.Unmarshal([]byte(succeeds(t, args(path, "--json")...)), &line); err != nil || line.Method != "dpm++2m-sde" || line.Start != 600 || line.Steps != 40 {
		t.Errorf("as JSON: %+v, %v", line, err)
	}
	o := sampleOptions{condition: condition{values: map[string]float64{"gap": 1}}}
	o.complete(model.Meta{Schedule: schedule.Spec{Timesteps: 1000}, Moments: new(model.Moments)})
	if o.start != 0 || o.steps != 50 {
		t.Errorf("for a property from t = %d in %d steps, want from the last time in 50", o.start, o.steps)
	}
}

// A run's variations are in its file, and the branch of a seed goes its own way after the step.
func TestSampleVariations(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"sample", "--model", tinyModel(t), "--seed", "3", "--atoms", "4", "--steps", "5", "--quiet"}, more...)
	}
	worse := tinyModelTimes(t, 0.8)
	plain := succeeds(t, args()...)
	for _, c := range []struct{ flags, property string }{
		{"--gamma haar", " gamma=haar "},
		{"--gamma none", " gamma=none "},
		{"--gamma-order released", " gamma_order=released "},
		{"--turn 0,1,0,-1,0,0,0,0,1", ` turn="0,1,0,-1,0,0,0,0,1" `},
		{"--turn 0,1,0,-1,0,0,0,0,1 --couple=false", ` turn="0,1,0,-1,0,0,0,0,1" couple=false `},
		{"--branch 2:9 --branch 4:11", ` branch="2:9,4:11" `},
		{"--noise-scale 0.5", " noise_scale=0.5 "},
		{"--guidance 2 --guide " + worse, " guidance=2"},
		{"--better " + tinyModelTimes(t, 0.9) + " --guide " + worse, " better="},
		{"--guide-from 0.2 --guide-to 0.7 --guide " + worse, ` guide_between="0.2,0.7"`},
	} {
		out := succeeds(t, args(strings.Fields(c.flags)...)...)
		if !strings.Contains(out, c.property) || strings.Split(out, "\n")[2] == strings.Split(plain, "\n")[2] {
			t.Errorf("%s gives %s, without it %s", c.flags, out, plain)
		}
	}
	fails(t, 2, "1 numbers, want 9", args("--turn", "1")...)
	fails(t, 2, `"x" is no number`, args("--turn", "x,0,0,0,1,0,0,0,1")...)
	fails(t, 1, "not orthogonal", args("--turn", "2,0,0,0,1,0,0,0,1")...)
	fails(t, 2, "want --turn", args("--couple=false")...)
	fails(t, 2, "want STEP:SEED", args("--branch", "3")...)
	fails(t, 1, "branch at step 6", args("--branch", "6:1")...)
	fails(t, 1, "unknown kind", args("--gamma", "so2")...)
	fails(t, 2, "want a number above 0", args("--noise-scale", "-1")...)
	fails(t, 2, "draws no noise", args("--noise-scale", "0.9", "--method", "ddim")...)
	fails(t, 2, "want a number from 0 to 100", args("--guide", worse, "--guidance", "-1")...)
	fails(t, 2, "want two times from 0 to 1, the smaller first", args("--guide", worse, "--guide-from", "0.7", "--guide-to", "0.2")...)
	fails(t, 2, "want a --guide that it is better than", args("--better", worse)...)
	for _, flag := range []string{"--guidance", "--guide-from", "--guide-to"} {
		fails(t, 2, "want a --guide that leads", args(flag, "0.5")...)
	}
	fails(t, 1, "--better ../../core/egnn/testdata/egnn.weights.safetensors: elements, schedule or noise of gamma", args("--guide", worse, "--better", "../../core/egnn/testdata/egnn.weights.safetensors")...)
	fails(t, 1, "elements, schedule or noise of gamma", args("--guide", "../../core/egnn/testdata/egnn.weights.safetensors")...)
	for _, flags := range [][]string{{"--guide", tinyModel(t)}, {"--guide", worse, "--better", worse}, {"--guide", worse, "--guide-from", "0.999", "--guide-to", "0.9995"}} {
		if guided := succeeds(t, args(flags...)...); strings.Split(guided, "\n")[2] != strings.Split(plain, "\n")[2] {
			t.Errorf("%v: led by no difference the model makes another molecule: %s, %s", flags, guided, plain)
		}
	}
}

func TestSampleShipped(t *testing.T) {
	out := succeeds(t, "sample", "--n", "2", "--steps", "2", "--atoms", "5", "--quiet")
	if code, report, stderr := symdiff(out, "evaluate", "-"); code != 0 || !strings.Contains(report, "2 molecules, 10 atoms") {
		t.Errorf("%d, %s, %s", code, report, stderr)
	}
}

func TestSampleFailures(t *testing.T) {
	tiny := tinyModel(t)
	dir := t.TempDir()
	sample := func(more ...string) []string {
		return append([]string{"sample", "--model", tiny, "--steps", "2", "--n", "3", "--quiet"}, more...)
	}
	fails(t, 2, `format "txt", want xyz, sdf or pdb`, sample("--out", filepath.Join(dir, "a.txt"))...)
	fails(t, 2, `format "", want xyz, sdf or pdb`, sample("--out", filepath.Join(dir, "a"))...)
	fails(t, 2, `format "mol2"`, sample("--format", "mol2")...)
	fails(t, 2, "--out: empty name", sample("--out", "")...)
	fails(t, 2, "--n 0: want 1 to", sample("--n", "0")...)
	fails(t, 2, "--atoms 5000: want 0 to 1024", sample("--atoms", "5000")...)
	fails(t, 2, "SDF (V2000) holds 999", sample("--atoms", "1000", "--format", "sdf")...)
	fails(t, 2, "--steps 1001: the model was trained with 1000", sample("--steps", "1001")...)
	fails(t, 2, `--method "euler": want one of [ancestral ddim dpm++2m dpm++2m-sde heun]`, sample("--method", "euler")...)
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
		{"sample", "--model", tiny, "--steps", "2", "--quiet"}, {"version"}, {"inspect", "--json"}, {"evaluate", writeFile(t, "a.xyz", methane)},
	} {
		stderr.Reset()
		if code := run(context.Background(), args, nil, full, &stderr); code != 1 || !strings.Contains(stderr.String(), "no space left on device") {
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
	if code := run(t.Context(), []string{"version", "--licences"}, nil, &out, &stderr); code != 0 || !strings.Contains(out.String(), "The Go Authors") || !strings.Contains(out.String(), "cobra") {
		t.Errorf("code %d, %s: %.200s", code, stderr.String(), out.String())
	}
}
