//go:build torch

package train

import (
	"context"
	"math"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// poorMolecules writes the samples of round k whose reward is below the mean, for the weak copy.
// With RewardBelow they are as many, in turn, as make that share of the molecules of the weak copy,
// so that its times are uniform like those of the expert.
func (r *posttraining) poorMolecules(k int, samples, poor []*molecule.Molecule) error {
	file := r.moleculeFile(k, weak)
	if r.RewardBelow == 1 {
		return writeMolecules(file, poor)
	}
	share := r.RewardBelow / (1 - r.RewardBelow)
	return writeMolecules(file, cycled(poor, share*float64(len(samples))))
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

// addTaskVector is the network of round k with the task vector of its copies, and the seconds that
// their fine-tuning took.
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
		r.log.note("round %d: training the %s copy", k+1, name)
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
	return w, seconds, AddTaskVector(w, copies[0], copies[1], r.state.scale(k))
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
