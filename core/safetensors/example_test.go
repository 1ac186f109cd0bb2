package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

func Example() {
	var file bytes.Buffer
	err := safetensors.Write(&file, []safetensors.Tensor{
		{Name: "layer.weight", DType: safetensors.F16, Shape: []int{2, 2}, Data: []float32{1, 0.5, 0.1, -2}},
	}, map[string]string{"kind": "symdiff"})
	if err != nil {
		panic(err)
	}

	f, err := safetensors.Parse("model.safetensors", file.Bytes())
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Metadata["kind"], f.Names())
	fmt.Println(f.Float32("layer.weight", 2, 2))
	fmt.Println(f.Float32("layer.weight", 4))
	// Output:
	// symdiff [layer.weight]
	// [1 0.5 0.099975586 -2] <nil>
	// [] model.safetensors: tensor "layer.weight": shape [2,2], want [4]
}
