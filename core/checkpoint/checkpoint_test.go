package checkpoint

import (
	"os"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

func TestLoadOpensEveryKind(t *testing.T) {
	for _, c := range []struct {
		file, kind string
		features   int
	}{
		{"../model/testdata/symdiff.weights.safetensors", "symdiff", 6},
		{"../model/testdata/dit.weights.safetensors", "dit", 6},
		{"../egnn/testdata/egnn.weights.safetensors", "egnn", 6},
		{"../geoldm/testdata/geoldm_latent2.weights.safetensors", "geoldm", 2},
		{"../weights/qm9-base.safetensors", "symdiff-h", 6},
	} {
		data, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Parse(c.file, data)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Load(f)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if n.Kind != c.kind || n.Features() != c.features || n.Parameters == 0 {
			t.Errorf("%s: kind %s, %d features, %d parameters", c.file, n.Kind, n.Features(), n.Parameters)
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
