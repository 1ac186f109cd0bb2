// Gotchfit makes the gotch module build against whatever libtorch is installed.
//
//	go run ./trainer/gotchfit [-out build] [-torch-include DIR]... [-torch-lib DIR]...
//
// gotch v0.9.1 is written for libtorch 2.1 with CUDA. Gotchfit takes its source from the module
// cache (the sum must be the one in go.sum), and writes
//
//	OUT/gotch       the Go packages, patched (patches.go), with lib.go linking only -ltch
//	OUT/libtch-src  the C++ sources, wrappers that this libtorch does not have stubbed out (stubs.go)
//	OUT/lib         libtch.so, compiled from them
//	OUT/go.work     a workspace that replaces github.com/sugarme/gotch by OUT/gotch
//
// so that `GOWORK=OUT/go.work go build -tags torch` builds the trainer. The Go binary depends on
// libtch.so alone, not on a version of libtorch. A second run does nothing unless this tool, gotch,
// libtorch or the flags changed.
//
// With -lib it writes OUT/lib alone, from the sources of -source, and needs no Go: for a machine
// that a built trainer is carried to.
//
// With -upstream it writes gotch without the patches to OUT/upstream/gotch (same libtch.so), for
// the tests that show what each patch is for.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	modulePath    = "github.com/sugarme/gotch"
	moduleVersion = "v0.9.1"
)

type stringList []string

func (l *stringList) String() string     { return strings.Join(*l, ",") }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }

type options struct {
	Out         string
	Include     []string
	Lib         []string
	CXX         string
	Upstream    bool
	LibOnly     bool
	Source      string
	repoRoot    string
	includeDirs []string // found
	libDirs     []string // found; nil: the linker's own
	cuda        bool
	flags       []string // compiler flags, includes first
	linkFlags   []string
}

func main() {
	var o options
	var inc, lib stringList
	flag.StringVar(&o.Out, "out", "build", "folder to write to")
	flag.Var(&inc, "torch-include",
		"folder of libtorch's headers; may be repeated (default: the system's)")
	flag.Var(&lib, "torch-lib",
		"folder of libtorch's libraries; may be repeated (default: the linker's)")
	flag.StringVar(&o.CXX, "cxx", cmpOr(os.Getenv("CXX"), "g++"), "C++ compiler")
	flag.BoolVar(&o.Upstream, "upstream", false, "write an unpatched copy to OUT/upstream (for tests)")
	flag.BoolVar(&o.LibOnly, "lib", false, "write libtch.so alone, from -source; needs no Go")
	flag.StringVar(&o.Source, "source", "", "gotch source folder (default: the module cache)")
	program := flag.String("movable", "",
		"take this machine's folders out of where a program looks for its libraries, and do nothing else")
	flag.Parse()
	o.Include, o.Lib = inc, lib
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "gotchfit: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if *program != "" {
		if err := relocate(*program); err != nil {
			fmt.Fprintln(os.Stderr, "gotchfit:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "gotchfit:", err)
		os.Exit(1)
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func run(o *options) error {
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return err
	}
	o.Out = out
	if err := o.findTorch(); err != nil {
		return err
	}
	if o.LibOnly {
		if o.Source == "" {
			return errors.New("-lib: wants -source, the folder of gotch's sources")
		}
		key, err := o.libKey("")
		if err != nil {
			return err
		}
		return o.writeLib(key)
	}
	if o.repoRoot, err = moduleRoot(); err != nil {
		return err
	}
	sum, err := expectedSum(filepath.Join(o.repoRoot, "go.sum"))
	if err != nil {
		return err
	}
	libKey, err := o.libKey(sum)
	if err != nil {
		return err
	}
	key, err := o.stampKey(libKey)
	if err != nil {
		return err
	}
	if o.upToDate(key) {
		return nil
	}
	if o.Source == "" {
		if o.Source, err = downloadModule(sum); err != nil {
			return err
		}
	}
	if o.Upstream {
		if !isFile(o.libPath()) {
			return fmt.Errorf("-upstream uses libtch.so of %s: run gotchfit without -upstream first", o.Out)
		}
		if err := o.writeGoPackages(filepath.Join(o.Out, "upstream", "gotch"), false); err != nil {
			return err
		}
		if err := o.writeWorkspace(filepath.Join(o.Out, "upstream")); err != nil {
			return err
		}
		return writeFile(o.stampPath(), []byte(key))
	}
	if err := o.writeGoPackages(filepath.Join(o.Out, "gotch"), true); err != nil {
		return err
	}
	if err := o.writeWorkspace(o.Out); err != nil {
		return err
	}
	if err := o.writeLib(libKey); err != nil {
		return err
	}
	return writeFile(o.stampPath(), []byte(key))
}

// writeLib compiles libtch.so, unless the one of this key is there already.
func (o *options) writeLib(key string) error {
	start := time.Now()
	if b, err := os.ReadFile(o.libPath() + ".stamp"); err == nil && string(b) == key &&
		isFile(o.libPath()) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "gotchfit: fitting gotch %s to libtorch %s (about a minute, once)\n",
		moduleVersion, o.torchVersion())
	stubbed, err := o.buildLibtch()
	if err != nil {
		return err
	}
	if err := writeFile(o.libPath()+".stamp", []byte(key)); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "gotchfit: wrote %s (%d wrappers are not in this libtorch) in %.0f s\n",
		o.libPath(), stubbed, time.Since(start).Seconds())
	return nil
}

