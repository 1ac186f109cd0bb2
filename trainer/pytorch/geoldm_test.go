package pytorch

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// publishedGeoLDM is a checkpoint of random weights as the published code names and orders them.
// Its table of the noise schedule is that of the formula, moved by a thousandth at t = 21. change
// may take tensors away or add some.
func publishedGeoLDM(t *testing.T, c geoldm.Config, change func([]safetensors.Tensor) []safetensors.Tensor) *State {
	t.Helper()
	s, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	table := make([]float32, s.T()+1)
	for i := range table {
		table[i] = float32(s.NegLogSNR(i))
	}
	table[21] += 1e-3
	list := []safetensors.Tensor{
		{Name: "buffer", Shape: []int{1}, Data: []float32{0}}, {Name: "gamma.gamma", Shape: []int{len(table)}, Data: table},
	}
	for i, p := range c.Parameters() {
		if strings.HasPrefix(p.Name, "vae.encoder.egnn.embedding.weight") {
			list = append(list, safetensors.Tensor{Name: "vae.buffer", Shape: []int{1}, Data: []float32{0}})
		}
		r := rng.New(1, uint32(i), rng.Init, 0)
		v := make([]float32, p.Size())
		r.Fill(v, 0.1)
		list = append(list, safetensors.Tensor{Name: p.Name, Shape: p.Shape, Data: v})
	}
	if change != nil {
		list = change(list)
	}
	return asState(t, list)
}

// asState writes tensors as PyTorch does and reads them.
func asState(t *testing.T, list []safetensors.Tensor) *State {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, list); err != nil {
		t.Fatal(err)
	}
	s, err := ParseState("geoldm.npy", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	qm9Sizes  = geoldm.New(geoldm.Sizes{Hidden: 16, Layers: 3, Latent: 2}, 6, true)
	geomSizes = geoldm.New(geoldm.Sizes{Hidden: 16, Layers: 2, Latent: 1}, 16, false)
)

