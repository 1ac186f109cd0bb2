// Command peers trains models of the same size for the same time by one recipe, samples from each
// by the same sampler, measures all, and writes one JSON file, from which trainer/tables makes the
// tables:
//
//	peers -symdiff build/symdiff -state ../peers -data TRAIN -val VAL -out trainer/peers/peers.json
//
// Every model of every size is trained in rounds, in turn, so that a busy hour is shared. What was
// done is in the folder -state, and a second start goes on from there. The file has a row for each
// model that was trained, sampled and timed to its end, and for no other. A comparison that is too
// short for a table (see Settings.Trial) goes to STATE/peers.json where no -out is given, and
// trainer/tables refuses it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Settings are what all rows share. They are stored in the folder of the state.
type Settings struct {
	Minutes   float64  `json:"minutes"` // of training, for each model
	Rounds    int      `json:"rounds"`
	Samples   int      `json:"samples"`
	Method    string   `json:"method"`
	Steps     int      `json:"steps"`
	TStart    int      `json:"t_start"` // T: a model of latents cannot start later
	Data      []string `json:"data"`
	Val       []string `json:"val"`
	Device    string   `json:"device"`
	CPU       string   `json:"cpu"`
	Cores     int      `json:"cores"`
	Molecules int      `json:"call_molecules"` // of a call that is timed
	Atoms     int      `json:"call_atoms"`
	Extra     []string `json:"extra,omitempty"` // further flags of symdiff train

	// Trial says that this is no result: less than 2,000 samples, or less than 60 minutes of a CPU.
	Trial bool `json:"trial,omitempty"`
}

func (s Settings) trial() bool { return s.Samples < 2000 || s.Device == "cpu" && s.Minutes < 60 }

// Row is one model, measured.
type Row struct {
	Size       string  `json:"size"`
	Model      string  `json:"model"`
	Limit      int     `json:"limit"` // molecules to train on; 0: all
	Parameters int     `json:"parameters"`
	Steps      int     `json:"steps"`   // of training
	Seconds    float64 `json:"seconds"` // with the last validation
	StepsPerS  float64 `json:"steps_per_second"`
	ValLoss    float64 `json:"val_loss"`
	TrainMB    int     `json:"train_mb"` // resident at most
	SampleMB   int     `json:"sample_mb"`
	SampleS    float64 `json:"sample_seconds"`
	NativeMS   float64 `json:"native_ms"` // of one call of a batch, in one thread
	WASMMS     float64 `json:"wasm_ms"`

	Evaluation map[string]json.RawMessage `json:"evaluation"` // of symdiff evaluate --json
}

// Table is the file.
type Table struct {
	Settings Settings `json:"settings"`
	Rows     []Row    `json:"rows"`
}

// shipped is the file that the tables are made from.
const shipped = "trainer/peers/peers.json"

func main() {
	var c comparison
	var sizes, models, limits, data, val, extra string
	flag.StringVar(&c.symdiff, "symdiff", "build/symdiff", "the command, built with the trainer")
	flag.StringVar(&c.call, "call", "build/peers/call", "the program that times a call")
	flag.StringVar(&c.wasm, "wasm", "build/peers/call.wasm", "the same as WebAssembly")
	flag.StringVar(&c.exec, "wasm-exec", "", "what runs it in Node: go_js_wasm_exec")
	flag.StringVar(&c.state, "state", "../peers", "folder of what was done")
	flag.StringVar(&c.out, "out", "", "file to write (default "+
		shipped+", STATE/peers.json of a trial)")
	flag.StringVar(&sizes, "sizes", "1M 4M 12M", "sizes")
	flag.StringVar(&models, "models", strings.Join(modelNames, " "), "models")
	flag.StringVar(&limits, "limits", "0", "molecules to train on, 0: all")
	flag.StringVar(&data, "data", "", "files to train on, with commas between")
	flag.StringVar(&val, "val", "", "files of held-out molecules")
	flag.StringVar(&extra, "extra", "", "further flags of symdiff train")
	flag.Float64Var(&c.Minutes, "minutes", 60, "minutes of training for each model")
	flag.IntVar(&c.Rounds, "rounds", 6, "parts that the training is made in, in turn")
	flag.IntVar(&c.Samples, "samples", 2000, "molecules to sample from each")
	flag.StringVar(&c.Method, "method", "dpm++2m-sde", "sampler")
	flag.IntVar(&c.Steps, "steps", 50, "steps of the sampler, from T")
	flag.StringVar(&c.Device, "device", "cpu", "cpu or cuda")
	flag.Parse()
	c.Data, c.Val, c.Extra = split(data, ","), split(val, ","), strings.Fields(extra)
	c.CPU, c.Cores, c.Molecules, c.Atoms, c.TStart = processor(), runtime.NumCPU(), 8, 18, 1000
	c.log = os.Stderr
	if err := c.run(strings.Fields(sizes), strings.Fields(models), strings.Fields(limits)); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func split(list, by string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, by)
}

