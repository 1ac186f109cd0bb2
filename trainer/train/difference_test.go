package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// weightsUnder is a model of two tensors under a condition.
func weightsUnder(name string, first, second []float32, conditions ...string) Weights {
	meta := encoding.QM9()
	for _, c := range conditions {
		meta.Context = append(meta.Context, encoding.Quantity{Name: c, MAD: 1})
	}
	md := map[string]string{}
	meta.Describe(md)
	return Weights{name, []safetensors.Tensor{
		{Name: "xh_embedder.weight", Shape: []int{2, len(first) / 2}, Data: first},
		{Name: "second.bias", Shape: []int{len(second)}, Data: second},
	}, md}
}

// What is conditioned gets the difference of two models that are not, in the columns that they
// have.
func TestAddTaskVector(t *testing.T) {
	w := weightsUnder("w", []float32{1, 2, 3, 4, 5, 6, 7, 8}, []float32{9, 10}, encoding.TypesName)
	finetuned, base := weightsUnder("finetuned", []float32{10, 20, 30, 40}, []float32{50, 60}), weightsUnder("base",
		[]float32{1, 2, 3, 4}, []float32{5, 6})
	w.Tensors = append(w.Tensors, safetensors.Tensor{Name: "own", Shape: []int{1}, Data: []float32{7}})
	if err := AddTaskVector(w, finetuned, base, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Tensors[0].Data, []float32{10, 20, 3, 4, 32, 42, 7, 8}; !slices.Equal(got, want) {
		t.Errorf("the first layer is %v, want %v", got, want)
	}
	if got, want := w.Tensors[1].Data, []float32{54, 64}; !slices.Equal(got, want) {
		t.Errorf("a bias is %v, want %v", got, want)
	}
	if got := w.Tensors[2].Data[0]; got != 7 {
		t.Errorf("what neither has becomes %g", got)
	}
	if err := AddTaskVector(w, finetuned, base, -0.5); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Tensors[1].Data, []float32{54 - 22.5, 64 - 27}; !slices.Equal(got, want) {
		t.Errorf("half of it taken back, a bias is %v, want %v", got, want)
	}
	if w.Metadata["parts"] != "" {
		t.Error("it is fragment-conditional without having learned to")
	}
	finetuned.Metadata = map[string]string{}
	taught := encoding.QM9()
	taught.Context, taught.Fragments = []encoding.Quantity{{Name: encoding.TypesName, MAD: 1}}, true
	taught.Describe(finetuned.Metadata)
	finetuned.Tensors[0] = safetensors.Tensor{Name: "xh_embedder.weight", Shape: []int{2, 4}, Data: make([]float32, 8)}
	if err := AddTaskVector(w, finetuned, base, 1); err != nil || w.Metadata["parts"] != "true" {
		t.Errorf("%v, metadata parts %q", err, w.Metadata["parts"])
	}
	other := weightsUnder("other", []float32{1, 2, 3, 4}, []float32{5, 6, 7})
	if err := AddTaskVector(w, finetuned, other, 1); err == nil || !strings.Contains(err.Error(),
		`other: tensor "second.bias" is [3], want [2]`) {
		t.Errorf("another shape: %v", err)
	}
	other.Tensors = other.Tensors[:1]
	if err := AddTaskVector(w, finetuned, other, 1); err == nil || !strings.Contains(err.Error(),
		`other: no tensor "second.bias"`) {
		t.Errorf("a tensor that is missing: %v", err)
	}
	foreign := Weights{Name: "foreign"}
	if err := AddTaskVector(w, foreign, foreign, 1); err == nil || !strings.Contains(err.Error(),
		"foreign: no tensor of w") {
		t.Errorf("models that share nothing: %v", err)
	}
}
