package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/trainer/pytorch"
)

// imported makes a model of a checkpoint, by arguments of import, and is its file and what import
// says. The model samples, and comes back from an export, with args.pickle, as the same file.
func imported(t *testing.T, args string, from ...string) (model, said string) {
	t.Helper()
	dir := t.TempDir()
	model, back := filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "back.pt")
	again, samples := filepath.Join(dir, "again.safetensors"), filepath.Join(dir, "s.xyz")
	said = succeeds(t, append([]string{"import", "--out", model}, from...)...)
	succeeds(t, "sample", "--model", model, "--n", "2", "--steps", "5", "--out", samples)
	succeeds(t, "evaluate", samples)
	succeeds(t, "export", model, "--to", "pytorch", "--out", back)
	succeeds(t, "import", back, "--args", args, "--out", again)
	a, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(again); err != nil || !bytes.Equal(a, b) {
		t.Errorf("there and back is another file (%v)", err)
	}
	return model, said
}

// A published checkpoint becomes a model that samples, and goes back.
func TestImport(t *testing.T) {
	const fixture = "../pytorch/testdata/egnn."
	const args = fixture + "args.pickle"
	out, said := imported(t, args, fixture+"pt", "--args", args)
	if !strings.Contains(said, "egnn, 29290 parameters") {
		t.Errorf("import says %q", said)
	}
	fails(t, exitFailure, "refused", "import", "../pytorch/testdata/evil.pt", "--out", out)
	fails(t, exitFailure, "none.npy", "import", "none.npy", "--out", out)
	fails(t, exitFailure, "argparse.Namespace", "import", args, "--out", out)
	fails(t, exitUsage, "--to", "export", out, "--to", "onnx", "--out", filepath.Join(t.TempDir(), "m.onnx"))
}

// A GeoLDM that PyTorch wrote, with args.pickle beside it, samples, and comes back from an export.
func TestImportGeoLDM(t *testing.T) {
	const fixture = "../pytorch/testdata/geoldm/"
	out, said := imported(t, fixture+"args.pickle", fixture+"generative_model_ema.npy")
	if !strings.Contains(said, "geoldm,") {
		t.Errorf("import says %q", said)
	}
	if s := succeeds(t, "inspect", out); !strings.Contains(s, "table, 1000 time steps") {
		t.Errorf("inspect says %q", s)
	}
}

// A model of elements other than QM9's has no sizes to draw from, and says what helps.
func TestImportWithoutSizes(t *testing.T) {
	c := geoldm.New(geoldm.Sizes{Hidden: 4, Layers: 1, Latent: 1}, 16, false)
	var list []safetensors.Tensor
	for _, p := range c.Parameters() {
		list = append(list, safetensors.Tensor{Name: p.Name, Shape: p.Shape, Data: make([]float32, p.Size())})
	}
	s, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	table := make([]float32, s.T()+1)
	for i := range table {
		table[i] = float32(s.NegLogSNR(i))
	}
	list = append(list, safetensors.Tensor{Name: "gamma.gamma", Shape: []int{len(table)}, Data: table})
	var b bytes.Buffer
	if err := pytorch.Write(&b, list); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, out := filepath.Join(dir, "drugs.npy"), filepath.Join(dir, "drugs.safetensors")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	notes := func(args ...string) string {
		code, _, stderr := runCommand("", append([]string{"import", file, "--out", out}, args...)...)
		if code != 0 {
			t.Fatal(stderr)
		}
		return stderr
	}
	if s := notes(); !strings.Contains(s, "--sizes FILE") || !strings.Contains(s, "Bi") {
		t.Errorf("import notes %q", s)
	}
	molecules := filepath.Join(dir, "m.xyz")
	if err := os.WriteFile(molecules, []byte("3\n\nO 0 0 0\nH 1 0 0\nH 0 1 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if s := notes("--sizes", molecules, "--all-types"); strings.Contains(s, "--sizes") || strings.Contains(s, "Bi") {
		t.Errorf("import with sizes notes %q", s)
	}
	succeeds(t, "sample", "--model", out, "--n", "1", "--steps", "2", "--t-start", "1000",
		"--out", filepath.Join(dir, "s.xyz"))
}

// What is no checkpoint is refused by what is wanted.
func TestImportOfAnotherKindOfFile(t *testing.T) {
	for name, text := range map[string]string{
		"a.txt": "hi\n", "empty": "", "b.safetensors": "\xf0\x6f\x00\x00\x00\x00\x00\x00{",
	} {
		fails(t, 1, name+": want a checkpoint of PyTorch, a zip archive or a pickle: ", "import",
			writeFile(t, name, text), "--out", filepath.Join(t.TempDir(), "o.safetensors"))
	}
}
