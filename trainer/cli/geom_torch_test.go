//go:build torch

package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// geomElements are the 16 elements of GEOM-Drugs' models, which have no charge channel.
const geomElements = "H,B,C,N,O,F,Al,Si,P,S,Cl,As,Br,I,Hg,Bi"

// geomArchive writes molecules as GEOM has them: conformers that differ a little, the lowest last.
func geomArchive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	for m, err := range molecule.Open("../../core/molecule/testdata/small.xyz") {
		if err != nil {
			t.Fatal(err)
		}
		var conformers []any
		for k := range 3 {
			var rows [][]float64
			for i, p := range m.Positions {
				s := 1 + 0.002*float64(k)
				rows = append(rows, []float64{float64(m.Elements[i]), s * p[0], s * p[1], s * p[2]})
			}
			conformers = append(conformers, map[string]any{"totalenergy": -float64(k), "xyz": rows})
		}
		if err := e.Encode(map[string]any{m.Formula(): map[string]any{"conformers": conformers,
			"uniqueconfs": 3}}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "drugs_crude.msgpack")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The way of GEOM-Drugs: prepare, train, export, bound, sample, evaluate; from its own format, and
// on its molecules where they are at hand.
func TestGEOM(t *testing.T) {
	inputs := map[string][]string{"msgpack": {geomArchive(t), "--conformers", "2", "--split", "0.8,0.1"}}
	const shared = "../../../shared/data/geomdrugs_gfn2_"
	if _, err := os.Stat(shared + "train.xyz.gz"); err == nil {
		inputs["drugs"] = []string{shared + "train.xyz.gz", shared + "val.xyz.gz", shared + "test.xyz.gz"}
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			set, run, weights, sample := filepath.Join(dir, "set.safetensors"), filepath.Join(dir, "run"),
				filepath.Join(dir, "w.safetensors"), filepath.Join(dir, "s.xyz")
			out := succeeds(t, append(append([]string{"data", "prepare"}, input...), "--out", set, "--elements",
				geomElements, "--max-atoms", "181")...)
			if !strings.Contains(out, "; 0 records skipped") || !strings.Contains(out, "train") {
				t.Errorf("prepare says %s", out)
			}
			succeeds(t, append([]string{"train", "--data", set + "@split=train", "--out", run, "--steps", "6",
				"--set", "elements=" + geomElements, "--set", "charge=false", "--quiet"}, tiny...)...)
			succeeds(t, "export", run, "--out", weights)
			var bound likelihoodReport
			if err := json.Unmarshal([]byte(succeeds(t, "nll", "--model", weights, "--data", set+"@split=train",
				"--limit", "4", "--json")), &bound); err != nil || math.IsNaN(bound.NLL) || bound.Molecules != 4 {
				t.Errorf("bound %+v, %v", bound, err)
			}
			succeeds(t, "sample", "--model", weights, "--n", "3", "--steps", "8", "--out", sample, "--quiet")
			var e evaluation.Evaluation
			if err := json.Unmarshal([]byte(succeeds(t, "evaluate", sample, "--train", set+"@split=train",
				"--reference", set, "--json")), &e); err != nil {
				t.Fatal(err)
			}
			if e.Molecules != 3 || e.Atoms < 9 || e.Novelty == nil || len(e.Divergences) == 0 {
				t.Errorf("evaluation %+v", e)
			}
		})
	}
}
