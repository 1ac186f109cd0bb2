//go:build torch

// Command bench times one optimisation step of training against the same network, weights and batch
// in PyTorch, in turn, in one run:
//
//	bench [-rounds 5] [-seconds 4] [-sizes web,paper] [-molecules 64] [-threads N]
//
// A step is forward, backward, clipping, AdamW and the moving average, in float32, on molecules of
// 18 atoms. PyTorch is given the batch without padding, and as many threads. The ratio is that of
// molecules per second, the median and range over the rounds. The share of matrix products is the
// time that they take alone, three for each of the forward pass, over that of the step; for PyTorch
// it is what its profiler says.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/trainer/pytorch"
	"github.com/symdiff-go/symdiff/trainer/torch"
	"github.com/symdiff-go/symdiff/trainer/train"
)

const atoms = 18

// web is the size of the shipped model, without what PyTorch's side does not have.
func web() model.Config { return train.Defaults().Config }

var sizes = map[string]func() model.Config{"web": web, "paper": model.Published}

func main() {
	rounds := flag.Int("rounds", 5, "")
	seconds := flag.Float64("seconds", 4, "of a round of one side")
	molecules := flag.Int("molecules", 64, "of the batch")
	names := flag.String("sizes", "web,paper", "")
	threads := flag.Int("threads", runtime.NumCPU(), "")
	script := flag.String("script", "trainer/bench/step.py", "")
	python := flag.String("python", "/usr/bin/python3", "")
	flag.Parse()
	runtime.LockOSThread()
	fmt.Printf("| size | parameters | molecules | PyTorch mol/s | here f32 mol/s | ratio | GEMM of a step: " +
		"PyTorch | here | here bf16 mol/s |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for name := range strings.SplitSeq(*names, ",") {
		if err := compare(name, *molecules, *rounds, *seconds, *threads, *python, *script); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
}

func compare(name string, molecules, rounds int, seconds float64, threads int, python,
	script string) (err error) {
	config, ok := sizes[name]
	if !ok {
		return fmt.Errorf("no size %q", name)
	}
	dir, err := os.MkdirTemp("", "bench-train")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o := train.Defaults()
	o.Config, o.BatchAtoms, o.Threads, o.Steps = config(), molecules*atoms, threads, 1
	o.Config.Features = o.Meta().Features()
	o.Data = []string{filepath.Join(dir, "molecules.xyz")}
	if err := made(o.Data[0], molecules); err != nil {
		return err
	}
	here, err := train.NewStepper(o)
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := start(python, script, dir, o.Config, here, threads)
	if err != nil {
		return err
	}
	defer there.stop()

	var check struct{ Loss float64 }
	if err := there.ask("check", &check); err != nil {
		return err
	}
	if loss := here.Step(); relative(loss, check.Loss) > 1e-4 {
		return fmt.Errorf("%s: the loss is %g here and %g in PyTorch: not the same network", name, loss,
			check.Loss)
	}
	var fast *train.Stepper // in bfloat16; nil where that is no faster
	if torch.FastBF16(torch.CPU) {
		half := o
		half.BF16 = true
		if fast, err = train.NewStepper(half); err != nil {
			return err
		}
		defer fast.Close()
	}
	var ratios, ours, theirs, halves []float64
	for round := range rounds + 1 {
		mine := timed(here, seconds)
		other, err := there.timed(here.Molecules(), seconds)
		if err != nil {
			return err
		}
		quick := 0.0
		if fast != nil {
			quick = timed(fast, seconds)
		}
		if round == 0 {
			continue // to warm up
		}
		ours, theirs, halves, ratios = append(ours, mine), append(theirs, other), append(halves, quick),
			append(ratios, mine/other)
	}
	var profile struct{ GEMM float64 }
	if err := there.ask("profile", &profile); err != nil {
		return err
	}
	share := products(here) / (float64(here.Molecules()) / median(ours))
	bf16 := "-"
	if fast != nil {
		bf16 = fmt.Sprintf("%.1f", median(halves))
	}
	fmt.Printf("| %s | %d | %d | %.1f | %.1f | %.2f (%.2f to %.2f) | %.0f %% | %.0f %% | %s |\n", name,
		o.Config.NumParameters(), molecules, median(theirs), median(ours), median(ratios),
		slices.Min(ratios), slices.Max(ratios), 100*profile.GEMM, 100*share, bf16)
	return nil
}

func relative(a, b float64) float64 { return max(a-b, b-a) / b }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// made writes molecules of carbon at random places.
func made(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	r := rng.New(1, 0, rng.Initial, 0)
	for range n {
		m := &molecule.Molecule{}
		for range atoms {
			m.Elements = append(m.Elements, molecule.C)
			m.Positions = append(m.Positions, [3]float64{2 * r.Norm(), 2 * r.Norm(), 2 * r.Norm()})
		}
		if err := molecule.WriteXYZ(f, m); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// timed is molecules per second over so many seconds of steps.
func timed(s *train.Stepper, seconds float64) float64 {
	begin, n := time.Now(), 0
	for time.Since(begin).Seconds() < seconds || n < 2 {
		s.Step()
		n++
	}
	return float64(n*s.Molecules()) / time.Since(begin).Seconds()
}

// products is the time of the matrix products of a step, alone: each of the forward pass, and for
// its gradients two of as much work.
func products(s *train.Stepper) float64 {
	list, spent := s.Products(), make([]time.Duration, s.Workers())
	run := func() {
		s.Each(func(w int) {
			torch.NoGrad(func() {
				for _, p := range list {
					tensor := func(shape ...int64) *ts.Tensor {
						return ts.MustRand(append([]int64{int64(p.Count)}, shape...), gotch.Float, gotch.CPU)
					}
					m, k, n := int64(p.Rows), int64(p.In), int64(p.Out)
					a, b, g := tensor(m, k), tensor(k, n), tensor(m, n)
					at, bt := a.MustTranspose(1, 2, false), b.MustTranspose(1, 2, false)
					begin := time.Now()
					y, da, db := a.MustBmm(b, false), g.MustBmm(bt, false), at.MustBmm(g, false)
					spent[w] += time.Since(begin)
					for _, t := range []*ts.Tensor{y, da, db, at, bt, a, b, g} {
						t.MustDrop()
					}
				}
			})
		})
	}
	run()
	clear(spent)
	const times = 5
	for range times {
		run()
	}
	return slices.Max(spent).Seconds() / times
}

// peer is the process of PyTorch.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(python, script, dir string, c model.Config, s *train.Stepper,
	threads int) (*peer, error) {
	file := filepath.Join(dir, "state.pt")
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(pytorch.Write(f, s.Tensors()), f.Close()); err != nil {
		return nil, err
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.Command(python, script, string(config), file, fmt.Sprint(threads))}
	p.cmd.Stderr = os.Stderr
	// as a user starts it, without what this process has set for itself
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "ATEN_CPU_CAPABILITY=") || strings.HasPrefix(v, "ONEDNN_")
	})
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

func (p *peer) ask(command string, answer any) error {
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return err
	}
	if !p.out.Scan() {
		return fmt.Errorf("PyTorch gave no answer to %q", command)
	}
	return json.Unmarshal(p.out.Bytes(), answer)
}

// timed is molecules per second over about so many seconds.
func (p *peer) timed(molecules int, seconds float64) (float64, error) {
	n, spent := 0, 0.0
	for spent < seconds || n < 2 {
		var answer struct{ Seconds float64 }
		if err := p.ask("steps 1", &answer); err != nil {
			return 0, err
		}
		spent += answer.Seconds
		n++
	}
	return float64(n*molecules) / spent, nil
}

func (p *peer) stop() {
	p.in.Close()
	p.cmd.Wait()
}