// processor is the name of the CPU, where /proc states it.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// comparison is what to do.
type comparison struct {
	Settings
	symdiff, call, wasm, exec, state, out string
	log                                   io.Writer
}

// peer is one model on its way.
type peer struct {
	Row
	dir     string
	variant string   // of symdiff train
	flags   []string // that make it the model, of its size
}

func (c *comparison) run(sizes, models, limits []string) error {
	if len(c.Data) == 0 || len(c.Val) == 0 {
		return errors.New("-data and -val: want files")
	}
	if !(c.Minutes > 0) || c.Rounds < 1 || c.Samples < 1 || c.Steps < 1 {
		return errors.New("-minutes, -rounds, -samples, -steps: want numbers above 0")
	}
	for _, file := range slices.Concat(c.Data, c.Val) {
		if err := there(file); err != nil {
			return err
		}
	}
	peers, err := c.peers(sizes, models, limits)
	if err != nil {
		return err
	}
	if c.Trial = c.trial(); c.out == "" {
		c.out = shipped
		if c.Trial {
			c.out = filepath.Join(c.state, "peers.json")
		}
	}
	if err := c.agree(); err != nil {
		return err
	}
	for round := range c.Rounds {
		for _, p := range peers {
			if err := c.train(p, round); err != nil {
				return fmt.Errorf("%s: %w", p.dir, err)
			}
		}
	}
	for _, p := range peers {
		if err := c.measure(p); err != nil {
			return fmt.Errorf("%s: %w", p.dir, err)
		}
	}
	return c.write()
}

// there tells whether a file is there, or the one of which it is a part, as in FILE@split=train.
func there(file string) error {
	_, err := os.Stat(file)
	for i := range len(file) {
		if file[i] != '@' || err == nil {
			continue
		}
		if _, fault := os.Stat(file[:i]); fault == nil {
			return nil
		}
	}
	return err
}

// peers are the models of all sizes and limits.
func (c *comparison) peers(sizes, models, limits []string) (peers []*peer, err error) {
	for _, limit := range limits {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-limits: %q is no number of molecules", limit)
		}
		for _, size := range sizes {
			for _, model := range models {
				name, flags := variant(size, model)
				if flags == nil {
					return nil, fmt.Errorf("size %s, model %s: want sizes of %s and models of %q",
						size, model, strings.Join(sizeNames, " "), modelNames)
				}
				dir := filepath.Join(c.state, size, model)
				if n > 0 {
					dir += "-" + limit
				}
				peers = append(peers, &peer{Row{Size: size, Model: model, Limit: n}, dir, name, flags})
			}
		}
	}
	return peers, nil
}

// agree holds the settings against those of the state. Before a model was trained others may take
// their place.
func (c *comparison) agree() error {
	if err := os.MkdirAll(c.state, 0o777); err != nil {
		return err
	}
	file := filepath.Join(c.state, "settings.json")
	text, err := json.MarshalIndent(c.Settings, "", "\t")
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	begun, _ := filepath.Glob(filepath.Join(c.state, "*", "*", "run", "checkpoint.safetensors"))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(begun) == 0 {
		return replace(file, append(text, '\n'))
	}
	if err != nil {
		return err
	}
	var was Settings
	if err := json.Unmarshal(old, &was); err != nil {
		return damaged(file, err)
	}
	if again, _ := json.MarshalIndent(was, "", "\t"); string(again) != string(text) {
		return fmt.Errorf("%s: it was begun with other settings\n%s\nasked for are\n%s\n"+
			"go on with those, or choose another -state", file, again, text)
	}
	return nil
}

