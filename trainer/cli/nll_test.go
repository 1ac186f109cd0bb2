package cli

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestNLL(t *testing.T) {
	tiny, data := tinyModel(t), writeFile(t, "a.xyz", methane+methane)
	var r likelihoodReport
	if err := json.Unmarshal([]byte(succeeds(t, "nll", "--model", tiny, "--data", data, "--samples", "3",
		"--json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Molecules != 2 || r.Samples != 3 || math.Abs(r.NLL-r.Terms.Sum()) > 1e-9 || r.StandardError <= 0 ||
		len(r.SHA256) != 64 {
		t.Errorf("%+v", r)
	}
	again := succeeds(t, "nll", "--model", tiny, "--data", data, "--samples", "3", "--json", "--threads", "1")
	if !strings.Contains(again, `"nll": `+string(must1(json.Marshal(r.NLL)))) {
		t.Errorf("one thread: %s, want %v", again, r.NLL)
	}
	if out := succeeds(t, "nll", "--model", tiny, "--data", data, "--markdown", "--limit",
		"1"); !strings.Contains(out, "1 molecules of") {
		t.Error(out)
	}
	// The limit is of all files, however many molecules the first has.
	if out := succeeds(t, "nll", "--model", tiny, "--data", data+","+data+","+data, "--markdown", "--limit",
		"3"); !strings.Contains(out, "3 molecules of") {
		t.Error(out)
	}
	fails(t, 2, "--data: no files", "nll")
	fails(t, 1, "element S is not among the model's", "nll", "--model", tiny, "--data",
		writeFile(t, "s.xyz", "1\n\nS 0 0 0\n"))
	fails(t, 1, "gone.xyz", "nll", "--model", tiny, "--data", "gone.xyz")
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
