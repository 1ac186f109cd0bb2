//go:build !js

package symdiff

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A module of somebody else that imports the library builds and runs: the program is that of the
// README, on fewer molecules.
func TestModuleOutsideRuns(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "```go\n")
	program, _, _ := strings.Cut(after, "```")
	if !ok || !strings.Contains(program, "N: 100") {
		t.Fatal("README.md has no program in Go that makes 100 molecules")
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Fields(string(mod))[1]
	outside := strings.Replace(string(mod), "module "+name, "module example.org/outside",
		1) + // what the library needs is there already
		"\nrequire " + name + " v0.0.0\n\nreplace " + name + " => " + root + "\n"
	dir := t.TempDir()
	for file, text := range map[string]string{
		"go.mod": outside, "go.sum": string(sum),
		"main.go": strings.Replace(program, "N: 100", "N: 2, Steps: 4", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "-mod=mod", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS=-trimpath")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); len(lines) != 2 ||
		len(strings.Fields(lines[0])) != 2 {
		t.Errorf("it printed %q, want two molecules", out)
	}
}
