package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const generated = `// head

void atg_add(tensor *out__, tensor self) {
  PROTECT(
    auto outputs__ = torch::add(*self);
    out__[0] = new torch::Tensor(outputs__);
  )
}

tensor *atg_split(tensor self) {
  PROTECT(
    auto outputs__ = torch::split(*self);
    return nullptr;
  )
  return nullptr;
}

int64_t atg_last(tensor self) {
  PROTECT(
    return self->last();
  )
  return 0;
}
`

// Only the wrappers that messages point at lose their bodies, line numbers stay, and a second pass
// sees the rest.
func TestStubs(t *testing.T) {
	w := parseWrappers(generated)
	if len(w.funcs) != 3 {
		t.Fatalf("%d wrappers, want 3", len(w.funcs))
	}
	lines := len(w.lines)
	if n := w.stubFailing(generatedSource + ":12:29: error: 'split' is not a member of 'torch'\n" +
		generatedSource + ":12:1: error: again\nother.h:5:1: error: x\n"); n != 1 {
		t.Errorf("%d stubbed, want 1", n)
	}
	if n := w.stubFailing(generatedSource + ":20:5:   required from here\n"); n != 1 {
		t.Errorf("%d stubbed by an error in a template, want 1", n)
	}
	text := w.text()
	if w.stubbed() != 2 || len(w.lines) != lines {
		t.Errorf("%d stubs in %d lines, want 2 in %d", w.stubbed(), len(w.lines), lines)
	}
	for _, want := range []string{"torch::add(*self)", `"atg_split: not in this libtorch"`,
		`"atg_last: not in this libtorch"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, gone := range []string{"torch::split", "self->last"} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is still there", gone)
		}
	}
}

// A patch that does not fit the source says which.
func TestPatchesFailLoudly(t *testing.T) {
	all := func() map[string]string {
		files := map[string]string{}
		for _, m := range patches {
			n := max(m.count, 1)
			for i, name := range m.files {
				if i == 0 || m.count < 0 {
					files[name] += strings.Repeat(m.old+"\n", n)
				}
			}
		}
		for _, name := range operations {
			files[name] += "func(ts *Tensor) Op(other *Scalar, of []*Tensor, del bool)(err error) { \n"
		}
		return files
	}
	if err := applyPatches(all()); err != nil {
		t.Fatalf("source with every fault: %v", err)
	}
	for _, name := range operations {
		files := all()
		delete(files, name)
		if err := applyPatches(files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("no methods in %s: %v", name, err)
		}
	}
	text, n := keepAlive("func(ts *Tensor) Op(other *Scalar, of []*Tensor, del bool)(err error) { \n  f()\n")
	if want := "{ \n  defer runtime.KeepAlive(ts)\n  defer runtime.KeepAlive(other)\n" +
		"  defer runtime.KeepAlive(of)\n  f()\n"; n != 1 || !strings.HasSuffix(text, want) {
		t.Errorf("%d methods, %q, want the end %q", n, text, want)
	}
	for _, m := range patches {
		files := all()
		files[m.files[0]] = strings.ReplaceAll(files[m.files[0]], m.old, "")
		if err := applyPatches(files); err == nil {
			t.Errorf("no error without %q in %s", m.old, m.files[0])
		}
		if m.count > 0 {
			files = all()
			files[m.files[0]] += m.old + "\n"
			if err := applyPatches(files); err == nil || !strings.Contains(err.Error(), "(patch: ") {
				t.Errorf("one more %q: %v", m.old, err)
			}
		}
	}
}

func TestExpectedSum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "go.sum")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("github.com/sugarme/gotch v0.9.1 h1:abc=\ngithub.com/sugarme/gotch v0.9.1/go.mod h1:def=\n")
	if s, err := expectedSum(path); err != nil || s != "h1:abc=" {
		t.Errorf("sum %q, %v", s, err)
	}
	write("github.com/sugarme/gotch v0.9.1/go.mod h1:def=\n")
	if _, err := expectedSum(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no gotch in go.sum: %v", err)
	}
}

// Without a compiler or libtorch the message is the command that installs them.
func TestMissingTools(t *testing.T) {
	o := options{CXX: "no-such-compiler"}
	if err := o.findTorch(); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("no compiler: %v", err)
	}
	o = options{CXX: "go", Include: []string{t.TempDir()}} // any program that is there
	if err := o.findTorch(); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("no libtorch: %v", err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "torch"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"script.h", "torch.h"} {
		if err := os.WriteFile(filepath.Join(dir, "torch", name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o = options{CXX: "go", Include: []string{dir}, Lib: []string{dir}}
	if err := o.findTorch(); err == nil || !strings.Contains(err.Error(), "libtorch.so") {
		t.Errorf("no library: %v", err)
	}
	for _, name := range []string{"libtorch.so", "libtorch_cuda.so"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o = options{CXX: "go", Include: []string{dir}, Lib: []string{dir}}
	if err := o.findTorch(); err != nil {
		t.Fatal(err)
	}
	if link := strings.Join(o.linkFlags, " "); !strings.Contains(link, "-ltorch_cuda -lc10_cuda") ||
		!strings.Contains(link, "-Wl,-rpath,"+dir) {
		t.Errorf("with CUDA: %s", link)
	}
}

// Debian's libtorch, named by hand, is found like the one that is found by itself, with today's
// std::string.
func TestFindTorchByHand(t *testing.T) {
	const lib = "/usr/lib/x86_64-linux-gnu"
	if !isFile(lib+"/libtorch.so") || !isFile("/usr/include/torch/script.h") {
		t.Skip("no libtorch of Debian's here")
	}
	o := options{CXX: "go", Include: []string{"/usr/include"}, Lib: []string{lib}}
	if err := o.findTorch(); err != nil {
		t.Fatal(err)
	}
	if old, ok := oldStringABI(lib + "/libc10.so"); !ok || old {
		t.Errorf("string ABI of libc10: old %v, found %v", old, ok)
	}
	if flags := strings.Join(o.flags, " "); !strings.Contains(flags, "torch/csrc/api/include") ||
		strings.Contains(flags, "CXX11_ABI") {
		t.Errorf("flags %s", flags)
	}
	if v := o.torchVersion(); !strings.Contains(v, ".") || v == "(unknown version)" {
		t.Errorf("version %s", v)
	}
}

// The headers state the C++ that they want, and in one place or another their version.
func TestStandardAndVersion(t *testing.T) {
	const version = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n#define TORCH_VERSION_PATCH 0\n"
	for _, c := range []struct{ aten, versionFile, standard string }{
		{"#pragma once\n", "torch/version.h", "c++17"},
		{"#error C++17 or later compatible compiler is required to use ATen.\n", "torch/version.h", "c++17"},
		{"#error C++20 or later compatible compiler is required to use ATen.\n", "torch/headeronly/version.h", "c++20"},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"torch/script.h": "", "torch/torch.h": "", "ATen/ATen.h": c.aten,
			c.versionFile: version} {
			if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		o := options{CXX: "true", Include: []string{dir}}
		if err := o.findTorch(); err != nil {
			t.Fatal(err)
		}
		if o.flags[0] != "-std="+c.standard || o.torchVersion() != "2.11.0" {
			t.Errorf("%s: %s, version %s; want %s", c.aten, o.flags[0], o.torchVersion(), c.standard)
		}
	}
}
