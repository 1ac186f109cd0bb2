package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// kinds are the tables by name; each takes the files of its mark.
var kinds = map[string]func(files []string) ([][]string, error){
	"samplers":    samplers,
	"curve":       curve,
	"seeds":       seeds,
	"results":     results,
	"fragments":   fragments,
	"bench":       bench,
	"bench-sizes": benchSizes,
	"timings":     timings,
	"nll":         nll,
	"bonds":       bonds,
	"rounds":      rounds,
	"stages":      stages,
	"gamma":       gamma,

	"peers":          peers,
	"peers-decision": decision,
}

// read decodes a file of measurements.
func read(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// readOne decodes the one file of a table that takes one, and gives its name.
func readOne(files []string, into any) (string, error) {
	if len(files) != 1 {
		return "", fmt.Errorf("want one file, have %d", len(files))
	}
	return files[0], read(files[0], into)
}

// percent is a share of 1 in per cent.
func percent(x float64) string { return fmt.Sprintf("%.1f", 100*x) }

// plusMinus is a value and its error with so many digits. An error that would be zero has more.
func plusMinus(value, err float64, digits int) string {
	more := digits
	if err > 0 {
		more = max(digits, int(math.Ceil(-math.Log10(2*err))))
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, value, more, err)
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sample is what `symdiff sample --json` says of a run.
type sample struct {
	Method    string  `json:"method"`
	Steps     int     `json:"steps"`
	Start     int     `json:"t_start"`
	Joint     bool    `json:"joint"`
	Formulas  string  `json:"formulas"`
	Molecules int     `json:"molecules"`
	Atoms     float64 `json:"stable_atoms"`
	Stable    float64 `json:"stable_molecules"`
	Valid     float64 `json:"valid"`
	Unique    float64 `json:"unique_among_valid"`
	Connected float64 `json:"connected"`
}

// samplers is one row for each run of a file of `make evaluate-model`.
func samplers(files []string) ([][]string, error) {
	var runs []sample
	file, err := readOne(files, &runs)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s: no runs", file)
	}
	rows := [][]string{{"sampler", "NFE", "molecules", "stable atoms %", "stable molecules %",
		"valid %", "unique among valid %", "connected %"}}
	for _, r := range runs {
		name := fmt.Sprintf("%s from t = %d", r.Method, r.Start)
		if r.Joint {
			name += ", `--joint`"
		}
		if r.Formulas != "" {
			name += ", `--formula " + r.Formulas + "`"
		}
		rows = append(rows, []string{name, fmt.Sprint(r.Steps + 1), thousands(r.Molecules), percent(r.Atoms),
			r.share(r.Stable), r.share(r.Valid), percent(r.Unique), r.share(r.Connected)})
	}
	return rows, nil
}

// share is one of the molecules, in per cent, with its standard error.
func (r sample) share(p float64) string {
	if p == 0 || p == 1 {
		return percent(p)
	}
	return plusMinus(100*p, 100*math.Sqrt(p*(1-p)/float64(r.Molecules)), 1)
}

// curve is one row for each sampler of a file of `symdiff analyse sampler --json`; the choice is bold.
func curve(files []string) ([][]string, error) {
	var analysis struct {
		Runs []struct {
			sample
			NFE       int     `json:"nfe"`
			Plausible float64 `json:"plausible"`
			Aromatic  float64 `json:"with_aromatic_ring"`
			Chosen    bool    `json:"chosen"`
		} `json:"runs"`
	}
	file, err := readOne(files, &analysis)
	if err != nil {
		return nil, err
	}
	if len(analysis.Runs) == 0 {
		return nil, fmt.Errorf("%s: no runs", file)
	}
	rows := [][]string{{"sampler, " + thousands(analysis.Runs[0].Molecules) + " molecules", "NFE",
		"stable molecules %", "valid %", "unique among valid %", "plausible %", "aromatic %"}}
	for _, r := range analysis.Runs {
		name := fmt.Sprintf("%s, %d steps", r.Method, r.Steps)
		if r.Chosen {
			name = "**" + name + "**"
		}
		rows = append(rows, []string{name, fmt.Sprint(r.NFE), r.share(r.Stable), r.share(r.Valid),
			percent(r.Unique), r.share(r.Plausible), percent(r.Aromatic)})
	}
	return rows, nil
}

// posttraining is what posttrain.json of `symdiff posttrain` says of its rounds.
type posttraining struct {
	Options struct {
		Reward string `json:"reward"`
	} `json:"options"`
	Best   int `json:"best"`
	Rounds []struct {
		Training float64            `json:"hours"`
		Sampling float64            `json:"sampling_hours"`
		Measures map[string]float64 `json:"measures"`
	} `json:"rounds"`
}

func readRounds(files []string) (p posttraining, err error) {
	file, err := readOne(files, &p)
	if err != nil {
		return p, err
	}
	if p.Best >= len(p.Rounds) {
		return p, fmt.Errorf("%s: best is round %d of %d", file, p.Best, len(p.Rounds))
	}
	for k, r := range p.Rounds {
		if r.Measures == nil {
			return p, fmt.Errorf("%s: round %d has no measures", file, k)
		}
	}
	return p, nil
}

// name is the number of a round; that of the best one, whose weights go on, is bold.
func (p posttraining) name(round int) string {
	if round == p.Best {
		return fmt.Sprintf("**%d**", round)
	}
	return fmt.Sprint(round)
}

var (
	roundHead = []string{"stable molecules %", "valid %", "unique among valid %", "plausible %",
		"aromatic %", "distances, JS", "h"}
	roundMeasures = []string{"stable_molecules", "valid", "unique_among_valid", "sound",
		"with_aromatic_ring"}
)

func (p posttraining) cells(round int) (cells []string) {
	r := p.Rounds[round]
	for _, key := range roundMeasures {
		cells = append(cells, percent(r.Measures[key]))
	}
	return append(cells, fmt.Sprintf("%.4f", r.Measures["distances_jensen_shannon"]),
		fmt.Sprintf("%.2f", r.Training+r.Sampling))
}

// rounds is one row for each round of post-training, with the mean reward where there is one. Round 0
// is the model that it starts from.
func rounds(files []string) ([][]string, error) {
	p, err := readRounds(files)
	if err != nil {
		return nil, err
	}
	row := func(name, reward string, cells []string) []string {
		if p.Options.Reward == "" {
			return append([]string{name}, cells...)
		}
		return append([]string{name, reward}, cells...)
	}
	rows := [][]string{row("round", "reward", roundHead)}
	for k, r := range p.Rounds {
		rows = append(rows, row(p.name(k), fmt.Sprintf("%.3f", r.Measures["reward"]), p.cells(k)))
	}
	return rows, nil
}

// stages is one row for each stage of the recipe that made a weights file, with its hours, and their sum.
// Stages of less than half a minute have no row.
func stages(files []string) ([][]string, error) {
	if len(files) != 1 {
		return nil, fmt.Errorf("want one file, have %d", len(files))
	}
	f, err := safetensors.Open(files[0])
	if err != nil {
		return nil, err
	}
	var made train.Provenance
	if err := json.Unmarshal([]byte(f.Metadata["training"]), &made); err != nil {
		return nil, fmt.Errorf("%s: metadata training: %w", f.Name, err)
	}
	if len(made.Stages) == 0 {
		return nil, fmt.Errorf("%s: metadata training: no stages", f.Name)
	}
	rows, sum := [][]string{{"stage", "h"}}, 0.0
	for _, s := range made.Stages {
		if sum += s.Hours; s.Hours >= 1./120 {
			rows = append(rows, []string{s.Name, fmt.Sprintf("%.2f", s.Hours)})
		}
	}
	return append(rows, []string{"all", fmt.Sprintf("%.1f", sum)}), nil
}

// gamma is the input variance of each gamma at each time of a file of `symdiff analyse gamma --json`.
func gamma(files []string) ([][]string, error) {
	var analysis struct {
		Molecules int `json:"molecules"`
		Draws     int `json:"draws"`
		Rows      []struct {
			Kernel   string  `json:"kernel"`
			T        float64 `json:"t"`
			Variance float64 `json:"input_variance"`
			Error    float64 `json:"input_variance_error"`
		} `json:"rows"`
	}
	file, err := readOne(files, &analysis)
	if err != nil {
		return nil, err
	}
	if len(analysis.Rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", file)
	}
	rows := [][]string{{fmt.Sprintf("gamma, %d molecules × %d draws", analysis.Molecules, analysis.Draws)}}
	for _, r := range analysis.Rows {
		if last := rows[len(rows)-1]; len(rows) == 1 || last[0] != r.Kernel {
			rows = append(rows, []string{r.Kernel})
		}
		if len(rows) == 2 {
			rows[0] = append(rows[0], fmt.Sprintf("t = %g T", r.T))
		}
		last := &rows[len(rows)-1]
		*last = append(*last, plusMinus(r.Variance, r.Error, 2))
	}
	return rows, nil
}

// comparison is what `symdiff compare --json` writes.
type comparison struct {
	Entries []struct {
		Name string             `json:"name"`
		Mean map[string]float64 `json:"mean"`
		Std  map[string]float64 `json:"std"`
		Runs []struct {
			Molecules int `json:"molecules"`
		} `json:"runs"`
	} `json:"entries"`
}

// measure is a column of a comparison: its key, its head, its scale and its digits.
type measure struct {
	key, head string
	scale     float64
	digits    int
}

var measures = []measure{
	{"stable_atoms", "stable atoms %", 100, 1},
	{"stable_molecules", "stable molecules %", 100, 1},
	{"valid", "valid %", 100, 1},
	{"unique_among_valid", "unique among valid %", 100, 1},
	{"novel_among_unique", "novel %", 100, 1},
	{"connected", "connected %", 100, 1},
	{"sound", "plausible %", 100, 1},
	{"aromatic", "aromatic ring %", 100, 1},
	{"distances_js", "distances, JS", 1, 4},
	{"angles_js", "angles, JS", 1, 4},
	{"bonds_js", "bond types, JS", 1, 4},
	{"rings_js", "ring sizes, JS", 1, 4},
	{"groups_js", "functional groups, JS", 1, 4},
	{"frechet", "Fréchet distance of descriptors", 1, 3},
}

// seeds is one column for each entry of a comparison: mean ± standard deviation over its runs.
func seeds(files []string) ([][]string, error) {
	var c comparison
	file, err := readOne(files, &c)
	if err != nil {
		return nil, err
	}
	if len(c.Entries) == 0 {
		return nil, fmt.Errorf("%s: no entries", file)
	}
	head, molecules := []string{""}, []string{"molecules"}
	for _, e := range c.Entries {
		head = append(head, e.Name)
		if len(e.Runs) == 0 {
			return nil, fmt.Errorf("%s: %s has no runs", file, e.Name)
		}
		text := thousands(e.Runs[0].Molecules)
		if n := len(e.Runs); n > 1 {
			text = fmt.Sprintf("%d × %s", n, text)
		}
		molecules = append(molecules, text)
	}
	rows := [][]string{head}
	for _, m := range measures {
		row, any := []string{m.head}, false
		for _, e := range c.Entries {
			_, ok := e.Mean[m.key]
			row, any = append(row, m.cell(e.Mean, e.Std)), any || ok
		}
		if any {
			rows = append(rows, row)
		}
	}
	return append(rows, molecules), nil
}

func (m measure) cell(mean, std map[string]float64) string {
	v, ok := mean[m.key]
	if !ok {
		return "-"
	}
	if s, ok := std[m.key]; ok {
		return plusMinus(m.scale*v, m.scale*s, m.digits)
	}
	return fmt.Sprintf("%.*f", m.digits, m.scale*v)
}

// results is the README's table: the models of comparisons, then the data that they stand beside,
// each once, then published figures. Floors are left to the cards.
func results(files []string) ([][]string, error) {
	var models, data, cited [][]string
	for _, file := range files {
		if strings.HasSuffix(file, "published.json") {
			list, err := published(file)
			if err != nil {
				return nil, err
			}
			cited = append(cited, list...)
			continue
		}
		var c comparison
		if err := read(file, &c); err != nil {
			return nil, err
		}
		for _, e := range c.Entries {
			nfe, sampled := e.Mean["nfe"]
			row := []string{e.Name, "-"}
			if sampled {
				row[1] = fmt.Sprint(int(nfe))
			}
			for _, m := range measures[:4] {
				row = append(row, m.cell(e.Mean, e.Std))
			}
			same := func(r []string) bool { return r[0] == e.Name }
			switch {
			case strings.HasSuffix(e.Name, "(floor)"):
			case sampled:
				models = append(models, row)
			case !slices.ContainsFunc(data, same):
				data = append(data, row)
			}
		}
	}
	head := []string{"", "NFE", "stable atoms %", "stable molecules %", "valid %",
		"unique among valid %"}
	return slices.Concat([][]string{head}, models, data, cited), nil
}

// paper is what a paper reports of its model on QM9; 0 is not reported.
type paper struct {
	Name   string  `json:"name"`
	NFE    int     `json:"nfe"`
	Atoms  float64 `json:"stable_atoms_percent"`
	Stable float64 `json:"stable_molecules_percent"`
	Valid  float64 `json:"valid_percent"`
	Unique float64 `json:"unique_among_valid_percent"`
	NLL    float64 `json:"nll"`
	Source string  `json:"source"`
}

// papers reads figures of papers, which name their source.
func papers(file string) (list []paper, err error) {
	if err := read(file, &list); err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.Source == "" {
			return nil, fmt.Errorf("%s: %s has no source", file, p.Name)
		}
	}
	return list, nil
}

