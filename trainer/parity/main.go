// Command parity holds every network of some folders against stored calls of the
// published implementations (see core/reference):
//
//	parity [-tol 1e-4] FOLDER...
//
// It runs the calls of each pair NAME.weights.safetensors, NAME.io.safetensors
// through core, and through libtorch where it is built with the tag torch, and
// prints the largest absolute difference of each output. Beyond -tol it exits
// with 1.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/reference"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

func main() {
	tol := flag.Float64("tol", 1e-4, "largest absolute difference that passes")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: parity [-tol 1e-4] FOLDER...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || !(*tol >= 0) {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, flag.Args(), *tol); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// An implementation computes what is stored in io with the network in weights,
// and returns the differences.
type implementation struct {
	name    string
	compare func(weights, io *safetensors.File) (reference.Differences, error)
}

// implementations are those of this build; torch.go adds libtorch.
var implementations = []implementation{{"core", inCore}}

// inCore compares a network of any kind. A kind with its own outputs has a
// case here.
func inCore(weights, io *safetensors.File) (reference.Differences, error) {
	if weights.Metadata["kind"] == geoldm.Kind {
		return geoldmInCore(weights, io)
	}
	net, err := checkpoint.Load(weights)
	if err != nil {
		return nil, err
	}
	cases, err := reference.Read(io, net)
	if err != nil {
		return nil, err
	}
	return reference.Compare(net, cases), nil
}

func geoldmInCore(weights, io *safetensors.File) (reference.Differences, error) {
	m, err := geoldm.Load(weights)
	if err != nil {
		return nil, err
	}
	return compareLatent(io, m, m.Networks())
}

// compareLatent compares the parts of a GeoLDM.
func compareLatent(io *safetensors.File, m *geoldm.Model,
	n reference.LatentNetworks) (reference.Differences, error) {
	s, err := schedule.New(m.Meta.Schedule)
	if err != nil {
		return nil, err
	}
	return reference.CompareLatent(io, m.Config.Features, m.Config.Latent(), s, geoldm.Sigma, n)
}

const weightsSuffix, ioSuffix = ".weights.safetensors", ".io.safetensors"

// run compares the pairs of all folders.
func run(w io.Writer, folders []string, tol float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "network\tkind\timplementation\tlargest difference")
	var failed []string
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*"+weightsSuffix))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s: no NAME%s", folder, weightsSuffix)
		}
		for _, file := range files {
			name := strings.TrimSuffix(file, weightsSuffix)
			weights, err := safetensors.Open(file)
			if err != nil {
				return err
			}
			io, err := safetensors.Open(name + ioSuffix)
			if err != nil {
				return err
			}
			for _, i := range implementations {
				d, err := i.compare(weights, io)
				if err != nil {
					err = fmt.Errorf("%s: %s: %w", name, i.name, err)
				}
				row(t, filepath.Base(name), weights.Metadata["kind"], i.name, d, err)
				if err != nil {
					failed = append(failed, err.Error())
				} else if worst := d.Largest(); worst > tol {
					failed = append(failed, fmt.Sprintf("%s: %s differs by %.3g, more than %g", name, i.name,
						worst, tol))
				}
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if failed != nil {
		return errors.New(strings.Join(failed, "\n"))
	}
	return nil
}

// row prints a comparison: the largest of all differences, then that of each output.
func row(w io.Writer, name, kind, implementation string, d reference.Differences, err error) {
	result := "failed"
	if err == nil {
		result = fmt.Sprintf("%.1e", d.Largest())
		for _, output := range slices.Sorted(maps.Keys(d)) {
			result += fmt.Sprintf("  %s %.1e", output, d[output])
		}
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, kind, implementation, result)
}
