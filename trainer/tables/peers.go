package main

import (
	"cmp"
	"fmt"
	"slices"
)

// peer is a row of a file of `make compare-peers` (see trainer/peers).
type peer struct {
	Size       string  `json:"size"`
	Model      string  `json:"model"`
	Limit      int     `json:"limit"`
	Parameters int     `json:"parameters"`
	Rate       float64 `json:"steps_per_second"`
	ValLoss    float64 `json:"val_loss"`
	TrainMB    int     `json:"train_mb"`
	SampleMB   int     `json:"sample_mb"`
	Native     float64 `json:"native_ms"`
	WASM       float64 `json:"wasm_ms"`
	Evaluation sample  `json:"evaluation"`
}

// peerNames are the models as the papers call them.
var peerNames = map[string]string{
	"symdiff": "SymDiff", "symdiff-moments": "SymDiff, head of moments", "symdiff-frame": "SymDiff on a frame",
	"frame": "frame, no f", "symdiff-h": "SymDiff-H", "dit-aug": "DiT-Aug", "egnn": "EDM", "geoldm": "GeoLDM",
	"geoldm-symdiff": "SymDiff on GeoLDM's latents",
}

// name is that of a model, with its training data where they are not all.
func (p peer) name() string {
	name := cmp.Or(peerNames[p.Model], p.Model)
	if p.Limit > 0 {
		name += ", " + thousands(p.Limit) + " molecules"
	}
	return name
}

// readPeers reads the rows of a file, of which there must be some, and the molecules of a call.
func readPeers(files []string) (list []peer, molecules int, err error) {
	var t struct {
		Settings struct {
			Trial     bool `json:"trial"`
			Molecules int  `json:"call_molecules"`
		} `json:"settings"`
		Rows []peer `json:"rows"`
	}
	file, err := readOne(files, &t)
	switch {
	case err != nil:
	case t.Settings.Trial:
		err = fmt.Errorf("%s: a trial, trained or sampled too little for a table", file)
	case len(t.Rows) == 0:
		err = fmt.Errorf("%s: no rows: nothing was measured", file)
	}
	return t.Rows, t.Settings.Molecules, err
}

// two writes a number with two digits, or all of its whole part.
func two(x float64) string {
	decimals := 0
	for y := x; y < 9.95 && decimals < 2; y *= 10 {
		decimals++
	}
	return fmt.Sprintf("%.*f", decimals, x)
}

// peers is one row for each model that was measured.
func peers(files []string) ([][]string, error) {
	list, molecules, err := readPeers(files)
	if err != nil {
		return nil, err
	}
	call := fmt.Sprintf("ms per call of %d molecules", molecules)
	rows := [][]string{{"", "parameters", "steps/s", call, "in WASM", "validation loss",
		"stable atoms %", "stable molecules %", "valid %", "unique among valid %"}}
	for _, p := range list {
		e := p.Evaluation
		loss := fmt.Sprintf("%.4f", p.ValLoss)
		if p.Model == "geoldm" || p.Model == "geoldm-symdiff" {
			// and of the reconstruction: no number to compare with the others'
			loss += " of latents"
		}
		rows = append(rows, []string{p.name(), fmt.Sprintf("%.2f M", float64(p.Parameters)/1e6),
			two(p.Rate), two(p.Native), two(p.WASM), loss, percent(e.Atoms), percent(e.Stable),
			percent(e.Valid), percent(e.Unique)})
	}
	return rows, nil
}

// near is the share of the best model's stable molecules that another needs to be an answer.
const near = 0.9

// decision says for each size and amount of data which model to take: the one with the most stable
// molecules, the one that is fastest among those with at least 90 % as many, and the one that takes
// least memory among those.
func decision(files []string) ([][]string, error) {
	list, _, err := readPeers(files)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"trained on", "parameters", "most stable molecules", "least latency",
		"least memory"}}
	for len(list) > 0 {
		first := list[0]
		group := func(p peer) bool { return p.Size == first.Size && p.Limit == first.Limit }
		var same []peer
		for _, p := range list {
			if group(p) {
				same = append(same, p)
			}
		}
		list = slices.DeleteFunc(list, group)
		rows = append(rows, choices(first, same))
	}
	return rows, nil
}

// choices is a row of decision.
func choices(first peer, same []peer) []string {
	best := slices.MaxFunc(same,
		func(a, b peer) int { return cmp.Compare(a.Evaluation.Stable, b.Evaluation.Stable) })
	good := slices.DeleteFunc(slices.Clone(same),
		func(p peer) bool { return p.Evaluation.Stable < near*best.Evaluation.Stable })
	fast := slices.MinFunc(good, func(a, b peer) int { return cmp.Compare(a.Native, b.Native) })
	lean := slices.MinFunc(good, func(a, b peer) int { return cmp.Compare(a.SampleMB, b.SampleMB) })
	data := "all of QM9"
	if first.Limit > 0 {
		data = thousands(first.Limit) + " molecules"
	}
	if best.Evaluation.Stable == 0 {
		return []string{data, first.Size, "none made one", "-", "-"}
	}
	plain := func(p peer) string { p.Limit = 0; return p.name() }
	return []string{data, first.Size,
		fmt.Sprintf("%s (%s %%)", plain(best), percent(best.Evaluation.Stable)),
		fmt.Sprintf("%s (%s ms a call)", plain(fast), two(fast.Native)),
		fmt.Sprintf("%s (%d MB)", plain(lean), lean.SampleMB)}
}
