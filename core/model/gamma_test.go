package model

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// fresh is a network as a training starts it: gates and the final layer zero, all else random; with
// a head of moments f's first layer does not see positions yet.
func fresh(t *testing.T, change func(*Config)) *Model {
	t.Helper()
	meta := encoding.QM9()
	c := Config{
		Variant: Symdiff, GammaOrder: GammaPaper, FixQR: true, Features: meta.Features(), XHHidden: 12, K: 8,
		EncHidden: 16, EncDepth: 2, EncHeads: 2, EncMLPRatio: 2, DecHidden: 8,
		Hidden: 24, Depth: 1, Heads: 2, MLPRatio: 2, NoiseDims: 0, NoiseStd: 1, MLPType: SwiGLU,
	}
	change(&c)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s := rng.New(5, 0, rng.Init, 0)
	var tensors []safetensors.Tensor
	for _, p := range c.Parameters() {
		v := make([]float32, p.Size())
		if !strings.Contains(p.Name, "adaLN") && !strings.Contains(p.Name, "final_layer") && len(p.Shape) == 2 {
			s.Fill(v, 1/math.Sqrt(float64(p.Shape[1])))
		}
		if strings.HasPrefix(p.Name, "gaussian_embedder.") {
			for i := range v {
				v[i] = 0.5 * float32(i+1)
			}
		}
		if c.GammaHead == GammaMoments && p.Name == "gamma_enc.x_embedder.weight" {
			for row := 0; row < len(v); row += p.Shape[1] {
				clear(v[row : row+3])
			}
		}
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: v})
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("fresh", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.GammaBase != c.GammaBase || m.Config.GammaHead != c.GammaHead {
		t.Fatalf("read back: base %q, head %q", m.Config.GammaBase, m.Config.GammaHead)
	}
	return m
}

// At the start the published f makes one matrix whatever it sees, so that gamma is the Haar
// measure. The head of moments sees: its directions come from the atoms.
func TestOnlyTheHeadOfMomentsSeesAtTheStart(t *testing.T) {
	s := rng.New(2, 0, rng.Init, 0)
	for _, c := range []struct {
		name   string
		change func(*Config)
		lo, hi float64
	}{
		{"published head", func(*Config) {}, 0.9, 1.1},
		{"moments", func(c *Config) { c.GammaHead = GammaMoments }, -1e-6, 1e-3},
		{"moments over the frame", func(c *Config) { c.GammaHead, c.GammaBase = GammaMoments, GammaFrame }, -1e-6, 1e-3},
		{"frame alone", func(c *Config) { c.Variant, c.GammaBase = SymdiffH, GammaFrame }, 0.9, 1.1},
	} {
		net := fresh(t, c.change).Network()
		width := 3 + net.Features()
		const n = 12
		z := make([]float32, n*width)
		s.Fill(z, 1)
		symmetrise.RemoveMean(z, width, []int{n})
		v := symmetrise.InputVariance(net, z, 0.4, 200, 7)
		t.Logf("%s: variance of k's input %.3f of that under the Haar measure", c.name, v)
		if v < c.lo || v > c.hi {
			t.Errorf("%s: %.3f, want %g to %g", c.name, v, c.lo, c.hi)
		}
		if r := symmetrise.CheckEquivariance(net, z, 0.4, 3, 2, 1); r.Coupling > 1e-4 {
			t.Errorf("%s: coupling %g", c.name, r.Coupling)
		}
	}
}

func TestGammaOfAnotherKindIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"gamma_base": func(c *Config) { c.GammaBase = "axes" },
		"gamma_head": func(c *Config) { c.Variant, c.GammaHead = SymdiffH, GammaMoments },
	} {
		c := Published()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
