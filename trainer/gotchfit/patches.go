package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A patch replaces text that must occur exactly count times in files (paths in the module).
type patch struct {
	why      string
	files    []string
	old, new string
	count    int // over all files
}

// patches mend the faults of gotch v0.9.1. Package patches has a test for each that fails without it.
var patches = []patch{
	{
		why:   "every tensor handle carries 100 kB of zeroed Go memory: 14 us an operation",
		files: []string{"ts/tensor.go"},
		old:   "lots [1e5]byte", new: "lots [8]byte", count: 1,
	},
	{
		why:   "out-parameters come from malloc(0): too small, never freed",
		files: []string{"ts/tensor.go", "ts/tensor-generated.go", "ts/patch.go", "ts/jit.go"},
		old:   "unsafe.Pointer(C.malloc(0))", new: "outSlot()", count: -1,
	},
	{
		why:   "an in-place operation takes over the returned handle and forgets its own, and with it the storage",
		files: []string{"ts/tensor-generated.go"},
		old:   "\n  ts.ctensor = *ptr\n", new: "\n  lib.AtFree(*ptr)\n", count: 260,
	},
	{
		why:   "reads eight bytes of a four-byte C int: the mode before is garbage",
		files: []string{"libtch/tensor.go"},
		old:   "cretVal := C.at_grad_set_enabled(cbool)\n\treturn *(*int)(unsafe.Pointer(&cretVal))",
		new:   "return int(C.at_grad_set_enabled(cbool))", count: 1,
	},
	{
		why:   "NoGrad switches gradients on at its end whatever they were, and leaves them off after a panic",
		files: []string{"ts/tensor.go"},
		old:   "\tMustGradSetEnabled(false)\n\n\tfn()\n\n\t// Switch on Grad\n\tMustGradSetEnabled(true)",
		new:   "\tdefer MustGradSetEnabled(MustGradSetEnabled(false))\n\n\tfn()", count: 1,
	},
	{
		why:   "NoGrad1 leaves gradients off after a panic",
		files: []string{"ts/tensor.go"},
		old: "\tprev := MustGradSetEnabled(false)\n\n\tretVal := fn()\n\n\t// Switch on Grad\n\t_ = " +
			"MustGradSetEnabled(prev)\n\n\treturn retVal",
		new: "\tdefer MustGradSetEnabled(MustGradSetEnabled(false))\n\n\treturn fn()", count: 1,
	},
	{
		why:   "NoGradGuard.Drop switches gradients on whatever they were",
		files: []string{"ts/tensor.go"},
		old:   "\tngg.enabled = true\n\t_ = MustGradSetEnabled(ngg.enabled)",
		new:   "\t_ = MustGradSetEnabled(ngg.enabled)", count: 1,
	},
	{
		why:   "Float64Values leaks its float64 copy",
		files: []string{"ts/tensor.go"},
		old:   "// float64Ts.MustDrop()", new: "float64Ts.MustDrop()", count: 1,
	},
	{
		why:   "CopyData walks its destination element by element through reflection",
		files: []string{"ts/tensor.go"},
		old:   "dtype, dlen, err := DataCheck(dst)\n",
		new:   "dtype, dlen, err := dataCheckFast(dst)\n\tif err != nil {\n\t\treturn err\n\t}\n", count: 1,
	},
	{
		why:   "RunBackward passes one pointer where C wants an array of them",
		files: []string{"ts/tensor.go"},
		old:   "// RunBackward runs the backward ...\nfunc RunBackward(", new: "func upstreamRunBackward(", count: 1,
	},
	{
		why:   "operations that return a list never free the array that C returned it in",
		files: []string{"ts/patch.go"},
		old:   "\tcurrentPtr := ctensorsPtr\n",
		new:   "\tdefer C.free(unsafe.Pointer(ctensorsPtr))\n\tcurrentPtr := ctensorsPtr\n", count: 9,
	},
	{
		why:   "Must functions end the process instead of panicking, as their comments say",
		files: []string{"ts/tensor.go", "ts/must-tensor-generated.go", "ts/patch.go"},
		old:   "log.Fatal(err)", new: "panic(err)", count: -1,
	},
}

