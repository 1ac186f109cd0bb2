package weights

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
)

func shipped(t *testing.T) *model.Model {
	t.Helper()
	f, err := safetensors.Parse(QM9WebName, QM9Web())
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestQM9WebIsSmallAndTellsItsOrigin(t *testing.T) {
	if n := len(QM9Web()); n >= 5_000_000 {
		t.Errorf("%d bytes: too large for a page", n)
	}
	m := shipped(t)
	elements := ""
	for _, e := range m.Meta.Apart() {
		elements += e.Symbol()
	}
	if elements != "HCNOF" {
		t.Errorf("elements %s", elements)
	}
	var p struct {
		Command string  `json:"command"`
		Loss    float64 `json:"val_loss"`
		Stages  []struct {
			Command string  `json:"command"`
			Hours   float64 `json:"hours"`
		} `json:"stages"`
	}
	if err := json.Unmarshal(m.Meta.Training, &p); err != nil {
		t.Fatal(err)
	}
	hours := 0.0
	for _, s := range p.Stages {
		hours += s.Hours
	}
	if !(hours > 1) || !strings.HasPrefix(p.Stages[0].Command, "symdiff train --config qm9-base ") {
		t.Errorf("stages of the recipe %+v", p.Stages)
	}
	if !strings.HasPrefix(p.Command, "symdiff train ") ||
		strings.Contains(p.Command, " /") || !(p.Loss > 0 && p.Loss < 1) {
		t.Errorf("provenance: command %q, validation loss %v", p.Command, p.Loss)
	}
}

// The measured rates and the card beside each weights file belong to these weights, not to others.
func TestEvaluationIsOfTheseWeights(t *testing.T) {
	files, err := filepath.Glob("*.safetensors")
	if err != nil || len(files) < 2 {
		t.Fatalf("weights %q, %v", files, err)
	}
	for _, file := range files {
		weights, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(file, ".safetensors")
		sum := sha256.Sum256(weights)
		hash := hex.EncodeToString(sum[:])
		data, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var runs []struct {
			Steps  int    `json:"steps"`
			SHA256 string `json:"model_sha256"`
			molecule.Report
		}
		if err := json.Unmarshal(data, &runs); err != nil {
			t.Fatal(err)
		}
		if len(runs) == 0 || runs[0].Molecules < 1000 {
			t.Errorf("%s: %d runs, want at least one of 1,000 molecules", name, len(runs))
		}
		for _, r := range runs {
			if r.SHA256 != hash {
				t.Errorf("%s, %d steps: measured weights %s, shipped are %s: run make evaluate-model MODEL=%s", name,
					r.Steps, r.SHA256, hash, name)
			}
		}
		card, err := os.ReadFile(name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(card, []byte(hash)) {
			t.Errorf("the model card of %s does not name the hash of the weights", name)
		}
	}
}

// A small sample must be about as good as the large one was: noise, in which no
// atom is stable, and worse models are far from it.
func TestSmallSample(t *testing.T) {
	m := shipped(t)
	s, err := sampler.New(m.Network(), m.Meta, sampler.Options{Seed: 1, N: 16})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r, err := molecule.Evaluate(func(yield func(*molecule.Molecule, error) bool) {
		for i := range s.Len() {
			if !yield(s.Molecule(i), nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d molecules: %.1f %% of atoms, %.1f %% of molecules stable", r.Molecules, 100*r.StableAtoms,
		100*r.StableMolecules)
	if r.StableAtoms < 0.9 || r.StableMolecules < 0.4 {
		t.Errorf("only %.1f %% of atoms and %.1f %% of molecules stable", 100*r.StableAtoms, 100*r.StableMolecules)
	}
}