// published are the rows of papers in the table of results.
func published(file string) (rows [][]string, err error) {
	list, err := papers(file)
	for _, p := range list {
		if p.Stable == 0 {
			continue
		}
		rows = append(rows, []string{p.Name, thousands(p.NFE), fmt.Sprintf("%.1f", p.Atoms),
			fmt.Sprintf("%.1f", p.Stable), fmt.Sprintf("%.1f", p.Valid), fmt.Sprintf("%.1f", p.Unique)})
	}
	return rows, err
}

// nll is bounds of the negative log-likelihood (`symdiff nll --json`), then published ones.
func nll(files []string) ([][]string, error) {
	rows := [][]string{{"", "molecules", "samples", "NLL, nats a molecule"}}
	for _, file := range files {
		if strings.HasSuffix(file, "published.json") {
			list, err := papers(file)
			if err != nil {
				return nil, err
			}
			for _, p := range list {
				if p.NLL != 0 {
					rows = append(rows, []string{p.Name, "-", "-", fmt.Sprintf("%.1f", p.NLL)})
				}
			}
			continue
		}
		var b struct {
			Model     string  `json:"model"`
			Molecules int     `json:"molecules"`
			Samples   int     `json:"samples"`
			NLL       float64 `json:"nll"`
			Error     float64 `json:"standard_error"`
		}
		if err := read(file, &b); err != nil {
			return nil, err
		}
		if b.Molecules == 0 {
			return nil, fmt.Errorf("%s: no molecules", file)
		}
		name := strings.TrimSuffix(filepath.Base(b.Model), ".safetensors")
		rows = append(rows, []string{name, thousands(b.Molecules), fmt.Sprint(b.Samples),
			plusMinus(b.NLL, b.Error, 1)})
	}
	return rows, nil
}

