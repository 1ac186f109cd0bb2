//go:build torch

package train

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/geoldm"
)

// latentOptions are those of a GeoLDM that trains in a second.
func latentOptions(t *testing.T, variant, stage string) Options {
	t.Helper()
	o := small(t)
	o.EGNN = egnn.Config{Hidden: 16, Layers: 1, InvSublayers: 1, Attention: true, Tanh: true, NormConstant: 1,
		NormFactor: 1}
	if err := o.SetVariant(variant); err != nil {
		t.Fatal(err)
	}
	o.Latent = defaultLatent()
	o.Latent.Size, o.Latent.Stage = 2, stage
	return o
}

// ends are the means of the first and the last losses of a log.
func ends(t *testing.T, o Options, n int) (first, last float64) {
	t.Helper()
	var losses []float64
	for _, e := range logLines(t, o.Out) {
		if e.Loss != nil {
			losses = append(losses, *e.Loss)
		}
	}
	for i := range n {
		first, last = first+losses[i]/float64(n), last+losses[len(losses)-1-i]/float64(n)
	}
	return first, last
}

// The two stages of the paper, one after the other, and the stages that train several parts at
// once: each lowers its loss and leaves the rest of the weights as they were, bit for bit; what
// comes out is a model that core samples.
func TestStagesOfGeoLDM(t *testing.T) {
	var before map[string][]float32 // of the autoencoder that the stage diffusion starts from
	autoencoder := ""
	for _, c := range []struct {
		stage   string
		variant string
		changes map[string]bool
	}{
		{stageAutoencoder, "geoldm", map[string]bool{geoldm.EncoderPrefix: true, geoldm.DecoderPrefix: true}},
		{stageDiffusion, "geoldm", map[string]bool{geoldm.DenoiserPrefix: true}},
		{stageReleased, "geoldm-symdiff", map[string]bool{geoldm.DecoderPrefix: true, geoldm.DenoiserPrefix: true}},
		{stageJoint, "geoldm-symdiff-h", map[string]bool{geoldm.EncoderPrefix: true, geoldm.DecoderPrefix: true,
			geoldm.DenoiserPrefix: true}},
	} {
		o := latentOptions(t, c.variant, c.stage)
		o.Val, o.ValMolecules = []string{molecules(t, 20)}, 20
		if c.stage == stageDiffusion {
			o.Init = autoencoder
		}
		if c.stage != stageAutoencoder {
			o.SampleMolecules = 4
		}
		o.Steps, o.LR, o.EMA, o.Clip = 1, 2e-3, 0.9, 0 // the first step has a rate near 0
		start := mustRun(t, o)
		o.Resume, o.Steps = o.Out, 120
		end := mustRun(t, o)
		if first, last := ends(t, o, 15); !(last < 0.9*first) {
			t.Errorf("%s: loss %g at first, %g at last", c.stage, first, last)
		}
		moved := map[string]float64{}
		at := 0
		for _, p := range end.Options.Parameters() {
			for _, prefix := range []string{geoldm.EncoderPrefix, geoldm.DecoderPrefix, geoldm.DenoiserPrefix} {
				for i := at; strings.HasPrefix(p.Name, prefix) && i < at+p.Size(); i++ {
					moved[prefix] += math.Abs(float64(end.Buffers[bufParam][i] - start.Buffers[bufParam][i]))
				}
			}
			at += p.Size()
		}
		for _, prefix := range []string{geoldm.EncoderPrefix, geoldm.DecoderPrefix, geoldm.DenoiserPrefix} {
			if (moved[prefix] > 0) != c.changes[prefix] {
				t.Errorf("%s: %s moved by %g", c.stage, prefix, moved[prefix])
			}
		}
		if c.stage == stageDiffusion {
			after := map[string][]float32{}
			tensors, _ := start.Model()
			for _, x := range tensors {
				after[x.Name] = x.Data
			}
			for name, v := range before {
				// averaged over a step
				if strings.HasPrefix(name, "vae.") && math.Abs(float64(v[0]-after[name][0])) > 1e-6 {
					t.Errorf("--init: %s starts from %g, the autoencoder has %g", name, after[name][0], v[0])
				}
			}
		}
		if c.stage == stageAutoencoder {
			before, autoencoder = map[string][]float32{}, o.Out
			tensors, _ := end.Model()
			for _, x := range tensors {
				before[x.Name] = x.Data
			}
		}
		net, meta, err := end.network()
		if err != nil {
			t.Fatal(err)
		}
		if net.Features() != 2 || meta.Features() != 6 || meta.ScaleCharge != 1 || meta.Moments != nil ||
			len(meta.Histogram) == 0 {
			t.Errorf("%s: %d latent features, meta %+v", c.stage, net.Features(), meta)
		}
	}
}