// addedFiles go with the patches.
var addedFiles = map[string]string{
	"ts/patched.go": `package ts

import (
	"errors"
	"unsafe"

	gotch "github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
)

// outSlot is room for the handles that a C function returns: Go memory, freed with the rest of it.
func outSlot() unsafe.Pointer { return unsafe.Pointer(new([8]lib.Ctensor)) }

// dataCheckFast is DataCheck without looking at each element.
func dataCheckFast(dst interface{}) (gotch.DType, int, error) {
	switch v := dst.(type) {
	case []float32:
		return gotch.Float, len(v), nil
	case []float64:
		return gotch.Double, len(v), nil
	case []int64:
		return gotch.Int64, len(v), nil
	case []int32:
		return gotch.Int, len(v), nil
	case []uint8:
		return gotch.Uint8, len(v), nil
	}
	return DataCheck(dst)
}

// RunBackward returns the gradients of the sum of tensors with respect to inputs.
func RunBackward(tensors []*Tensor, inputs []*Tensor, keepGraph bool, createGraph bool) ([]*Tensor, error) {
	if len(tensors) == 0 || len(inputs) == 0 {
		return nil, errors.New("ts.RunBackward() needs at least one tensor and one input")
	}
	of := func(list []*Tensor) []lib.Ctensor {
		c := make([]lib.Ctensor, len(list))
		for i, t := range list {
			c[i] = t.ctensor
		}
		return c
	}
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	roots, leaves, grads := of(tensors), of(inputs), make([]lib.Ctensor, len(inputs))
	lib.AtRunBackward(&roots[0], len(roots), &leaves[0], len(leaves), &grads[0], flag(keepGraph), flag(createGraph))
	if err := TorchErr(); err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(grads))
	for i, g := range grads {
		out[i] = newTensor(g)
	}
	return out, nil
}
`,
}

// addedAlways are entry points that gotch's C side has and its Go side does not.
var addedAlways = map[string]string{
	"libtch/added.go": `package libtch

//#include "stdbool.h"
//#include "torch_api.h"
import "C"

func AtManualSeed(seed int64)      { C.at_manual_seed(C.int64_t(seed)) }
func AtSetNumThreads(n int)        { C.at_set_num_threads(C.int(n)) }
func AtGetNumThreads() int         { return int(C.at_get_num_threads()) }
func AtSetNumInteropThreads(n int) { C.at_set_num_interop_threads(C.int(n)) }
`,
}

// libGo replaces gotch's cgo flags. OUT/lib lies two folders up from OUT/gotch/libtch; $ORIGIN/lib
// serves a moved binary.
const libGo = `package libtch

// #cgo CFLAGS: -I${SRCDIR} -O2 -w
// #cgo LDFLAGS: -L%[1]s -ltch -Wl,-rpath,$ORIGIN/lib -Wl,-rpath,%[1]s
import "C"
`

// packages are the folders of gotch that the trainer needs.
var packages = []string{"ts", "nn", "libtch", "half", "pickle", "dutil"}

