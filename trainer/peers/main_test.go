package main

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// Every model of a size has its number of parameters, within 4 %.
func TestSizesAreEqual(t *testing.T) {
	for i, size := range sizeNames {
		want := []float64{1e6, 4e6, 12e6}[i]
		for _, model := range modelNames {
			o := train.Defaults()
			o.Data, o.Out, o.Steps = []string{"x"}, "x", 1
			name, flags := variant(size, model)
			if err := o.SetVariant(name); err != nil {
				t.Fatal(err)
			}
			for k := 0; k+1 < len(flags); k += 2 {
				key, value, _ := strings.Cut(flags[k+1], "=")
				gamma := map[string]*string{"gamma-head": &o.Config.GammaHead, "gamma-base": &o.Config.GammaBase}
				if text := gamma[key]; text != nil {
					*text = value
					continue
				}
				n, err := strconv.Atoi(value)
				if err != nil || flags[k] != "--set" {
					t.Fatal(flags, err)
				}
				*map[string]*int{
					"hidden": &o.Config.Hidden, "heads": &o.Config.Heads, "xh-hidden": &o.Config.XHHidden,
					"depth": &o.Config.Depth, "nf": &o.EGNN.Hidden, "n-layers": &o.EGNN.Layers,
				}[key] = n
			}
			if err := o.Validate(); err != nil {
				t.Fatalf("%s %s: %v", size, model, err)
			}
			n := 0
			for _, p := range o.Parameters() {
				n += p.Size()
			}
			if math.Abs(float64(n)/want-1) > 0.041 {
				t.Errorf("%s of %s has %d parameters", model, size, n)
			}
		}
	}
}

