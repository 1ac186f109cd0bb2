package train

import (
	"fmt"
	"slices"

	"symdiff/core/model"
	"symdiff/core/safetensors"
)

// Weights are the tensors and the metadata of a model, by the name of its file.
type Weights struct {
	Name     string
	Tensors  []safetensors.Tensor
	Metadata map[string]string
}

// AddDifference adds what training made of one model to another one that came from the same (task arithmetic, Ilharco et al. 2023,
// arXiv 2212.04089):
//
//	w += plus - minus
//
// for every tensor of w, which plus and minus must have as well. What w is conditioned on and they are not stays as it is. Errors
// name the file and the tensor.
func AddDifference(w, plus, minus Weights) error {
	meta, err := model.ParseMeta(w.Name, w.Metadata)
	if err != nil {
		return err
	}
	to := contextNames(meta)
	for _, t := range w.Tensors {
		var terms [2][]float32
		for i, from := range []Weights{plus, minus} {
			if terms[i], err = from.like(t, to); err != nil {
				return err
			}
		}
		for i := range t.Data {
			t.Data[i] += terms[0][i] - terms[1][i]
		}
	}
	return nil
}

// like is the tensor of w with the name and the shape of t, of a model that is conditioned on the quantities of to.
func (w Weights) like(t safetensors.Tensor, to []string) ([]float32, error) {
	i := slices.IndexFunc(w.Tensors, func(o safetensors.Tensor) bool { return o.Name == t.Name })
	if i < 0 {
		return nil, fmt.Errorf("%s: no tensor %q", w.Name, t.Name)
	}
	o := w.Tensors[i]
	if isFirst(t.Name) {
		meta, err := model.ParseMeta(w.Name, w.Metadata)
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
