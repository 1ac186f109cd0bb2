package model

import "testing"

// The paper's own counts (SymDiff and DiT of its table of sizes): the published
// modules also hold gamma_enc.final_layer.adaLN_modulation.1, which Parameters
// leaves out.
func TestNumParametersOfThePaper(t *testing.T) {
	c := Published()
	unused := 2*c.EncHidden*c.EncHidden + 2*c.EncHidden
	if got, want := c.NumParameters()+unused, 31_195_834; got != want {
		t.Errorf("SymDiff: %d parameters, want %d", got, want)
	}
	star := c
	star.XHHidden, star.K, star.Hidden, star.Heads = 382, 382, 768, 12
	star.EncHidden, star.EncDepth, star.EncHeads, star.DecHidden = 216, 10, 8, 80
	unused = 2*star.EncHidden*star.EncHidden + 2*star.EncHidden
	if got, want := star.NumParameters()+unused, 123_309_408; got != want {
		t.Errorf("SymDiff*: %d parameters, want %d", got, want)
	}
	c.Variant = None
	if got, want := c.NumParameters(), 28_965_553; got != want {
		t.Errorf("DiT: %d parameters, want %d", got, want)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*Config){
		"kind":                func(c *Config) { c.Variant = "egnn" },
		"mlp_type":            func(c *Config) { c.MLPType = "relu" },
		"gamma_order":         func(c *Config) { c.GammaOrder = "" },
		"features":            func(c *Config) { c.Features = 0 },
		"pad_to":              func(c *Config) { c.PadTo = -1 },
		"K":                   func(c *Config) { c.K = 1 << 20 },
		"hidden_size":         func(c *Config) { c.Hidden = -3 },
		"xh_hidden_size":      func(c *Config) { c.XHHidden = c.Hidden },
		"depth":               func(c *Config) { c.Depth = 0 },
		"num_heads":           func(c *Config) { c.Heads = 7 },
		"mlp_ratio":           func(c *Config) { c.MLPRatio = 0 },
		"enc_hidden_size":     func(c *Config) { c.EncHidden = 0 },
		"enc_depth":           func(c *Config) { c.EncDepth = 1000 },
		"enc_num_heads":       func(c *Config) { c.EncHeads = 3 },
		"enc_mlp_ratio":       func(c *Config) { c.EncMLPRatio = 1e9 },
		"dec_hidden_features": func(c *Config) { c.DecHidden = 0 },
		"noise_dims":          func(c *Config) { c.NoiseDims = -1 },
		"noise_std":           func(c *Config) { c.NoiseStd = -1 },
		"time_scale":          func(c *Config) { c.TimeScale = -1 },
		"pair_bias":           func(c *Config) { c.PairBias, c.Depth, c.Heads = true, 256, 192 },
	} {
		c := Published()
		spoil(&c)
		err := c.Validate()
		if err == nil || len(err.Error()) <= len(field) || err.Error()[:len(field)] != field {
			t.Errorf("%s: got error %v", field, err)
		}
	}
	if err := Published().Validate(); err != nil {
		t.Error(err)
	}
}