// replace writes a file that is there whole or not at all.
func replace(file string, data []byte) error {
	if err := os.WriteFile(file+".new", data, 0o666); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func damaged(file string, why error) error {
	return fmt.Errorf("%s is damaged (%w): remove it and start again", file, why)
}

// done reads what a part of the work has left, false where it has not been done.
func done(file string, into any) (bool, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, damaged(file, err)
	}
	return true, nil
}

// leave notes that a part of the work is done.
func leave(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return replace(file, data)
}

// part is what a round of training has left.
type part struct {
	Result struct {
		Step    int     `json:"step"`
		Seconds float64 `json:"seconds"`
		Done    bool    `json:"finished"`
		ValLoss float64 `json:"val_loss"`
	} `json:"result"`
	MB int `json:"mb"`
}

// train makes one round of a model's training, unless it was made.
func (c *comparison) train(p *peer, round int) error {
	file := filepath.Join(p.dir, fmt.Sprintf("round%d.json", round))
	var was part
	if ok, err := done(file, &was); ok || err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return err
	}
	run := filepath.Join(p.dir, "run")
	args := []string{"train", "--json", "--quiet"}
	if _, err := os.Stat(filepath.Join(run, "checkpoint.safetensors")); err == nil {
		args = append(args, "--resume", run)
	} else {
		args = append(args, "--config", "peers", "--variant", p.variant, "--out", run,
			"--set", "limit="+strconv.Itoa(p.Limit), "--data", strings.Join(c.Data, ","),
			"--val", strings.Join(c.Val, ","), "--device", c.Device)
		args = append(append(args, p.flags...), c.Extra...)
	}
	whole := time.Duration(c.Minutes * float64(time.Minute))
	args = append(args, "--max-time", whole.String())
	if round < c.Rounds-1 { // until its share of the time is over
		used := time.Duration(0)
		for r := range round {
			var earlier part
			if _, err := done(filepath.Join(p.dir, fmt.Sprintf("round%d.json", r)), &earlier); err != nil {
				return err
			}
			used = time.Duration(earlier.Result.Seconds * float64(time.Second))
		}
		left := whole*time.Duration(round+1)/time.Duration(c.Rounds) - used
		args = append(args, "--stop-after", max(left, time.Second).String())
	}
	fmt.Fprintf(c.log, "%s: round %d of %d\n", p.dir, round+1, c.Rounds)
	out, mb, err := c.command(c.symdiff, args...)
	if err != nil {
		return err
	}
	now := part{MB: mb}
	if err := json.Unmarshal(out, &now.Result); err != nil {
		return fmt.Errorf("symdiff train --json: %w", err)
	}
	if round == c.Rounds-1 && !now.Result.Done {
		return fmt.Errorf("symdiff train ended after %.0f seconds, before its time was over",
			now.Result.Seconds)
	}
	return leave(file, now)
}

// command runs a program, and gives its output and the most memory that it held.
func (c *comparison) command(name string, args ...string) (out []byte, mb int, err error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = c.log
	out, err = cmd.Output()
	if err != nil {
		return out, 0, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		mb = int(usage.Maxrss >> 10)
	}
	return out, mb, nil
}

// measure samples from a trained model, evaluates the samples and times its calls, and leaves the
// row.
func (c *comparison) measure(p *peer) error {
	file := filepath.Join(p.dir, "row.json")
	if ok, err := readRow(file, &p.Row); ok || err != nil {
		return err
	}
	for round := range c.Rounds {
		var r part
		if _, err := done(filepath.Join(p.dir, fmt.Sprintf("round%d.json", round)), &r); err != nil {
			return err
		}
		p.TrainMB = max(p.TrainMB, r.MB)
		p.Steps, p.Seconds, p.ValLoss = r.Result.Step, r.Result.Seconds, r.Result.ValLoss
	}
	// What is beyond the minutes is the last validation.
	p.StepsPerS = float64(p.Steps) / min(p.Seconds, 60*c.Minutes)
	fmt.Fprintf(c.log, "%s: %d samples\n", p.dir, c.Samples)
	model, samples := filepath.Join(p.dir, "model.safetensors"), filepath.Join(p.dir, "samples.xyz")
	if _, _, err := c.command(c.symdiff, "export", filepath.Join(p.dir, "run"), "--out", model); err != nil {
		return err
	}
	if err := c.sample(p, model, samples); err != nil {
		return err
	}
	text, _, err := c.command(c.symdiff, "evaluate", samples, "--json")
	if err != nil {
		return err
	}
	if p.Evaluation, err = rates(text); err != nil {
		return err
	}
	text, _, err = c.command(c.symdiff, "inspect", model, "--json")
	if err != nil {
		return err
	}
	var told struct{ Parameters int }
	if err := json.Unmarshal(text, &told); err != nil {
		return fmt.Errorf("symdiff inspect --json: %w", err)
	}
	p.Parameters = told.Parameters
	args := []string{model, strconv.Itoa(c.Molecules), strconv.Itoa(c.Atoms), "10"}
	if p.NativeMS, err = c.time(c.call, args...); err != nil {
		return err
	}
	if p.WASMMS, err = c.time(c.exec, append([]string{c.wasm}, args...)...); err != nil {
		return err
	}
	return leave(file, p.Row)
}

