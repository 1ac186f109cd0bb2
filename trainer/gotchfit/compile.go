package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// aptCommand is what Debian and Ubuntu need for training.
const aptCommand = "apt-get install g++ libtorch-dev libopenblas0-openmp"

// findTorch completes o: where headers and libraries are, and the compiler's flags.
func (o *options) findTorch() error {
	if _, err := exec.LookPath(o.CXX); err != nil {
		return fmt.Errorf("no C++ compiler (%s) found; on Debian or Ubuntu: %s", o.CXX, aptCommand)
	}
	given := o.Include
	if len(given) == 0 {
		given = []string{"/usr/include", "/usr/local/include"}
	}
	for _, dir := range given {
		// Two roots: <torch/script.h> and ATen lie in the first, <torch/torch.h> in the second.
		if isFile(filepath.Join(dir, "torch/script.h")) {
			o.includeDirs = append(o.includeDirs, dir)
		}
		for _, api := range []string{dir, filepath.Join(dir, "torch/csrc/api/include")} {
			if isFile(filepath.Join(api, "torch/torch.h")) {
				o.includeDirs = append(o.includeDirs, api)
			}
		}
	}
	if len(o.includeDirs) == 0 {
		return fmt.Errorf("libtorch's headers (torch/torch.h) not found in %s; on Debian or Ubuntu: %s "+
			"(elsewhere: -torch-include, -torch-lib)",
			strings.Join(given, ", "), aptCommand)
	}
	for _, dir := range o.Lib {
		if !isFile(filepath.Join(dir, "libtorch.so")) {
			return fmt.Errorf("-torch-lib %s: no libtorch.so there", dir)
		}
	}
	o.libDirs = o.Lib
	o.flags = []string{"-std=" + o.standard(), "-O1", "-w"}
	for _, dir := range o.includeDirs {
		// the compiler's own; naming them breaks #include_next
		if dir != "/usr/include" && dir != "/usr/local/include" {
			o.flags = append(o.flags, "-I"+dir)
		}
	}
	o.linkFlags = []string{"-shared", "-fPIC", "-Wl,--no-as-needed"}
	for _, dir := range o.libDirs {
		o.linkFlags = append(o.linkFlags, "-L"+dir, "-Wl,-rpath,"+dir)
		if isFile(filepath.Join(dir, "libtorch_cuda.so")) {
			o.cuda = true
		}
		if old, ok := oldStringABI(filepath.Join(dir, "libc10.so")); ok && old {
			o.flags = append(o.flags, "-D_GLIBCXX_USE_CXX11_ABI=0")
		}
	}
	o.linkFlags = append(o.linkFlags, "-ltorch", "-ltorch_cpu", "-lc10")
	if o.cuda {
		o.linkFlags = append(o.linkFlags, "-ltorch_cuda", "-lc10_cuda")
	}
	return nil
}

// standard is the C++ that the headers ask for: C++17, which newer libtorch refuses.
func (o *options) standard() string {
	for _, dir := range o.includeDirs {
		if b, err := os.ReadFile(filepath.Join(dir, "ATen/ATen.h")); err == nil &&
			bytes.Contains(b, []byte("C++20 or later")) {
			return "c++20"
		}
	}
	return "c++17"
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && !fi.IsDir()
}

// oldStringABI tells whether a libc10 was built with GCC's std::string of before C++11, as
// PyTorch's own wheels up to 2.5 were.
func oldStringABI(path string) (old, ok bool) {
	f, err := elf.Open(path)
	if err != nil {
		return false, false
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return false, false
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && strings.Contains(s.Name, "torchCheckFail") {
			if strings.Contains(s.Name, "__cxx11") {
				return false, true
			}
			old, ok = true, true
		}
	}
	return old, ok
}

var versionRE = regexp.MustCompile(`#define TORCH_VERSION_(MAJOR|MINOR|PATCH) (\d+)`)

// torchVersion is the version in the headers, for messages.
func (o *options) torchVersion() string {
	for _, dir := range o.includeDirs {
		// in either, by version
		for _, name := range []string{"torch/version.h", "torch/headeronly/version.h"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			if m := versionRE.FindAllSubmatch(b, -1); len(m) == 3 {
				return fmt.Sprintf("%s.%s.%s", m[0][2], m[1][2], m[2][2])
			}
		}
	}
	return "(unknown version)"
}

// cxxSources are the files of gotch's libtch that belong to libtch.so. The C headers stay with the
// Go package as well.
var cxxSources = []string{"torch_api.cpp", "torch_api.h", "torch_api_generated.h", generatedSource,
	"stb_image.h", "stb_image_resize.h", "stb_image_write.h"}

// buildLibtch writes OUT/libtch-src and compiles OUT/lib/libtch.so; it returns the number of
// stubbed wrappers.
//
// The first pass only checks the syntax: it finds nearly every wrapper that does not compile in a
// quarter of the time. Then it compiles for good, stubbing what that still turns up.
func (o *options) buildLibtch() (int, error) {
	src := filepath.Join(o.Out, "libtch-src")
	for _, name := range cxxSources {
		b, err := os.ReadFile(filepath.Join(o.Source, "libtch", name))
		if err != nil {
			return 0, err
		}
		if err := writeFile(filepath.Join(src, name), b); err != nil {
			return 0, err
		}
	}
	b, err := os.ReadFile(filepath.Join(o.Source, "libtch", generatedSource))
	if err != nil {
		return 0, err
	}
	w := parseWrappers(string(b))
	lib := o.libPath()
	if err := os.MkdirAll(filepath.Dir(lib), 0o755); err != nil {
		return 0, err
	}
	for pass := 0; ; pass++ {
		if err := writeFile(filepath.Join(src, generatedSource), []byte(w.text())); err != nil {
			return 0, err
		}
		args := append([]string{}, o.flags...)
		args = append(args, "-fmax-errors=0", "-fdiagnostics-show-caret", "-I"+src)
		if pass == 0 {
			args = append(args, "-fsyntax-only", "torch_api.cpp")
		} else {
			args = append(append(args, "torch_api.cpp", "-o", lib+".tmp"), o.linkFlags...)
		}
		cmd := exec.Command(o.CXX, args...)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		if err == nil && pass == 0 {
			continue
		}
		if err == nil {
			break
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return 0, err
		}
		n := w.stubFailing(stderr.String())
		if n == 0 {
			return 0, fmt.Errorf("%s %s fails outside gotch's generated wrappers:\n%s", o.CXX,
				strings.Join(args, " "), firstLines(stderr.String(), 30))
		}
	}
	return w.stubbed(), os.Rename(lib+".tmp", lib)
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(s, "\n", n+1)
	if len(lines) > n {
		lines[n] = "..."
	}
	return strings.Join(lines, "\n")
}
