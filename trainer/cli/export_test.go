package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// The stages of a recipe that are done go into the provenance; a journal that is none is named.
func TestExportWithTheStagesOfARecipe(t *testing.T) {
	journal := writeFile(t, "run.json", `{"recipe": "qm9", "stages": [
		{"name": "train", "args": ["train", "--data", "/home/me/train.xyz"], "version": "v1", "hours": 1.5, "done": true},
		{"name": "export", "args": ["export", "w"], "version": "v1", "hours": 0, "done": false}]}`)
	out := filepath.Join(t.TempDir(), "out.safetensors")
	base, err := os.ReadFile(filepath.Join("..", "..", "core", "weights", "qm9-base.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	in := writeFile(t, "in.safetensors", string(base))
	succeeds(t, "export", in, "--out", out, "--journal", journal)
	f, err := safetensors.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Command string        `json:"command"`
		Stages  []train.Stage `json:"stages"`
	}
	if err := json.Unmarshal([]byte(f.Metadata["training"]), &p); err != nil {
		t.Fatal(err)
	}
	want := []train.Stage{{Name: "train", Command: "symdiff train --data train.xyz", Version: "v1", Hours: 1.5}}
	if !slices.Equal(p.Stages, want) || p.Command == "" {
		t.Errorf("provenance %+v, want stages %+v", p, want)
	}
	for name, text := range map[string]string{"none.json": "", "half.json": `{"stages": [`} {
		bad := filepath.Join(t.TempDir(), name)
		if text != "" {
			bad = writeFile(t, name, text)
		}
		fails(t, 1, "--journal: ", "export", in, "--out", out, "--journal", bad)
	}
}

// A model file is written again as int8, which takes half of f16 and still samples; int8 of int8
// changes nothing.
func TestExportInt8(t *testing.T) {
	dir := t.TempDir()
	name := func(dtype string) string { return filepath.Join(dir, dtype+".safetensors") }
	for _, dtype := range []string{"f16", "int8"} {
		if s := succeeds(t, "export", tinyModel(t), "--out", name(dtype), "--dtype", dtype); !strings.Contains(s,
			"parameters as "+dtype) {
			t.Errorf("export says %q", s)
		}
	}
	succeeds(t, "export", name("int8"), "--out", name("again"), "--dtype", "int8")
	read := func(path string) *safetensors.File {
		f, err := safetensors.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	half, int8s, again := read(name("f16")), read(name("int8")), read(name("again"))
	matrices := 0
	for _, tensor := range half.Names() {
		want, err := half.Float32(tensor)
		if err != nil {
			t.Fatal(err)
		}
		got, err := int8s.Float32(tensor)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.Float32(tensor)
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := int8s.Info(tensor); info.DType == safetensors.I8 {
			matrices++
		}
		var most, worst, drift float32
		for i, v := range want {
			most, worst, drift = max(most, v, -v), max(worst, got[i]-v, v-got[i]), max(drift, twice[i]-got[i], got[i]-twice[i])
		}
		if worst > most/200 || drift > most/1e6 { // half a step is 1/254
			t.Errorf("%s: values up to %g, off by %g, and by %g the second time", tensor, most, worst, drift)
		}
	}
	if matrices < 10 {
		t.Errorf("%d matrices as int8", matrices)
	}
	succeeds(t, "sample", "--model", name("int8"), "--n", "1", "--atoms", "5", "--steps", "2")
}

func TestExportFailures(t *testing.T) {
	out := filepath.Join(t.TempDir(), "w.safetensors")
	fails(t, exitFailure, "none.safetensors", "export", "none.safetensors", "--out", out)
	notes := filepath.Join(t.TempDir(), "notes.safetensors")
	if err := safetensors.WriteFile(notes, nil, map[string]string{"note": "no network"}); err != nil {
		t.Fatal(err)
	}
	fails(t, exitFailure, "not a checkpoint", "export", notes, "--out", out)
	fails(t, exitUsage, "--dtype", "export", tinyModel(t), "--out", out, "--dtype", "f8")
	fails(t, exitUsage, "out", "export", tinyModel(t))
	fails(t, exitUsage, "arg", "export", "--out", out)
	if _, err := os.Stat(out); err == nil {
		t.Error("a failed export left a file")
	}
}

// What files record names no folder of the machine.
func TestRecordedCommand(t *testing.T) {
	got := recordedCommand([]string{"/usr/bin/symdiff", "train", "--data", "/home/ada/a.xyz,/data/b.xyz.gz@split=train",
		"--out=/home/ada/run", "--init", "../base.safetensors", "--lr", "1e-3", "--reward",
		"program:/home/ada/rank --model /data/m.pt", "--set", "reward=program: /opt/python rank.py --a=/data/b"})
	want := "symdiff train --data a.xyz,b.xyz.gz@split=train --out=run --init ../base.safetensors --lr 1e-3 --reward " +
		"'program:rank --model m.pt' --set 'reward=program:python rank.py --a=b'"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