// readRow is done of a row, which must have been measured.
func readRow(file string, r *Row) (bool, error) {
	ok, err := done(file, r)
	if ok && (r.Parameters < 1 || r.Steps < 1 || !(r.NativeMS > 0 && r.WASMMS > 0) ||
		len(r.Evaluation) == 0) {
		return false, damaged(file, errors.New("no row of a model that was measured"))
	}
	return ok, err
}

// sample makes the samples, unless they were made, and records what that took.
func (c *comparison) sample(p *peer, model, samples string) error {
	file := filepath.Join(p.dir, "sampled.json")
	was := struct {
		Seconds float64 `json:"seconds"`
		MB      int     `json:"mb"`
	}{}
	ok, err := done(file, &was)
	if err != nil {
		return err
	}
	if !ok {
		start := time.Now()
		_, mb, err := c.command(c.symdiff, "sample", "--model", model, "--count", strconv.Itoa(c.Samples), "--seed", "1",
			"--method", c.Method, "--steps", strconv.Itoa(c.Steps), "--t-start", strconv.Itoa(c.TStart), "--quiet",
			"--out", samples)
		if err != nil {
			return err
		}
		was.Seconds, was.MB = time.Since(start).Seconds(), mb
		if err := leave(file, was); err != nil {
			return err
		}
	}
	p.SampleS, p.SampleMB = was.Seconds, was.MB
	return nil
}

// time runs the program that times calls.
func (c *comparison) time(name string, args ...string) (float64, error) {
	out, _, err := c.command(name, args...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// rates are the numbers of an evaluation that a table shows.
func rates(text []byte) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("symdiff evaluate --json: %w", err)
	}
	kept := map[string]json.RawMessage{}
	for _, key := range []string{"molecules", "stable_atoms", "stable_molecules", "valid",
		"unique_among_valid", "connected"} {
		v, ok := all[key]
		if !ok {
			return nil, fmt.Errorf("symdiff evaluate --json: no %s", key)
		}
		kept[key] = v
	}
	return kept, nil
}

// names are files without their folders.
func names(files []string) (list []string) {
	for _, f := range files {
		list = append(list, filepath.Base(f))
	}
	return list
}

// write gathers the rows of the state, of all sizes, models and limits that were measured.
func (c *comparison) write() error {
	t := Table{Settings: c.Settings, Rows: []Row{}}
	t.Settings.Data, t.Settings.Val = names(c.Data), names(c.Val)
	files, err := filepath.Glob(filepath.Join(c.state, "*", "*", "row.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		var r Row
		if _, err := readRow(file, &r); err != nil {
			return err
		}
		t.Rows = append(t.Rows, r)
	}
	slices.SortFunc(t.Rows, func(a, b Row) int {
		if a.Limit != b.Limit {
			return a.Limit - b.Limit
		}
		if x, y := slices.Index(sizeNames, a.Size), slices.Index(sizeNames, b.Size); x != y {
			return x - y
		}
		return slices.Index(modelNames, a.Model) - slices.Index(modelNames, b.Model)
	})
	text, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return err
	}
	what := "a comparison"
	if c.Trial {
		what = "a trial, no result,"
	}
	fmt.Fprintf(c.log, "%s: %s of %d models\n", c.out, what, len(t.Rows))
	return replace(c.out, append(text, '\n'))
}