// script writes a program.
func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// stub is a comparison whose programs only say what they were asked, in the file calls. The one
// that is named in the file fail fails.
func stub(t *testing.T) (c *comparison, calls func() []string) {
	dir := filepath.Join(t.TempDir(), "a@b=c")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	said := filepath.Join(dir, "calls")
	c = &comparison{
		state: filepath.Join(dir, "state"), out: filepath.Join(dir, "peers.json"), log: io.Discard,
		symdiff: script(t, dir, "symdiff", `echo "$@" >> `+said+`
grep -qs "^$1$" `+dir+`/fail && exit 1
case $1 in
train) while [ $# -gt 0 ]; do case $1 in --out|--resume) mkdir -p $2; : > $2/checkpoint.safetensors;; esac; shift; done
	echo '{"step": 120, "seconds": 90, "finished": true, "val_loss": 0.25}';;
evaluate) echo '{"molecules": 5,
"stable_atoms": 0.9, "stable_molecules": 0.5, "valid": 0.8, "unique_among_valid": 1, "connected": 1}';;
inspect) echo '{"parameters": 1000}';;
esac
`),
		call: script(t, dir, "call", "echo 12.5\n"), exec: script(t, dir, "node", "echo 25\n"), wasm: "call.wasm",
	}
	c.Minutes, c.Rounds, c.Samples, c.Method, c.Steps, c.Device = 1, 2, 5, "ddim", 10, "cpu"
	c.Data, c.Val = []string{script(t, dir, "train.xyz", "")}, []string{script(t, dir, "val.xyz", "") + "@split=val"}
	return c, func() []string {
		text, _ := os.ReadFile(said)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

func rows(t *testing.T, c *comparison) Table {
	t.Helper()
	data, err := os.ReadFile(c.out)
	if err != nil {
		t.Fatal(err)
	}
	var all Table
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Models are trained in turn, round by round, then measured; the file has a row for each, with
// names of data and no paths.
func TestModelsAreTrainedInTurn(t *testing.T) {
	c, calls := stub(t)
	if err := c.run([]string{"1M"}, []string{"symdiff", "egnn"}, []string{"0"}); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, line := range calls() {
		words := strings.Fields(line)
		what := words[0]
		for _, model := range []string{"symdiff", "egnn"} {
			if strings.Contains(line, "/1M/"+model+"/") {
				what += " " + model
			}
		}
		if what == "train symdiff" && (len(order) == 0) != strings.Contains(line, "--stop-after 30s") {
			t.Errorf("%s: want to stop after half of the time in the first round alone", line)
		}
		order = append(order, what)
	}
	want := "train symdiff,train egnn,train symdiff,train egnn,export symdiff,sample symdiff,evaluate " +
		"symdiff,inspect symdiff," +
		"export egnn,sample egnn,evaluate egnn,inspect egnn"
	if got := strings.Join(order, ","); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	all := rows(t, c)
	if len(all.Rows) != 2 || all.Settings.Data[0] != "train.xyz" ||
		all.Settings.Val[0] != "val.xyz@split=val" {
		t.Fatalf("%+v", all)
	}
	r := all.Rows[0]
	if r.Model != "symdiff" || r.Parameters != 1000 || r.StepsPerS != 2 || r.Seconds != 90 ||
		r.NativeMS != 12.5 || r.WASMMS != 25 || r.ValLoss != 0.25 ||
		string(r.Evaluation["stable_molecules"]) != "0.5" {
		t.Errorf("%+v", r)
	}
}

// A choice of gamma is a variant of symdiff train with its flag.
func TestGammasAreFlags(t *testing.T) {
	c, calls := stub(t)
	if err := c.run([]string{"1M"}, []string{"symdiff-moments", "frame"}, []string{"0"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"--variant symdiff --out .*/symdiff-moments/run .* --set gamma-head=moments ",
		"--variant symdiff-h --out .*/frame/run .* --set gamma-base=frame "} {
		if line := calls()[i]; !regexp.MustCompile(want).MatchString(line) {
			t.Errorf("%s: want %s", line, want)
		}
	}
}

// What failed or was stopped goes on where it was, and nothing is done twice; there is no row
// before all is measured.
func TestGoesOnWhereItStopped(t *testing.T) {
	c, calls := stub(t)
	fail := filepath.Join(filepath.Dir(c.out), "fail")
	for _, step := range []string{"train", "export", "sample", "evaluate", "inspect"} {
		if err := os.WriteFile(fail, []byte(step+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := c.run([]string{"4M"}, []string{"geoldm"}, []string{"0"}); err == nil {
			t.Fatalf("%s failed, and no error", step)
		}
		if _, err := os.Stat(c.out); err == nil {
			t.Errorf("%s failed, and there is a table", step)
		}
	}
	if err := os.Remove(fail); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.run([]string{"4M"}, []string{"geoldm"}, []string{"0"}); err != nil {
			t.Fatal(err)
		}
	}
	trained := 0
	for _, line := range calls() {
		if strings.HasPrefix(line, "train") {
			trained++
		}
	}
	if trained != 3 || len(rows(t, c).Rows) != 1 { // one that failed, and two rounds
		t.Errorf("trained %d times, rows %+v", trained, rows(t, c).Rows)
	}
	// another model and less data add rows
	if err := c.run([]string{"4M"}, []string{"egnn"}, []string{"0", "500"}); err != nil {
		t.Fatal(err)
	}
	if all := rows(t, c); len(all.Rows) != 3 || all.Rows[2].Limit != 500 || all.Rows[0].Model != "egnn" {
		t.Errorf("%+v", all.Rows)
	}
}

// An error names what is damaged in the state, and removed it is made again; a row without a
// measurement makes no table.
func TestDamagedState(t *testing.T) {
	c, calls := stub(t)
	run := func() error { return c.run([]string{"1M"}, []string{"symdiff"}, []string{"0"}) }
	if err := run(); err != nil {
		t.Fatal(err)
	}
	want, n := rows(t, c), len(calls())
	dir := filepath.Join(c.state, "1M", "symdiff")
	for _, file := range []string{filepath.Join(c.state, "settings.json"), filepath.Join(dir, "row.json"),
		filepath.Join(dir, "sampled.json"), filepath.Join(dir, "round1.json")} {
		for _, text := range []string{`{"size": "1`, "{}"} {
			if text == "{}" && filepath.Base(file) != "row.json" {
				continue
			}
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := run(); err == nil || !strings.Contains(err.Error(), file+" is damaged") {
				t.Errorf("%s of %s: error %v", file, text, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "row.json" {
			continue // the next ones go into it
		}
		if err := run(); err != nil {
			t.Errorf("%s removed: %v", file, err)
		}
		if err := os.Remove(filepath.Join(dir, "row.json")); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	got := rows(t, c)
	for _, r := range [][]Row{got.Rows, want.Rows} {
		r[0].SampleS, r[0].SampleMB, r[0].TrainMB = 0, 0, 0 // of the machine
	}
	if !reflect.DeepEqual(got, want) || len(calls()) == n {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Files that are not there are reported before anything is done, and what did not begin to train
// binds no later start.
func TestFirstStartMayFail(t *testing.T) {
	c, calls := stub(t)
	run := func() error { return c.run([]string{"1M"}, []string{"egnn"}, []string{"0"}) }
	whole := c.Val
	c.Val = []string{c.Data[0], c.Data[0] + ".gone"}
	if err := run(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), ".gone") || calls()[0] != "" {
		t.Errorf("error %v, called %q", err, calls())
	}
	fail := filepath.Join(filepath.Dir(c.out), "fail")
	if err := os.WriteFile(fail, []byte("train\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	c.Val, c.Extra = whole, []string{"--wrong"}
	if err := run(); err == nil {
		t.Error("train failed, and no error")
	}
	if err := os.Remove(fail); err != nil {
		t.Fatal(err)
	}
	c.Extra = nil
	if err := run(); err != nil {
		t.Error(err)
	}
}

// A model that was not trained for its whole time has no row.
func TestTrainedToItsEnd(t *testing.T) {
	c, _ := stub(t)
	text, err := os.ReadFile(c.symdiff)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.Replace(string(text), `"finished": true`, `"finished": false`, 1)
	if err := os.WriteFile(c.symdiff, []byte(short), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := c.run([]string{"1M"}, []string{"egnn"}, []string{"0"}); err == nil ||
		!strings.Contains(err.Error(), "before its time was over") {
		t.Errorf("error %v", err)
	}
}

// What is too short for a table says so, and does not take the place of the file of the tables.
func TestTrialIsNotShipped(t *testing.T) {
	t.Chdir(t.TempDir()) // without trainer/peers
	for _, want := range []bool{true, false} {
		c, _ := stub(t)
		c.out = ""
		if !want {
			c.Minutes, c.Samples = 60, 2000
			if err := os.MkdirAll(filepath.Dir(shipped), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.run([]string{"1M"}, []string{"egnn"}, []string{"0"}); err != nil {
			t.Fatal(err)
		}
		if got := rows(t, c); got.Settings.Trial != want || (c.out == shipped) == want {
			t.Errorf("%s: trial %v, want %v", c.out, got.Settings.Trial, want)
		}
	}
	for want, s := range map[bool]Settings{true: {Samples: 1999, Device: "cuda", Minutes: 60},
		false: {Samples: 2000, Device: "cuda", Minutes: 5}} {
		if s.trial() != want {
			t.Errorf("%+v: trial %v", s, !want)
		}
	}
}

func TestOtherSettingsAreRefused(t *testing.T) {
	c, _ := stub(t)
	if err := c.run([]string{"1M"}, []string{"symdiff"}, []string{"0"}); err != nil {
		t.Fatal(err)
	}
	c.Minutes = 2
	if err := c.run([]string{"1M"}, []string{"symdiff"}, []string{"0"}); err == nil ||
		!strings.Contains(err.Error(), "other settings") {
		t.Errorf("error %v", err)
	}
	c, _ = stub(t)
	for want, ask := range map[string][3]string{"size 2M": {"2M", "symdiff", "0"}, "model x": {"1M", "x", "0"},
		"-limits": {"1M", "symdiff", "x"}} {
		if err := c.run(ask[:1], ask[1:2], ask[2:]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
