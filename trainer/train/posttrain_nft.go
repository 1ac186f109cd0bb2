//go:build torch

package train

import (
	"context"
	"encoding/json"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// weighSamples writes what rewards make of the samples of round k (see sampleWeights).
func (r *posttraining) weighSamples(ctx context.Context, k int, samples []*molecule.Molecule,
	rewards []float64) (err error) {
	var groups *grouped
	if r.group != nil {
		if r.valGroups == nil {
			if r.valGroups, err = r.group(ctx, r.validation()); err != nil {
				return err
			}
		}
		groups = &grouped{data: r.valGroups}
		if groups.samples, err = r.group(ctx, samples); err != nil {
			return err
		}
	}
	b, err := json.Marshal(sampleWeights(rewards, groups, r.Mix, r.Negative))
	if err != nil {
		return err
	}
	return writeWhole(r.rewardFile(k), b)
}

// contrast is the network of round k trained on data and samples by NFT, and the seconds that took.
func (r *posttraining) contrast(ctx context.Context, k int) (w Weights, seconds float64, err error) {
	var files []string
	positives := r.contrasted()
	if positives > 0 {
		files = append(files, r.moleculeFile(k, "data"))
		if err := r.dataMolecules(ctx, k, files[0], positives); err != nil {
			return w, 0, err
		}
	}
	for n := 0; n < max(1, positives); n += r.Samples {
		files = append(files, r.sampleFiles(k)...)
	}
	r.log.note("round %d: training", k+1)
	c, seconds, err := r.tune(ctx, r.round(k, r.state.Rounds[k].Weights, files))
	if err != nil {
		return w, 0, err
	}
	w.Name = r.folder(k)
	w.Tensors, w.Metadata = c.Model()
	return w, seconds, nil
}

// validation are the molecules that samples are compared with.
func (r *posttraining) validation() (all []*molecule.Molecule) {
	for i := range r.val.Len() {
		all = append(all, r.val.Molecule(i))
	}
	return all
}
