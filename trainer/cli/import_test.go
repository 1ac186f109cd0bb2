package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// A published checkpoint becomes a model that samples, and goes back.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "edm.safetensors")
	const fixture = "../pytorch/testdata/egnn."
	if s := succeeds(t, "import", fixture+"pt", "--args", fixture+"args.pickle", "--out",
		out); !strings.Contains(s, "egnn, 29290 parameters") {
		t.Errorf("import says %q", s)
	}
	succeeds(t, "sample", "--model", out, "--n", "2", "--steps", "5", "--out", filepath.Join(dir, "s.xyz"))
	back := filepath.Join(dir, "edm.pt")
	succeeds(t, "export", out, "--to", "pytorch", "--out", back)
	again := filepath.Join(dir, "again.safetensors")
	succeeds(t, "import", back, "--args", fixture+"args.pickle", "--out", again)
	a, err := openWeights(out)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openWeights(again)
	if err != nil {
		t.Fatal(err)
	}
	if a.hash != b.hash {
		t.Error("there and back is another file")
	}
	fails(t, exitFailure, "refused", "import", "../pytorch/testdata/evil.pt", "--out", out)
	fails(t, exitFailure, "none.npy", "import", "none.npy", "--out", out)
	fails(t, exitFailure, "argparse.Namespace", "import", fixture+"args.pickle", "--out", out)
	fails(t, exitUsage, "--to", "export", out, "--to", "onnx", "--out", back)
}
