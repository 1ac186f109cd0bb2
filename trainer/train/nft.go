package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// NFT is the objective of a round of DiffusionNFT (see Posttraining). With Data, the first file of
// the run has molecules of the training set. The others have those of samples, again and again in
// the same order. With e_old the network at the start of the round, frozen, the target of a molecule is
//
//	e_old + s·(eps - e_old),  s = a/Beta·min(1, t/(T·Ramp))   for From <= t/T <= To;   e_anchor elsewhere
//
// where a is 1 for the training set and -Negative for the samples, or for t/T < RewardBelow that of
// Rewards. e_anchor is the network that all rounds started from, so that what is not to change does
// not drift from round to round.
//
// At low noise, z tells data and samples apart. In a round the error of e_old becomes 1 - s times as
// large on the data, and 1 + |s| times as large on the samples, where nothing holds it. The ramp
// makes s smaller there. Samples that go wrong at high noise stay wrong however often a round
// changes low noise, so this error grows until the samples get worse, and the rounds end.
//
// Sources: Direct Discriminative Optimization (Zheng et al. 2025, arXiv 2503.01103) for data
// against own samples, DiffusionNFT (Zheng et al. 2025, arXiv 2509.16117) for this form of it, in
// which a = 2r - 1 for a reward r in [0, 1].
type NFT struct {
	Old      string  `json:"old"`      // weights file of the network at the start of the round
	Anchor   string  `json:"anchor"`   // of the network that all rounds started from
	Beta     float64 `json:"beta"`     // the smaller, the more a round changes
	From     float64 `json:"from"`     // t/T
	To       float64 `json:"to"`       // t/T
	Ramp     float64 `json:"ramp"`     // t/T
	Negative float64 `json:"negative"` // -a of the samples

	Data bool `json:"data"` // the training set is there

	Rewards     string  `json:"rewards,omitempty"` // JSON file of a of each sample; empty: none
	RewardBelow float64 `json:"reward_below,omitempty"`
}

// check refuses what makes no round of o.
func (c *NFT) check(o *Options) error {
	switch {
	case !(c.Beta > 0):
		return fmt.Errorf("beta: %g, want a number above 0", c.Beta)
	case !(c.From >= 0 && c.From < c.To && c.To <= 1):
		return fmt.Errorf("from %g, to %g: want 0 <= from < to <= 1", c.From, c.To)
	case !(c.Ramp >= 0 && c.Ramp <= 1):
		return fmt.Errorf("ramp: %g, want a number in [0, 1]", c.Ramp)
	case !(c.Negative >= 0 && c.Negative <= 1):
		return fmt.Errorf("negative: %g, want a number in [0, 1]", c.Negative)
	case o.Network != "" || o.Loss == lossVLB:
		return errors.New("method: diffusionnft needs a DiT with a fixed noise schedule and the loss l2")
	}
	return nil
}

// signs are a of the molecules of a round: 1 of the first ones, then those of samples in turn.
type signs struct {
	*NFT
	positives int
	samples   []float64 // for t/T < RewardBelow; nil: -Negative
}

// signs reads what the rewards make of the samples of a round, whose first file has so many
// molecules.
func (c *NFT) signs(first int) (s signs, err error) {
	s = signs{NFT: c}
	if c.Data {
		s.positives = first
	}
	if c.Rewards == "" {
		return s, nil
	}
	b, err := os.ReadFile(c.Rewards)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s.samples); err != nil {
		return s, fmt.Errorf("%s: %w", c.Rewards, err)
	}
	if len(s.samples) == 0 {
		return s, fmt.Errorf("%s: no samples", c.Rewards)
	}
	return s, nil
}

// of is s of molecule index at t/T = share, 0 outside the interval.
func (s signs) of(index int, share float64) float32 {
	a := -s.Negative
	switch i := index - s.positives; {
	case !s.inside(share):
		return 0
	case i < 0:
		a = 1
	case s.samples != nil && share < s.RewardBelow:
		a = s.samples[i%len(s.samples)]
	}
	if share < s.Ramp {
		a *= share / s.Ramp
	}
	return float32(a / s.Beta)
}

// outside is the share of the times that are drawn outside the interval, where there is nothing to
// learn but to stay.
const outside = 0.15

// quantile maps u in [0, 1) to a t/T that lies outside the interval with probability outside,
// uniform there and uniform inside.
func (c *NFT) quantile(u float64) float64 {
	rest := c.From + 1 - c.To
	if rest == 0 {
		return u
	}
	low, high := outside*c.From/rest, 1-outside*(1-c.To)/rest
	switch {
	case u < low:
		return u / low * c.From
	case u < high:
		return c.From + (u-low)/(high-low)*(c.To-c.From)
	}
	return c.To + (u-high)/(1-high)*(1-c.To)
}

// inside tells whether t/T is in the interval.
func (c *NFT) inside(share float64) bool { return share >= c.From && share <= c.To }
