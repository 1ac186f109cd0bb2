package train

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// leastGroup is the number of samples below which the groups of sampleWeights are one group.
const leastGroup = 20

// grouped are the groups of samples, and of the molecules whose shares of groups they are to have.
type grouped struct{ samples, data []string }

// sampleWeights are a of samples with the given rewards (see NFT),
//
//	A = clip((R - mean)/std, -1, 1), less its mean
//	a = (1 - mix)·(A + clip(log(q/p), -1, 1)) - mix·negative
//
// where mix is the share of the data against the samples, mean and std are over the samples of a
// group, and p and q are the shares of the group in the samples and in the data. A has the mean 0 in
// each group, so the reward itself leaves their shares as they are. A molecule that cannot be judged
// has the lowest reward of the others. Without groups all samples are one, and p = q.
func sampleWeights(rewards []float64, groups *grouped, mix, negative float64) []float64 {
	rewards = judged(rewards)
	members, shares := groups.of(len(rewards))
	weights := make([]float64, len(rewards))
	for name, list := range members {
		ratio := 0.0
		if groups != nil {
			ratio = min(1, max(-1, math.Log(shares[name]*float64(len(rewards))/float64(len(list)))))
		}
		for i, a := range advantages(rewards, list) {
			weights[list[i]] = (1-mix)*(a+ratio) - mix*negative
		}
	}
	return weights
}

// judged are rewards with the lowest one, or 0, in place of NaN.
func judged(rewards []float64) []float64 {
	all, low := slices.Clone(rewards), 0.0
	if known := slices.DeleteFunc(slices.Clone(rewards), math.IsNaN); len(known) > 0 {
		low = slices.Min(known)
	}
	for i, v := range all {
		if math.IsNaN(v) {
			all[i] = low
		}
	}
	return all
}

// meanReward is the mean of rewards; a molecule that cannot be judged counts as the lowest of the
// others. It is not above the highest, so that rounding makes no sample worse than its equals.
func meanReward(rewards []float64) float64 {
	all := judged(rewards)
	return min(stat.Mean(all, nil), slices.Max(all))
}

// of lists the samples of each group, and the shares of the groups in the data. Groups of fewer than
// leastGroup samples are one.
func (g *grouped) of(samples int) (members map[string][]int, shares map[string]float64) {
	members, shares = map[string][]int{}, map[string]float64{}
	if g == nil {
		for i := range samples {
			members[""] = append(members[""], i)
		}
		return members, shares
	}
	const rest = "\x00the rest" // no expression's value
	count := map[string]int{}
	for _, name := range g.samples {
		count[name]++
	}
	name := func(group string) string {
		if count[group] < leastGroup {
			return rest
		}
		return group
	}
	for i, group := range g.samples {
		members[name(group)] = append(members[name(group)], i)
	}
	for _, group := range g.data {
		shares[name(group)] += 1 / float64(len(g.data))
	}
	return members, shares
}

// advantages are A of the rewards that list names.
func advantages(rewards []float64, list []int) []float64 {
	a := make([]float64, len(list))
	for i, at := range list {
		a[i] = rewards[at]
	}
	mean, std := stat.PopMeanStdDev(a, nil)
	for i := range a {
		if a[i] -= mean; std > 0 {
			a[i] = min(1, max(-1, a[i]/std))
		}
	}
	floats.AddConst(-stat.Mean(a, nil), a)
	return a
}