// Sizes come from the tensors, the schedule from the table of the file; and an export has the
// tensors, names and order of the checkpoint that was imported.
func TestImportGeoLDM(t *testing.T) {
	for name, c := range map[string]geoldm.Config{"QM9": qm9Sizes, "GEOM-Drugs": geomSizes} {
		for _, args := range []map[string]any{nil, {"latent_nf": int64(c.Latent()), "nf": int64(16),
			"include_charges": c.Charge, "tanh": true, "ae_path": "x"}} {
			s := publishedGeoLDM(t, c, nil)
			m, err := Import(s, Choices{Args: args, PadTo: -1})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			loaded, err := geoldm.Load(parsed(t, m))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if loaded.Config != c {
				t.Errorf("%s: %+v, want %+v", name, loaded.Config, c)
			}
			sched, err := schedule.New(loaded.Meta.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			formula, _ := schedule.New(schedule.Polynomial2)
			if d := sched.NegLogSNR(21) - formula.NegLogSNR(21); d < 9e-4 || d > 1.1e-3 {
				t.Errorf("%s: the table at t = 21 is %g from the formula, want 1e-3", name, d)
			}
			export, err := Export(m.Tensors, m.Metadata())
			if err != nil {
				t.Fatal(err)
			}
			again := asState(t, export)
			if !slices.Equal(again.Names, s.Names) {
				t.Errorf("%s: exported %q, imported %q", name, again.Names, s.Names)
			}
			for _, n := range s.Names {
				a, _ := s.Tensors[n].Float32()
				if b, err := again.Tensors[n].Float32(); err != nil || !slices.Equal(a, b) {
					t.Errorf("%s: %s comes back changed (%v)", name, n, err)
				}
			}
		}
	}
}

// Without charges the last type never comes out, as published, and a note says so; --all-types lets
// it.
func TestImportGeoLDMLastType(t *testing.T) {
	for _, all := range []bool{false, true} {
		m, err := Import(publishedGeoLDM(t, geomSizes, nil), Choices{Args: map[string]any{"dataset": "geom"}, AllTypes: all})
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := geoldm.Load(parsed(t, m))
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(m.Notes, func(note string) bool { return strings.Contains(note, "Bi") })
		if loaded.Config.AllTypes != all || told == all {
			t.Errorf("all types %v: %v, notes %q", all, loaded.Config.AllTypes, m.Notes)
		}
	}
}

// What cannot be followed is refused, and the error names the tensor or argument.
func TestGeoLDMRefused(t *testing.T) {
	without := func(prefix string) func([]safetensors.Tensor) []safetensors.Tensor {
		return func(list []safetensors.Tensor) []safetensors.Tensor {
			return slices.DeleteFunc(list, func(x safetensors.Tensor) bool { return strings.HasPrefix(x.Name, prefix) })
		}
	}
	for want, c := range map[string]struct {
		change func([]safetensors.Tensor) []safetensors.Tensor
		args   map[string]any
	}{
		"conditioned on 1 properties": {change: func(list []safetensors.Tensor) []safetensors.Tensor {
			for i, x := range list {
				if strings.HasSuffix(x.Name, "egnn.embedding.weight") {
					list[i].Shape = []int{x.Shape[0], x.Shape[1] + 1}
					list[i].Data = make([]float32, x.Shape[0]*(x.Shape[1]+1))
				}
			}
			return list
		}},
		"conditioned on [alpha]":  {args: map[string]any{"conditioning": &List{Items: Tuple{"alpha"}}}},
		"without its encoder":     {change: without("vae.encoder.")},
		"without its denoiser":    {change: without("dynamics.")},
		"gamma.gamma: is missing": {change: without("gamma.")},
		"vae.decoder.egnn.e_block_1.gcl_equiv.coord_mlp.4.weight: is missing": {
			change: without("vae.decoder.egnn.e_block_1.gcl_equiv.coord_mlp.4"),
		},
		"is conditioned on [gap]": {args: map[string]any{"conditioning": "gap"}},
		"context_node_nf is 1":    {args: map[string]any{"context_node_nf": int64(1)}},
		"n_layers is 9":           {args: map[string]any{"n_layers": int64(9)}},
		"nf is 256":               {args: map[string]any{"nf": int64(256)}},
		"inv_sublayers is 2":      {args: map[string]any{"inv_sublayers": int64(2)}},
		"attention is false":      {args: map[string]any{"attention": false}},
		`dataset is "geom"`:       {args: map[string]any{"dataset": "geom"}},
		"learned noise schedule":  {args: map[string]any{"diffusion_noise_schedule": "learned"}},
		"has a learned noise": {change: func(list []safetensors.Tensor) []safetensors.Tensor {
			return append(list, safetensors.Tensor{Name: "gamma.gamma_0", Shape: []int{1}, Data: []float32{-5}})
		}},
		"latent_nf is 4":         {args: map[string]any{"latent_nf": int64(4)}},
		"diffusion_steps is 500": {args: map[string]any{"diffusion_steps": int64(500)}},
		"egnn_dynamics":          {args: map[string]any{"model": "gnn_dynamics"}},
		"sin_embedding":          {args: map[string]any{"sin_embedding": true}},
		"remove_h":               {args: map[string]any{"remove_h": true}},
		"6 elements":             {args: map[string]any{"include_charges": false}},
		"extra: is no parameter": {change: func(list []safetensors.Tensor) []safetensors.Tensor {
			return append(list, safetensors.Tensor{Name: "extra", Shape: []int{1}, Data: []float32{1}})
		}},
	} {
		_, err := Import(publishedGeoLDM(t, qm9Sizes, c.change), Choices{Args: c.args})
		if want = strings.Replace(want, "6 elements", "5 elements", 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// The sizes of an autoencoder are those of its tensors: it may be of another run than the arguments.
func TestAutoencoderOfAnotherRun(t *testing.T) {
	c := qm9Sizes
	c.Encoder.Hidden, c.Decoder.Hidden, c.Decoder.Layers = 8, 8, 1
	c.Complete()
	args := map[string]any{"nf": int64(16), "n_layers": int64(3), "ae_path": "outputs/ae"}
	m, err := Import(publishedGeoLDM(t, c, nil), Choices{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := geoldm.Load(parsed(t, m))
	if err != nil || loaded.Config != c {
		t.Errorf("%v, %+v, want %+v", err, loaded, c)
	}
	if len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "ae_path") {
		t.Errorf("notes %q", m.Notes)
	}
}

// A latent model with SymDiff's network is ours alone: there is no published class to export it
// for.
func TestNoExportOfLatentDiT(t *testing.T) {
	md := map[string]string{}
	maps.Copy(md, geoldm.Metadata(qm9Sizes, encoding.QM9()))
	md[geoldm.DenoiserPrefix+"kind"] = "symdiff"
	if _, err := Export(nil, md); err == nil || !strings.Contains(err.Error(), "symdiff") {
		t.Errorf("error %v", err)
	}
}
