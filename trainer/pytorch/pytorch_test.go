package pytorch

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every type of element, views, shared storages and empty tensors, in both formats.
func TestTypes(t *testing.T) {
	want := map[string][]float32{
		"transposed": {0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23},
		"column":     {2, 8, 14, 20}, "part": {6, 8, 10, 12, 14, 16}, "scalar": {2.5}, "empty": nil,
		"f16": {1.5, -2, 5.9604645e-08}, "bf16": {1.5, -2}, "f64": {1. / 3}, "i64": {1 << 40, -1}, "u8": {255},
		"flag": {1, 0}, "parameter": {1, 1, 1, 1},
	}
	for _, name := range []string{"types.pt", "types.legacy.pt"} {
		s, err := ParseState(name, read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Names) != 13 || s.Names[0] != "whole" || !slices.Equal(s.Tensors["empty"].Shape, []int64{0, 3}) {
			t.Errorf("%s: %v", name, s.Names)
		}
		for tensor, values := range want {
			if got, err := s.Tensors[tensor].Float32(); err != nil || !slices.Equal(got, values) {
				t.Errorf("%s: %s is %v, %v; want %v", name, tensor, got, err, values)
			}
		}
	}
}

// A class that is neither a tensor nor a container is refused by name, and nothing is run.
func TestNothingIsExecuted(t *testing.T) {
	for name, class := range map[string]string{"evil.pt": "posix.system", "evil.pickle": "posix.system",
		"module.pt": "torch.nn.modules.linear.Linear"} {
		_, err := ParseState(name, read(t, name))
		var e *Error
		if !errors.As(err, &e) || e.File != name || !strings.Contains(err.Error(), class) ||
			!strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := ParseNamespace("evil.pickle", read(t, "evil.pickle")); err == nil ||
		!strings.Contains(err.Error(), "posix.system") {
		t.Errorf("arguments: %v", err)
	}
	if _, err := os.Stat("/tmp/symdiff-pickle-was-run"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the pickle's command was run")
	}
}

// The arguments of a run by the oldest protocols, as Python wrote them.
func TestOldProtocols(t *testing.T) {
	const class = "cargparse\nNamespace\n"
	for i, text := range []string{
		"ccopy_reg\n_reconstructor\np0\n(" + class + "p1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVnf\np6\nI32\n" +
			"sVconditioning\np8\n(lp9\nsVdataset\np11\nVqm9\np12\nsVae_path\np13\nNsb.",
		"ccopy_reg\n_reconstructor\nq\x00(" + class + "q\x01c__builtin__\nobject\nq\x02Ntq\x03Rq\x04}q\x05(" +
			"X\x02\x00\x00\x00nfq\x06K X\x0c\x00\x00\x00conditioningq\x08]q\t" +
			"X\x07\x00\x00\x00datasetq\x0bX\x03\x00\x00\x00qm9q\x0cX\x07\x00\x00\x00ae_pathq\rNub.",
	} {
		args, err := ParseNamespace("args.pickle", []byte(text))
		if v, ok := args["ae_path"]; err != nil || args["nf"] != int64(32) || args["dataset"] != "qm9" || v != nil || !ok ||
			len(asTuple(args["conditioning"])) != 0 {
			t.Errorf("protocol %d: %v, %v", i, args, err)
		}
	}
	system := "ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR."
	if _, err := ParseNamespace("x", []byte(system)); err == nil ||
		!strings.Contains(err.Error(), "os.system") {
		t.Errorf("an instance of another class: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	for _, name := range []string{"types.pt", "types.legacy.pt", "egnn.args.pickle"} {
		b := read(t, name)
		for n := 0; n < len(b); n += 1 + len(b)/300 {
			if _, err := ParseState(name, b[:n]); err == nil {
				t.Fatalf("%s: its first %d bytes are a checkpoint", name, n)
			}
		}
	}
	for text, want := range map[string]string{
		"":                           "truncated",
		"N.":                         "None",
		"}X\x01\x00\x00\x00aK\x01s.": "tensor a: is a int64",
		"]]a.":                       "list",
		"(K\x01":                     "truncated",
		"X\xff\xff\xff\x7fa":         "takes more than",
		"\xff":                       "instruction",
		"h\x05.":                     "memo 5",
	} {
		if _, err := ParseState("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one about %q", text, err, want)
		}
	}
}

func sameTensors(t *testing.T, tensors []safetensors.Tensor, reference string) {
	t.Helper()
	f, err := safetensors.Open(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tensors {
		want, err := f.Float32(x.Name, x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Data, want) {
			t.Errorf("%s differs", x.Name)
		}
	}
}

const coreFolder = "../../core/"

// EDM's network, with the prefix of data-parallel training, with arguments and without.
func TestImportEDM(t *testing.T) {
	s, err := ParseState("egnn.pt", read(t, "egnn.pt"))
	if err != nil {
		t.Fatal(err)
	}
	args, err := ParseNamespace("egnn.args.pickle", read(t, "egnn.args.pickle"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := args["device"].(*Object); !ok || args["model"] != "egnn_dynamics" {
		t.Errorf("arguments %v", args)
	}
	for _, a := range []map[string]any{args, nil} {
		m, err := Import(s, Choices{Args: a, PadTo: -1})
		if err != nil {
			t.Fatal(err)
		}
		sameTensors(t, m.Tensors, coreFolder+"egnn/testdata/egnn.weights.safetensors")
		if (len(m.Notes) == 0) != (a != nil) || m.Metadata()["kind"] != "egnn" || !m.Meta.Charge {
			t.Errorf("notes %v, %v", m.Notes, m.Metadata())
		}
		if _, err := egnn.Load(parsed(t, m)); err != nil {
			t.Error(err)
		}
	}
	args["sin_embedding"] = true
	if _, err := Import(s, Choices{Args: args}); err == nil || !strings.Contains(err.Error(), "sin_embedding") {
		t.Errorf("sin_embedding: %v", err)
	}
	args["sin_embedding"] = false
	args["conditioning"] = &List{Items: Tuple{"alpha"}}
	if _, err := Import(s, Choices{Args: args}); err == nil || !strings.Contains(err.Error(), "conditioned on [alpha]") {
		t.Errorf("conditioning: %v", err)
	}
	delete(args, "conditioning")
	args["diffusion_noise_schedule"] = "cosine"
	if _, err := Import(s, Choices{Args: args}); err == nil || !strings.Contains(err.Error(), "gamma.gamma") {
		t.Errorf("another schedule than the table's: %v", err)
	}
	delete(s.Tensors, s.Names[len(s.Names)-1])
	s.Names = s.Names[:len(s.Names)-1]
	if _, err := Import(s, Choices{}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("a tensor missing: %v", err)
	}
}

func parsed(t *testing.T, m *Imported) *safetensors.File {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, m.Tensors, m.Metadata()); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("imported", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// python is an interpreter with PyTorch, empty where there is none.
var python = sync.OnceValue(func() string {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import torch").Run() == nil {
			return name
		}
	}
	return ""
})

func runPython(t *testing.T, args ...string) {
	t.Helper()
	if python() == "" {
		t.Skip("no python3 with torch here (make deps installs it)")
	}
	if out, err := exec.Command(python(), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// writeExport writes an imported model for PyTorch again.
func writeExport(t *testing.T, name string, m *Imported) {
	t.Helper()
	export, err := Export(m.Tensors, m.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Write(w, export), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// What PyTorch writes: the published networks in both formats; and what PyTorch reads: an export,
// under the same names.
func TestWithPyTorch(t *testing.T) {
	dir := t.TempDir()
	runPython(t, "testdata/make.py", dir)
	var pairs []string // of what PyTorch wrote, and our export of it
	for _, c := range []struct{ file, args, reference, kind string }{
		{"symdiff.npy", "symdiff.args.pickle", "symdiff_released", "symdiff"},
		{"dit.legacy.pt", "dit.args.pickle", "dit", "dit"},
	} {
		s, err := ReadState(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		args, err := ReadNamespace(filepath.Join(dir, c.args))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Import(s, Choices{Args: args, PadTo: -1})
		if err != nil {
			t.Fatal(err)
		}
		reference := coreFolder + "model/testdata/" + c.reference + ".weights.safetensors"
		sameTensors(t, m.Tensors, reference)
		loaded, err := model.Load(parsed(t, m))
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(reference)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		config := want.Config
		config.PadTo = 29
		if loaded.Config != config || m.Metadata()["kind"] != c.kind {
			t.Errorf("%s: %+v, want %+v", c.file, loaded.Config, config)
		}
		if _, err := Import(s, Choices{PadTo: -1}); err == nil || !strings.Contains(err.Error(), "--heads") {
			t.Errorf("%s without arguments: %v", c.file, err)
		}

		out := filepath.Join(dir, c.kind+".export.pt")
		pairs = append(pairs, filepath.Join(dir, c.file), out)
		writeExport(t, out, m)
		again, err := ReadState(out)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Import(again, Choices{Args: args, PadTo: -1})
		if err != nil {
			t.Fatal(err)
		}
		sameTensors(t, back.Tensors, reference)
	}
	for _, name := range []string{"geoldm", "geoldm_latent2"} {
		s, err := ReadState(filepath.Join(dir, name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		args, err := ReadNamespace(filepath.Join(dir, name+".args.pickle"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Import(s, Choices{Args: args, PadTo: -1})
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Notes) > 0 {
			t.Errorf("%s: notes %q", name, m.Notes)
		}
		sameTensors(t, m.Tensors, coreFolder+"geoldm/testdata/"+name+".weights.safetensors")
		out := filepath.Join(dir, name+".export.pt")
		writeExport(t, out, m)
		pairs = append(pairs, filepath.Join(dir, name+".npy"), out)
	}
	runPython(t, append([]string{"-c", `
import sys, torch
for first, second in zip(sys.argv[1::2], sys.argv[2::2]):
    a, b = torch.load(first), torch.load(second)
    a = a.get("state_dict", a)
    assert sorted(a) == sorted(b), set(a) ^ set(b)
    for k in a:
        assert a[k].shape == b[k].shape and a[k].dtype == b[k].dtype, k
        assert a[k].numel() == 0 or (a[k] - b[k]).abs().max() <= (1e-4 if k == "gamma.gamma" else 0), k
`}, pairs...)...)
}

// learned is EDM's network with a learned noise schedule, as PyTorch would have saved it.
func learned(t *testing.T, change func(name string, values []float32) []float32) *State {
	t.Helper()
	s, err := ParseState("egnn.pt", read(t, "egnn.pt"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Import(s, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	m.Meta.Schedule.Name = schedule.Learned
	r := rng.New(1, 0, rng.Init, 0)
	for _, p := range encoding.ScheduleParameters(m.Meta.Schedule) {
		v := make([]float32, p.Size())
		for i := range v {
			v[i] = float32(4*r.Float64() - 3)
		}
		if p.Name == "gamma.gamma_1" {
			v[0] = 9
		}
		if change != nil {
			v = change(p.Name, v)
		}
		if len(v) != p.Size() {
			p.Shape = []int{len(v)}
		}
		if v != nil {
			m.Tensors = append(m.Tensors, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape, Data: v})
		}
	}
	list, err := Export(m.Tensors, m.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, list); err != nil {
		t.Fatal(err)
	}
	if s, err = ParseState("learned.pt", b.Bytes()); err != nil {
		t.Fatal(err)
	}
	return s
}

// A learned noise schedule comes along, and goes back under its published names.
func TestImportLearnedSchedule(t *testing.T) {
	s := learned(t, nil)
	if s.Tensors["gamma.l2.weight"] == nil || s.Tensors[scheduleName] != nil ||
		s.Tensors["dynamics.egnn.embedding.weight"] == nil {
		t.Fatalf("tensors %v", s.Names)
	}
	for _, args := range []map[string]any{nil, {"diffusion_noise_schedule": "learned", "diffusion_steps": int64(300)}} {
		m, err := Import(s, Choices{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		n, err := egnn.Load(parsed(t, m))
		if err != nil {
			t.Fatal(err)
		}
		table, err := schedule.New(n.Meta.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		steps := 1000
		if args != nil {
			steps = 300
		}
		if table.T() != steps || math.Abs(table.NegLogSNR(steps)-9) > 1e-6 {
			t.Errorf("%d time steps, -log SNR ends at %g, want %d and 9", table.T(), table.NegLogSNR(table.T()), steps)
		}
		again, err := Export(m.Tensors, m.Metadata())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range again {
			if v, err := s.Tensors[x.Name].Float32(); err != nil || !slices.Equal(v, x.Data) {
				t.Errorf("%s is not what it was: %v", x.Name, err)
			}
		}
		if len(again) != len(s.Names) {
			t.Errorf("%d tensors, were %d", len(again), len(s.Names))
		}
	}
	if _, err := Import(s, Choices{Args: map[string]any{"diffusion_noise_schedule": "cosine"}}); err == nil ||
		!strings.Contains(err.Error(), "diffusion_noise_schedule") {
		t.Errorf("arguments of another schedule: %v", err)
	}
	for want, change := range map[string]func(name string, v []float32) []float32{
		"gamma: schedule: learned: alpha²": func(name string, v []float32) []float32 {
			if name == "gamma.gamma_1" {
				v[0] = -9
			}
			return v
		},
		"gamma.l3.bias: is missing": func(name string, v []float32) []float32 {
			if name == "gamma.l3.bias" {
				return nil
			}
			return v
		},
		"gamma.l2.bias: has shape": func(name string, v []float32) []float32 {
			if name == "gamma.l2.bias" {
				return v[1:]
			}
			return v
		},
		"NaN": func(name string, v []float32) []float32 {
			if name == "gamma.l2.bias" {
				v[3] = float32(math.NaN())
			}
			return v
		},
	} {
		if _, err := Import(learned(t, change), Choices{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

// PyTorch computes the same schedule from the exported tensors, by EDM's formula.
func TestLearnedScheduleWithPyTorch(t *testing.T) {
	s := learned(t, nil)
	m, err := Import(s, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := Export(m.Tensors, m.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, list); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.pt"), filepath.Join(dir, "out.pt")
	if err := os.WriteFile(in, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	runPython(t, "-c", `
import sys, torch
import torch.nn.functional as F
w = {k[6:]: v.double() for k, v in torch.load(sys.argv[1]).items() if k.startswith("gamma.")}
def layer(name, x):
    return F.linear(x, F.softplus(w[name + ".weight"]), w[name + ".bias"])
def g(t):
    x = layer("l1", t)
    return x + layer("l3", torch.sigmoid(layer("l2", x)))
t = torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None]
share = (g(t) - g(t[:1])) / (g(t[-1:]) - g(t[:1]))
torch.save({"table": (w["gamma_0"] + (w["gamma_1"] - w["gamma_0"]) * share)[:, 0].float()}, sys.argv[2])
`, in, out)
	got, err := ReadState(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := got.Tensors["table"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	table, err := schedule.New(m.Meta.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, v := range want {
		worst = max(worst, math.Abs(table.NegLogSNR(i)-float64(v)))
	}
	t.Logf("max |difference| of -log SNR over t = 0..1000: %.2g", worst)
	if len(want) != 1001 || worst > 1e-5 {
		t.Errorf("%d times, largest difference %g", len(want), worst)
	}
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{0x3c00: 1, 0xc000: -2, 0x0001: math.Ldexp(1, -24), 0x7bff: 65504,
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1)} {
		if got := half(h); got != want {
			t.Errorf("%#x is %g, want %g", h, got, want)
		}
	}
}

// Whatever the bytes, there is no panic, and every tensor that is given out can be read or says why
// not.
func FuzzState(f *testing.F) {
	for _, name := range []string{"types.pt", "types.legacy.pt", "evil.pt", "module.pt", "egnn.args.pickle",
		"symdiff.args.pickle", "dit.args.pickle"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ParseNamespace("args", b)
		s, err := ParseState("fuzz", b)
		if err != nil {
			return
		}
		for _, name := range s.Names {
			if v, err := s.Tensors[name].Float32(); err == nil {
				if n, _ := s.Tensors[name].Len(); int64(len(v)) != n {
					t.Errorf("%s has %d values, want %d", name, len(v), n)
				}
			}
		}
		_, _ = Import(s, Choices{PadTo: -1})
	})
}