// bonds is how many molecules have the bonds of their SMILES by distances (`make compare-bonds`).
func bonds(files []string) ([][]string, error) {
	type share struct {
		Count, Of int
		Value     float64
	}
	var b struct {
		Molecules        int
		Same, Neutral    share
		Aromatic         share
		Groups, Features share
		EDM              share `json:"edm_table"`
		OpenBabel        share `json:"open_babel"`
		OpenBabelNeutral share `json:"open_babel_neutral"`
	}
	file, err := readOne(files, &b)
	if err != nil {
		return nil, err
	}
	if b.Molecules == 0 {
		return nil, fmt.Errorf("%s: no molecules", file)
	}
	rows := [][]string{{"as in the SMILES", "molecules", "%"}}
	for _, r := range []struct {
		what string
		share
	}{
		{"Lewis structure: graph, orders and charges", b.Same},
		{"the same, neutral molecules", b.Neutral},
		{"Lewis structure: aromatic bonds", b.Aromatic},
		{"Lewis structure: functional groups", b.Groups},
		{"the same, rings by size and bonds by elements and order", b.Features},
		{"EDM's table of distances: graph and orders", b.EDM},
		{"Open Babel, without the charge: graph, orders and charges", b.OpenBabel},
		{"the same, neutral molecules", b.OpenBabelNeutral},
	} {
		if r.Of > 0 {
			rows = append(rows, []string{r.what, thousands(r.Of), fmt.Sprintf("%.2f", 100*r.Value)})
		}
	}
	return rows, nil
}

