//go:build torch

package cli

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// tinyRecipe makes a model of made-up molecules in seconds, by all kinds of stages.
const tinyRecipe = `
[vars]
data = "x"

[[stage]]
name = "train"
run = ["train", "--config", "SETTINGS", "--data", "{data}", "--val", "{data}",
  "--out", "{out}/base", "--device", "{device}"]
gives = { checkpoint = "{out}/base/checkpoint.safetensors" }

[[stage]]
name = "base"
run = ["export", "{checkpoint}", "--out", "{out}/base.safetensors"]
gives = { base = "{out}/base.safetensors" }

[[stage]]
name = "posttrain"
run = ["posttrain", "--init", "{base}", "--data", "{data}", "--val", "{data}", "--out", "{out}/posttrain",
  "--rounds", "2", "--samples", "8",
  "--steps", "12", "--threads", "2",
  "--set", "batch-atoms=30", "--set", "checkpoint-every=1ns"]
gives = { posttrained = "{out}/posttrain/model.safetensors" }

[[stage]]
name = "export"
run = ["export", "{posttrained}", "--out", "{out}/model.safetensors", "--dtype", "int8"]
gives = { model = "{out}/model.safetensors" }

[[stage]]
name = "sample"
run = ["sample", "--model", "{model}", "-n", "6", "--steps", "4", "--seed", "1", "--out", "{out}/sample.xyz"]
gives = { sample = "{out}/sample.xyz" }

[[stage]]
name = "evaluate"
run = ["compare", "tiny={sample}", "--reference", "{data}", "--json"]
stdout = "{out}/evaluation.json"
gives = { evaluation = "{out}/evaluation.json" }
`

const tinySettings = `
[model]
variant = "symdiff-h"
hidden = 16
depth = 1
heads = 2
xh-hidden = 8
K = 4
[objective]
condition = ["types"]
[optimiser]
batch-atoms = 30
warmup = 2
[run]
steps = 40
threads = 2
val-every = 10
checkpoint-every = "1ns"
`

func recipeFile(t *testing.T) string {
	t.Helper()
	return writeFile(t, "tiny.toml", strings.Replace(tinyRecipe, "SETTINGS", writeFile(t, "settings.toml",
		tinySettings), 1))
}

// A recipe that is killed again and again, at any moment, ends with the bits of one that was left
// alone.
func TestKilledRecipeEndsAlike(t *testing.T) {
	recipe, data := recipeFile(t), trainingData(t)
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	succeeds(t, "run", recipe, "--out", whole, "--set", "data="+data)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for ; ; kills++ {
		if kills > 80 {
			t.Fatal("80 kills without an end")
		}
		cmd := exec.Command(self, "run", recipe, "--out", killed, "--set", "data="+data)
		cmd.Env = append(os.Environ(), asCommand+"=1")
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(400+r.IntN(600+200*kills))*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		if timer.Stop() && err != nil {
			t.Fatalf("after %d kills: %v\n%s", kills, err, said.String())
		}
		if err == nil {
			break
		}
	}
	t.Logf("%d kills", kills)
	for _, name := range []string{"base.safetensors", "posttrain/model.safetensors", "model.safetensors"} {
		want, got := tensorsOf(t, filepath.Join(whole, name)), tensorsOf(t, filepath.Join(killed, name))
		if len(want) == 0 || len(got) != len(want) {
			t.Errorf("%s: %d tensors, want %d", name, len(got), len(want))
		}
		for tensor, v := range want {
			if !slices.Equal(got[tensor], v) {
				t.Errorf("%s: %s differs", name, tensor)
			}
		}
	}
	var c evaluation.Comparison
	b, err := os.ReadFile(filepath.Join(killed, "evaluation.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &c); err != nil || len(c.Entries) != 1 || c.Entries[0].Runs[0].Molecules != 6 {
		t.Errorf("%v, %+v", err, c)
	}
	if s := succeeds(t, "inspect", filepath.Join(killed, "model.safetensors")); !strings.Contains(s,
		"symdiff train") {
		t.Errorf("the weights do not state how they came about: %s", s)
	}

	// What is done stays done, and a stage that is asked for otherwise is refused.
	before, err := os.Stat(filepath.Join(whole, "sample.xyz"))
	if err != nil {
		t.Fatal(err)
	}
	succeeds(t, "run", recipe, "--out", whole, "--set", "data="+data)
	if after, err := os.Stat(filepath.Join(whole, "sample.xyz")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a stage that was done ran again: %v", err)
	}
	fails(t, exitFailure, "choose another --out", "run", recipe, "--quiet", "--out", whole, "--set", "data=other.xyz")
	if err := os.WriteFile(filepath.Join(whole, "base.safetensors"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	fails(t, exitFailure, "is not what stage base made", "run", recipe, "--quiet", "--out", whole, "--set", "data="+data)
}

func tensorsOf(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, name := range f.Names() {
		if all[name], err = f.Float32(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
