package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExportFailures(t *testing.T) {
	out := filepath.Join(t.TempDir(), "w.safetensors")
	fails(t, exitFailure, "none.safetensors", "export", "none.safetensors", "--out", out)
	fails(t, exitFailure, "not a checkpoint", "export", tinyModel(t), "--out", out)
	fails(t, exitFailure, "--dtype", "export", tinyModel(t), "--out", out, "--dtype", "f8")
	fails(t, exitUsage, "out", "export", tinyModel(t))
	fails(t, exitUsage, "arg", "export", "--out", out)
	if _, err := os.Stat(out); err == nil {
		t.Error("a failed export left a file")
	}
}
