package checkpoint

import (
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

func TestLoadOpensEveryKind(t *testing.T) {
	for file, kind := range map[string]string{
		"../model/testdata/symdiff.weights.safetensors": "symdiff",
		"../model/testdata/dit.weights.safetensors":     "dit",
		"../egnn/testdata/egnn.weights.safetensors":     "egnn",
		"../weights/qm9-web.safetensors":                "symdiff",
	} {
		f, err := safetensors.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Load(f)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if n.Kind != kind || n.Features() != 6 || n.Parameters == 0 {
			t.Errorf("%s: kind %s, %d features, %d parameters", file, n.Kind, n.Features(), n.Parameters)
		}
		n.NewState([]int{2})
	}
}

func TestLoadNamesAnUnknownKind(t *testing.T) {
	_, err := Load(&safetensors.File{Name: "a.safetensors", Metadata: map[string]string{"kind": "gnn"}})
	if err == nil || !strings.Contains(err.Error(), `a.safetensors: metadata kind: "gnn", want symdiff`) {
		t.Errorf("error %v", err)
	}
}