// writeGoPackages copies gotch's Go packages to dst, patched if asked, with cgo flags that link libtch.so alone.
func (o *options) writeGoPackages(dst string, patched bool) error {
	if err := os.RemoveAll(dst); err != nil {
		return err
	}
	files := map[string]string{}
	err := filepath.WalkDir(o.Source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(o.Source, path)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		top, _, nested := strings.Cut(rel, "/")
		switch {
		case d.IsDir():
			if !slices.Contains(packages, top) {
				return filepath.SkipDir
			}
			return nil
		case strings.HasSuffix(rel, "_test.go"), !nested && !strings.HasSuffix(rel, ".go") &&
			rel != "go.mod" && rel != "go.sum" && rel != "LICENSE", nested &&
			!strings.HasSuffix(rel, ".go") && rel != "libtch/torch_api.h" &&
			rel != "libtch/torch_api_generated.h":
			return nil
		}
		b, err := os.ReadFile(path)
		files[rel] = string(b)
		return err
	})
	if err != nil {
		return err
	}
	if patched {
		if err := applyPatches(files); err != nil {
			return err
		}
	}
	for name, text := range addedAlways {
		files[name] = text
	}
	lib := filepath.Join(o.Out, "lib")
	files["libtch/lib.go"] = fmt.Sprintf(libGo, lib)
	for name, text := range files {
		if err := writeFile(filepath.Join(dst, filepath.FromSlash(name)), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// applyPatches changes files in place, or says which patch does not fit the source.
func applyPatches(files map[string]string) error {
	for _, m := range patches {
		found := 0
		for _, name := range m.files {
			text, ok := files[name]
			if !ok {
				return fmt.Errorf("gotch %s has no file %s (patch: %s)", moduleVersion, name, m.why)
			}
			n := strings.Count(text, m.old)
			if n == 0 {
				return fmt.Errorf("gotch %s: %s does not contain %q (patch: %s)", moduleVersion, name, m.old,
					m.why)
			}
			found += n
			files[name] = strings.ReplaceAll(text, m.old, m.new)
		}
		if m.count >= 0 && found != m.count {
			return fmt.Errorf("gotch %s: %q occurs %d times, expected %d (patch: %s)", moduleVersion, m.old,
				found, m.count, m.why)
		}
	}
	for _, name := range operations {
		text, n := keepAlive(files[name])
		if n == 0 {
			return fmt.Errorf("gotch %s: %s has no method of a tensor (patch: keepAlive)", moduleVersion, name)
		}
		files[name] = text
	}
	for name, text := range addedFiles {
		files[name] = text
	}
	for name, text := range files {
		if strings.HasPrefix(name, "ts/") {
			files[name] = dropUnusedImports(text)
		}
	}
	return nil
}

// operations are the files of methods that hand tensors and scalars to C.
var operations = []string{"ts/tensor-generated.go", "ts/patch.go"}

// method is the first line of a method of a tensor, with its receiver and its parameters.
var method = regexp.MustCompile(`(?m)^func ?\((\w+ \*Tensor)\) *\w+\(([^()]*)\).*\{[ \t]*$`)

// handle is a parameter that has a finalizer, or a list of such.
var handle = regexp.MustCompile(`(\w+) +(?:\[\])?\*?(?:Tensor|Scalar)\b`)

// keepAlive keeps the tensors and scalars of each method until it returns, and counts the methods.
// gotch takes the C handle out of them and does not use them again. So the garbage collector may free
// what C works on: a scalar that is made in a call, as in x.MustBaddbmm(a, b, ts.FloatScalar(2), ...).
func keepAlive(text string) (kept string, methods int) {
	kept = method.ReplaceAllStringFunc(text, func(line string) string {
		methods++
		parts := method.FindStringSubmatch(line)
		for _, list := range parts[1:] {
			for _, h := range handle.FindAllStringSubmatch(list, -1) {
				line += "\n  defer runtime.KeepAlive(" + h[1] + ")"
			}
		}
		return line
	})
	return strings.Replace(kept, "\"unsafe\"", "\"runtime\"\n  \"unsafe\"", 1), methods
}

// dropUnusedImports removes the imports that are superfluous with the patches.
func dropUnusedImports(text string) string {
	if !strings.Contains(text, "log.") {
		text = strings.Replace(text, "\t\"log\"\n", "", 1)
		text = strings.Replace(text, "  \"log\"\n", "", 1)
	}
	if !strings.Contains(text, "C.") {
		text = strings.Replace(text, "import \"C\"\n", "", 1)
	}
	return text
}