// Noise and times of a molecule do not depend on how its batch is cut, and every part of a step has
// some.
func TestLatentBatch(t *testing.T) {
	o := latentOptions(t, "geoldm", stageReleased)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	b := batcher(t, o, false)
	b.Latents(2)
	indices := b.set.Batches(1000)[1]
	n := b.set.Size(indices[0])
	times := []int{0, 500, 1000}
	all := b.Make(indices[:3], times, nil, 1, 7)
	one := b.Make(indices[1:2], times[1:2], []int{1}, 1, 7)
	for i, v := range one.Eps {
		if v != all.Eps[i+5*n] || one.Posterior[i] != all.Posterior[i+5*n] {
			t.Fatal("the noise depends on the batch")
		}
	}
	if len(all.Eps) != 3*n*5 || len(all.Posterior) != len(all.Eps) || all.Mask != nil || all.LogPH != nil {
		t.Errorf("%d values of noise for 3 molecules of %d atoms and 2 latents, mask %v, log p(h|z_0) %v",
			len(all.Eps), n, all.Mask, all.LogPH)
	}
	for i, index := range indices[:3] { // clean data, in Å and unscaled
		for a, typ := range b.set.Types(index) {
			row := all.H[(i*n+a)*6 : (i*n+a+1)*6]
			if row[typ] != 1 || row[5] != float32(b.set.Elements[typ]) {
				t.Fatalf("features %v of type %d", row, typ)
			}
		}
		for k, x := range b.set.Positions(index) {
			if all.X[3*i*n+k] != x {
				t.Fatalf("positions are changed: %g, %g", all.X[3*i*n+k], x)
			}
		}
	}
	both := join([]*Batch{b.Make(indices[:1], times[:1], []int{0}, 1, 7), b.Make(indices[1:3], times[1:],
		[]int{1, 2}, 1, 7)})
	for i, v := range both.Posterior {
		if v != all.Posterior[i] {
			t.Fatal("joined parts differ from the whole")
		}
	}
}

// What a GeoLDM cannot be trained with is refused by the flag's name.
func TestLatentOptionsRefused(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		"stage: \"x\"":           func(o *Options) { o.Latent.Stage = "x" },
		"stage diffusion: needs": func(o *Options) { o.Latent.Stage = stageDiffusion },
		"condition":              func(o *Options) { o.Condition = []string{Types} },
		"loss":                   func(o *Options) { o.Loss = lossVLB },
		"--teacher":              func(o *Options) { o.Teacher = "x" },
		"kl-weight":              func(o *Options) { o.Latent.KLWeight = -1 },
		"sample-molecules":       func(o *Options) { o.Latent.Stage, o.SampleMolecules = stageAutoencoder, 1 },
		"features: 0 not in":     func(o *Options) { o.Latent.Size = 0 },
		"bf16":                   func(o *Options) { o.BF16 = true },
		"one of --steps":         func(o *Options) { o.Steps = 0 },
	} {
		o := latentOptions(t, "geoldm", stageReleased)
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	o := latentOptions(t, "geoldm", stageReleased)
	o.Out = filepath.Join(t.TempDir(), "run")
	mustRun(t, o)
	o.Resume, o.Latent.Size, o.Steps = o.Out, 1, 20
	if _, err := Run(t.Context(), o, nil, false); err == nil || !strings.Contains(err.Error(), "its model is geoldm") {
		t.Errorf("resumed with other latents: %v", err)
	}
}
