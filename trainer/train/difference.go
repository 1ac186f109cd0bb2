package train

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Weights are the tensors and the metadata of a model, by the name of its file.
type Weights struct {
	Name     string
	Tensors  []safetensors.Tensor
	Metadata map[string]string
}

// ReadWeights reads a model file, or the averaged weights of a checkpoint, which is c then.
func ReadWeights(path string) (w Weights, c *Checkpoint, err error) {
	w.Name = path
	f, err := safetensors.Open(CheckpointPath(path))
	if err != nil {
		return w, nil, err
	}
	if IsCheckpoint(f) {
		if c, err = ReadCheckpoint(path); err != nil {
			return w, nil, err
		}
		w.Tensors, w.Metadata = c.Model()
		return w, c, nil
	}
	if _, err := checkpoint.Load(f); err != nil {
		return w, nil, fmt.Errorf("%s is not a checkpoint, and no model: %w", path, err)
	}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v, err := f.Float32(name)
		if err != nil {
			return w, nil, err
		}
		w.Tensors = append(w.Tensors, safetensors.Tensor{Name: name, DType: safetensors.F32,
			Shape: info.Shape, Data: v})
	}
	w.Metadata = f.Metadata
	return w, nil, nil
}

// AddTaskVector adds to a model the difference of two others that all come from one (task
// arithmetic, Ilharco et al. 2023, arXiv 2212.04089):
//
//	w += scale·(finetuned - base)
//
// for every tensor of w, but those that neither has, such as f of a network that learns its gamma.
// What w is conditioned on and they are not stays as it is. Where finetuned is
// fragment-conditional (see encoding.FixedMark) and base is not, w is from then on. Errors name
// the file and the tensor.
func AddTaskVector(w, finetuned, base Weights, scale float64) error {
	meta, err := encoding.Parse(w.Name, w.Metadata)
	if err != nil {
		return err
	}
	to, added := contextNames(meta), 0
	for _, t := range w.Tensors {
		if finetuned.index(t.Name) < 0 && base.index(t.Name) < 0 {
			continue
		}
		var terms [2][]float32
		for i, from := range []Weights{finetuned, base} {
			if terms[i], err = from.like(t, to); err != nil {
				return err
			}
		}
		for i := range t.Data {
			t.Data[i] += float32(scale * (float64(terms[0][i]) - float64(terms[1][i])))
		}
		added++
	}
	if added == 0 {
		return fmt.Errorf("%s: no tensor of %s", finetuned.Name, w.Name)
	}
	return w.addFragments(finetuned, base)
}

// addFragments notes in the metadata that w is fragment-conditional, if it is
// composition-conditional and finetuned differs from base in that.
func (w Weights) addFragments(finetuned, base Weights) error {
	var metas [3]encoding.Meta
	for i, from := range []Weights{w, finetuned, base} {
		var err error
		if metas[i], err = encoding.Parse(from.Name, from.Metadata); err != nil {
			return err
		}
	}
	if metas[0].CompositionConditional() && metas[1].Fragments && !metas[2].Fragments {
		metas[0].Fragments = true
		metas[0].Describe(w.Metadata)
	}
	return nil
}

// Went adds a command to those of the provenance, if there is one.
func (w Weights) Went(command string) error {
	return w.record(func(p *Provenance) { p.Command += " && " + command })
}

// MadeBy adds the stages of a recipe to the provenance, if there is one.
func (w Weights) MadeBy(stages []Stage) error {
	return w.record(func(p *Provenance) { p.Stages = stages })
}

func (w Weights) record(change func(*Provenance)) error {
	meta, err := encoding.Parse(w.Name, w.Metadata)
	if err != nil || meta.Training == nil {
		return err
	}
	var p Provenance
	if err := json.Unmarshal(meta.Training, &p); err != nil {
		return fmt.Errorf("%s: metadata training: %w", w.Name, err)
	}
	change(&p)
	meta.Training, _ = json.Marshal(p) // plain fields: it cannot fail
	meta.Describe(w.Metadata)
	return nil
}

// index is the place of a tensor; -1 if there is none.
func (w Weights) index(name string) int {
	return slices.IndexFunc(w.Tensors, func(t safetensors.Tensor) bool { return t.Name == name })
}

// like is the tensor of w with the name and the shape of t, of a model that is conditioned on the
// quantities of to.
func (w Weights) like(t safetensors.Tensor, to []string) ([]float32, error) {
	i := w.index(t.Name)
	if i < 0 {
		return nil, fmt.Errorf("%s: no tensor %q", w.Name, t.Name)
	}
	o := w.Tensors[i]
	if isFirst(t.Name) {
		meta, err := encoding.Parse(w.Name, w.Metadata)
		if err != nil {
			return nil, err
		}
		o.Data = withContext(o.Data, o.Shape[1], meta.Context, to)
		o.Shape = []int{o.Shape[0], o.Shape[1] + 2*(len(to)-len(meta.Context))}
	}
	if !slices.Equal(o.Shape, t.Shape) {
		return nil, fmt.Errorf("%s: tensor %q is %v, want %v", w.Name, t.Name, o.Shape, t.Shape)
	}
	return o.Data, nil
}