func (o *options) libPath() string { return filepath.Join(o.Out, "lib", "libtch.so") }

// moduleRoot is the folder of symdiff's go.mod.
func moduleRoot() (string, error) {
	cmd := exec.Command("go", "env", "GOMOD")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	p := strings.TrimSpace(string(b))
	if p == "" || p == os.DevNull {
		return "", errors.New("run inside the symdiff module (no go.mod found)")
	}
	return filepath.Dir(p), nil
}

// expectedSum reads gotch's hash from go.sum.
func expectedSum(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == modulePath && f[1] == moduleVersion {
			return f[2], nil
		}
	}
	return "", fmt.Errorf("%s has no line %q", path, modulePath+" "+moduleVersion+" h1:...")
}

// downloadModule makes sure that the module cache holds gotch with this sum and returns its folder.
func downloadModule(sum string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", modulePath+"@"+moduleVersion)
	cmd.Dir = os.TempDir() // outside every module, so that no replace applies
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, runErr := cmd.Output()
	var m struct{ Dir, Sum, Error string }
	if err := json.Unmarshal(b, &m); err != nil {
		return "", fmt.Errorf("go mod download %s@%s: %v %s", modulePath, moduleVersion, runErr,
			strings.TrimSpace(stderr.String()))
	}
	if m.Error != "" {
		return "", fmt.Errorf("go mod download: %s", m.Error)
	}
	if m.Sum != sum {
		return "", fmt.Errorf("%s@%s has sum %s, go.sum wants %s", modulePath, moduleVersion, m.Sum, sum)
	}
	return m.Dir, nil
}

func (o *options) stampPath() string {
	if o.Upstream {
		return filepath.Join(o.Out, "upstream", "gotch.stamp")
	}
	return filepath.Join(o.Out, "gotch.stamp")
}

// stubsVersion changes with the way in which this tool treats the C++ sources.
const stubsVersion = "1"

// libKey changes with whatever libtch.so depends on: gotch, the compiler, libtorch and the flags.
func (o *options) libKey(sum string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, stubsVersion, sum, o.CXX, o.flags, o.linkFlags, o.Source)
	for _, dir := range o.includeDirs {
		for _, name := range []string{"torch/version.h", "ATen/Functions.h"} {
			if err := hashFile(h, filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%x\n", h.Sum(nil)), nil
}

// stampKey changes with libKey, this tool and the folders.
func (o *options) stampKey(libKey string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, libKey, o.Out, o.repoRoot, o.Upstream)
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	err = hashFile(h, exe)
	return fmt.Sprintf("%x\n", h.Sum(nil)), err
}

func hashFile(h hash.Hash, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

func (o *options) upToDate(key string) bool {
	b, err := os.ReadFile(o.stampPath())
	if err != nil || string(b) != key {
		return false
	}
	dir := filepath.Dir(o.stampPath())
	return isFile(filepath.Join(dir, "go.work")) && isFile(filepath.Join(dir, "gotch", "libtch",
		"lib.go")) && isFile(o.libPath())
}

// writeWorkspace writes dir/go.work, which takes gotch from dir/gotch.
func (o *options) writeWorkspace(dir string) error {
	rel, err := filepath.Rel(dir, o.repoRoot)
	if err != nil {
		return err
	}
	text := "go 1.27\n\nuse " + filepath.ToSlash(rel) + "\n\nreplace " + modulePath + " => ./gotch\n"
	if err := writeFile(filepath.Join(dir, "go.work"), []byte(text)); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(o.repoRoot, "go.sum"))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "go.work.sum"), sum)
}

// writeFile writes data unless the file holds it already, so that unchanged files keep their times.
func writeFile(path string, data []byte) error {
	if b, err := os.ReadFile(path); err == nil && bytes.Equal(b, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
