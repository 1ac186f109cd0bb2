package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// Contrast is the objective of a round of post-training (see Posttrain): molecules that the network
// is to make more often, and molecules that it is to make less often, each with a weight a in [-1,
// 1]. With e_old the network at the start of the round, frozen,
//
//	target = e_old + s·(eps - e_old),  s = a/Beta·min(1, t/(T·Ramp))   for From <= t/T <= To;   e_anchor elsewhere
//
// e_anchor is the network that all rounds started from, so that what is not to change does not drift
// from round to round. Data have a = 1 and samples a = -Negative; for t/T < RewardBelow a reward gives
// the samples theirs (see rewardWeights). With Negative = 1 and no reward the network rests where both
// have one distribution; what it does wrong on both alike is then not seen. Below 1 that is drawn to
// the data's denoiser.
//
// At low noise, z tells data and samples apart. The best prediction on each is then that of its own
// target alone. On the data it takes the error of e_old times |1 - s|, 1.5 for Beta = 0.4; on the
// samples times 1 + |s|, where nothing holds it. The ramp makes s smaller there. Samples that go
// wrong at high noise stay wrong however often a round changes low noise, so this error grows until
// the samples get worse, and the rounds end.
//
// Sources: Direct Discriminative Optimization (Zheng et al. 2025, arXiv 2503.01103) for data
// against own samples, DiffusionNFT (Zheng et al. 2025, arXiv 2509.16117) for this form of it, in
// which a = 2r - 1 for a reward r in [0, 1].
type Contrast struct {
	// weights file of the network at the start of the round
	Old string `json:"old"`
	// weights file of the network that all rounds started from; empty: Old
	Anchor  string   `json:"anchor,omitempty"`
	Beta    float64  `json:"beta"`
	From    float64  `json:"from"` // t/T
	To      float64  `json:"to"`   // t/T
	Ramp    float64  `json:"ramp"` // t/T
	Samples []string `json:"samples"`

	Negative float64 `json:"negative"`

	// file of Rewards; empty: a of all samples is -Negative, and the data are those of First
	Rewards     string  `json:"rewards,omitempty"`
	RewardBelow float64 `json:"reward_below,omitempty"` // t/T from which a of all samples is -Negative
	// the first molecule of the round in the shuffled training set
	First int `json:"first"`
	Count int `json:"count"` // training molecules of the round, with a = 1

	OrderSeed uint64 `json:"order_seed"` // of the shuffling, the same for all rounds
}

// check refuses what makes no round.
func (c *Contrast) check(o *Options) error {
	switch {
	case !(c.Beta > 0):
		return fmt.Errorf("beta: %g, want a number above 0", c.Beta)
	case !(c.From >= 0 && c.From < c.To && c.To <= 1):
		return fmt.Errorf("from %g, to %g: want 0 <= from < to <= 1", c.From, c.To)
	case !(c.Ramp >= 0 && c.Ramp <= 1):
		return fmt.Errorf("ramp: %g, want a number in [0, 1]", c.Ramp)
	case !(c.RewardBelow >= 0 && c.RewardBelow <= 1):
		return fmt.Errorf("reward-below: %g, want a number in [0, 1]", c.RewardBelow)
	case !(c.Negative >= 0 && c.Negative <= 1):
		return fmt.Errorf("negative: %g, want a number in [0, 1]", c.Negative)
	case o.Teacher != "":
		return errors.New("--teacher: not in post-training, whose target is made of the network's own prediction")
	case o.Network != "" || o.Loss == lossVLB:
		return errors.New("post-training: needs a DiT with a fixed noise schedule and the loss l2")
	}
	for _, name := range o.Condition {
		if name != Types {
			return fmt.Errorf("post-training: the network is conditioned on %s, which its own samples do not tell", name)
		}
	}
	return nil
}

// molecules are those of the round, from all of the training set and the network's own: the
// training molecules first, then the samples, repeated until they are as many. signs are their
// weights over Beta.
func (c *Contrast) molecules(all, own *dataset.Set) (set *dataset.Set, s signs, err error) {
	weights := make([]float64, own.Len())
	for i := range weights {
		weights[i] = -c.Negative
	}
	var data, samples []int
	if c.Rewards != "" {
		rewards, err := readRewards(c.Rewards, own.Len(), all.Len())
		if err != nil {
			return nil, s, err
		}
		weights, data = rewards.Samples, rewards.Data
	} else {
		order := dataOrder(c.OrderSeed, all.Len())
		for i := range c.Count {
			data = append(data, order[(c.First+i)%len(order)])
		}
	}
	s.data = len(data)
	for range data {
		s.of = append(s.of, float32(1/c.Beta))
	}
	for len(samples) == 0 || len(samples) < len(data) {
		for i, a := range weights {
			samples = append(samples, i)
			s.of = append(s.of, float32(a/c.Beta))
		}
	}
	set = dataset.Join(all.Pick(data), own.Pick(samples))
	set.Sources = append(append(set.Sources[:0:0], all.Sources...), own.Sources...)
	return set, s, nil
}

// signs are a/Beta of the molecules of a round: of data of them, then of samples.
type signs struct {
	of   []float32
	data int
}

// sign is s of molecule index at t/T = share.
func (c *Contrast) sign(s signs, index int, share float64) float32 {
	switch {
	case !c.inside(share):
		return 0
	case c.Rewards != "" && index >= s.data && share >= c.RewardBelow:
		return float32(-c.Negative/c.Beta) * c.ramp(share)
	}
	return s.of[index] * c.ramp(share)
}

// dataOrder is the order in which rounds take the training molecules.
func dataOrder(seed uint64, molecules int) []int {
	return rand.New(rand.NewPCG(seed, 0xDA7A)).Perm(molecules)
}

// Rewards are what a reward makes of a round.
type Rewards struct {
	Samples []float64 `json:"samples"` // a of each for t/T < RewardBelow
	Mean    float64   `json:"mean"`    // reward of the samples
	Data    []int     `json:"data"`    // places of the round's molecules in the training set
	Next    int       `json:"next"`    // place in dataOrder of the first molecule that is left for the next round
}

// readRewards reads a file of Rewards of so many samples and training molecules.
func readRewards(path string, samples, molecules int) (r Rewards, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if len(r.Samples) != samples {
		return r, fmt.Errorf("%s: samples: %d weights for %d samples", path, len(r.Samples), samples)
	}
	for _, place := range r.Data {
		if place < 0 || place >= molecules {
			return r, fmt.Errorf("%s: data: place %d of %d training molecules", path, place, molecules)
		}
	}
	return r, nil
}

// outside is the share of the times that are drawn outside the interval, where there is nothing to
// learn but to stay.
const outside = 0.15

// quantile maps u in [0, 1) to a t/T that lies outside the interval with probability outside,
// uniform there and uniform inside.
func (c *Contrast) quantile(u float64) float64 {
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
func (c *Contrast) inside(share float64) bool { return share >= c.From && share <= c.To }

// ramp is min(1, t/(T·Ramp)).
func (c *Contrast) ramp(share float64) float32 {
	if share < c.Ramp {
		return float32(share / c.Ramp)
	}
	return 1
}

// oldMeta is what the weights of the round's start say of their data, which the network keeps.
func (c *Contrast) oldMeta() (encoding.Meta, error) {
	f, err := safetensors.Open(c.Old)
	if err != nil {
		return encoding.Meta{}, err
	}
	return encoding.Parse(c.Old, f.Metadata)
}
