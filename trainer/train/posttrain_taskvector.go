//go:build torch

package train

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// poorMolecules writes the poor ones of the samples of round k for the weak copy. With RewardBelow
// they are as many, in turn, as make that share of its molecules, so that its times are uniform
// like those of the expert. With groups each has its share in the samples, so that the weak copy
// does not learn which of them are hard to make.
func (r *posttraining) poorMolecules(ctx context.Context, k int, samples []*molecule.Molecule,
	poor []bool) error {
	var groups *grouped
	if r.group != nil {
		names, err := r.group(ctx, samples)
		if err != nil {
			return err
		}
		groups = &grouped{samples: names}
	}
	n := float64(countOf(poor, true))
	if r.RewardBelow < 1 {
		n = r.RewardBelow / (1 - r.RewardBelow) * float64(len(samples))
	}
	var list []*molecule.Molecule
	members, _ := groups.of(len(samples))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var of []*molecule.Molecule
		for _, i := range members[name] {
			if poor[i] {
				of = append(of, samples[i])
			}
		}
		list = append(list, cycled(of, n*float64(len(members[name]))/float64(len(samples)))...)
	}
	return writeMolecules(r.moleculeFile(k, weak), list)
}

// cycled are the molecules of a list in turn, until there are n.
func cycled(list []*molecule.Molecule, n float64) (out []*molecule.Molecule) {
	for i := range int(math.Ceil(n)) {
		if len(list) > 0 {
			out = append(out, list[i%len(list)])
		}
	}
	return out
}

// addTaskVector is the network of round k with w times the task vector of its copies, and the seconds
// that their fine-tuning took.
func (r *posttraining) addTaskVector(ctx context.Context, k int) (w Weights, seconds float64, err error) {
	var good []string
	var spans []Span
	poor := r.sampleFiles(k)
	if r.reward != nil {
		good = []string{r.moleculeFile(k, expert)}
		if err := r.dataMolecules(ctx, k, good[0], r.Positives); err != nil {
			return w, 0, err
		}
		poor, spans = r.poorFiles(k)
	}
	var copies [2]Weights
	from := r.state.Rounds[k].Weights
	options := [2]Options{r.copy(k, expert, from, good), r.copy(k, weak, from, poor)}
	options[1].Spans = spans
	for i, name := range []string{expert, weak} {
		r.log.note("round %d: the %s copy of round %d", len(r.state.Rounds), name, k)
		c, took, err := r.tune(ctx, options[i])
		if err != nil {
			return w, 0, err
		}
		seconds += took
		copies[i] = Weights{Name: name}
		copies[i].Tensors, copies[i].Metadata = c.Model()
	}
	if w, _, err = ReadWeights(from); err != nil {
		return w, 0, err
	}
	return w, seconds, AddTaskVector(w, copies[0], copies[1], r.state.scale())
}

// poorFiles are the files of the weak copy of round k with a reward, and the times of each.
func (r *posttraining) poorFiles(k int) ([]string, []Span) {
	files, spans := []string{r.moleculeFile(k, weak)}, []Span{{0, r.RewardBelow}}
	if r.RewardBelow == 1 {
		return files, nil
	}
	for _, file := range r.sampleFiles(k) {
		files, spans = append(files, file), append(spans, Span{r.RewardBelow, 1})
	}
	return files, spans
}