// fragments is how often molecules come out well around fixed atoms (`make evaluate-keep`).
func fragments(files []string) ([][]string, error) {
	var f struct {
		Tasks []struct {
			Task      string `json:"task"`
			Molecules int    `json:"molecules"`
			Well      int    `json:"well"`
			Connected int    `json:"connected"`
			Steps     int    `json:"steps"`
		} `json:"tasks"`
	}
	file, err := readOne(files, &f)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"fixed", "NFE", "molecules", "connected", "stable and connected"}}
	names := map[string]string{"heavy": "all heavy atoms", "half": "one half of the molecule"}
	for _, t := range f.Tasks {
		name, ok := names[t.Task]
		if !ok {
			return nil, fmt.Errorf("%s: task %q is not known", file, t.Task)
		}
		rows = append(rows, []string{name, fmt.Sprint(t.Steps + 1), fmt.Sprint(t.Molecules),
			fmt.Sprint(t.Connected), fmt.Sprint(t.Well)})
	}
	return rows, nil
}

// benchCall is a call of the network by core and by onnxruntime.
type benchCall struct {
	Core  float64 `json:"core_ms"`
	ONNX  float64 `json:"onnxruntime_ms"`
	Ratio float64 `json:"ratio"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

func (c benchCall) cells() []string {
	return []string{fmt.Sprintf("%.1f / %.1f", c.Core, c.ONNX),
		fmt.Sprintf("%.2f (%.2f to %.2f)", c.Ratio, c.Least, c.Most)}
}

// benchEngine is what `make bench-peers` writes of one engine.
type benchEngine struct {
	Engine  string               `json:"engine"`
	Kernels string               `json:"kernels"`
	Peak    float64              `json:"peak_gflops"`
	GEMM    float64              `json:"gemm_gflops"`
	Calls   map[string]benchCall `json:"calls"` // of molecules of 19 atoms, by their number
	Sizes   map[string]benchCall `json:"sizes"` // of one molecule, by its atoms
}

func readBench(files []string) (engines []benchEngine, file string, err error) {
	if file, err = readOne(files, &engines); err == nil && len(engines) == 0 {
		err = fmt.Errorf("%s: no engines", file)
	}
	return engines, file, err
}

// bench is core against onnxruntime (`make bench-peers`).
func bench(files []string) ([][]string, error) {
	engines, file, err := readBench(files)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"", "kernels", "GEMM / peak", "batch 1: core / ORT, ms", "ratio",
		"batch 8: core / ORT, ms", "ratio"}}
	for _, e := range engines {
		row := []string{e.Engine, e.Kernels, fmt.Sprintf("%.0f / %.0f", e.GEMM, e.Peak)}
		for _, batch := range []string{"1", "8"} {
			c, ok := e.Calls[batch]
			if !ok {
				return nil, fmt.Errorf("%s: %s has no batch of %s", file, e.Engine, batch)
			}
			row = append(row, c.cells()...)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// benchSizes is core against onnxruntime for one molecule of several sizes, with the time of the
// calls of core that a molecule takes by the default sampler.
func benchSizes(files []string) ([][]string, error) {
	engines, file, err := readBench(files)
	if err != nil {
		return nil, err
	}
	o, err := sampler.Options{}.For(symdiff.QM9().Meta)
	if err != nil {
		return nil, err
	}
	nfe := o.Steps + 1
	rows := [][]string{{"", "kernels", "atoms", "core / ORT, ms", "ratio",
		fmt.Sprintf("%d NFE, s", nfe)}}
	for _, e := range engines {
		calls := map[string]benchCall{"19": e.Calls["1"], "60": e.Sizes["60"], "100": e.Sizes["100"]}
		for _, atoms := range []string{"19", "60", "100"} {
			c := calls[atoms]
			if c.Core == 0 {
				return nil, fmt.Errorf("%s: %s has no molecule of %s atoms", file, e.Engine, atoms)
			}
			rows = append(rows, slices.Concat([]string{e.Engine, e.Kernels, atoms}, c.cells(),
				[]string{fmt.Sprintf("%.2f", float64(nfe)*c.Core/1000)}))
		}
	}
	return rows, nil
}

// timings is what a visitor waits for (`make site-timings`), with the load of the machine beside it.
func timings(files []string) ([][]string, error) {
	var f struct {
		Rounds  int       `json:"rounds"`
		Load    []float64 `json:"load"` // at the end, over 1, 5 and 15 minutes
		Figures []struct {
			Name   string  `json:"name"`
			Median float64 `json:"median"`
			Least  float64 `json:"least"`
			Most   float64 `json:"most"`
		} `json:"figures"`
	}
	file, err := readOne(files, &f)
	if err != nil {
		return nil, err
	}
	if len(f.Load) != 3 || len(f.Figures) == 0 {
		return nil, fmt.Errorf("%s: no load or no figures", file)
	}
	rows := [][]string{
		{"", "median", "range"},
		{"rounds", fmt.Sprint(f.Rounds), "-"},
		{"load average of 15 minutes", fmt.Sprint(f.Load[2]), "-"},
	}
	for _, x := range f.Figures {
		rows = append(rows, []string{x.Name, fmt.Sprint(x.Median),
			fmt.Sprintf("%v to %v", x.Least, x.Most)})
	}
	return rows, nil
}
