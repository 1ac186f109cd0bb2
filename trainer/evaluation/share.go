package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Share is a proportion with its 95 % interval.
type Share struct {
	Count    int        `json:"count"`
	Of       int        `json:"of"`
	Value    float64    `json:"value"` // Count/Of, 0 where Of is 0
	Interval [2]float64 `json:"interval"`
}

// share is a proportion of independent things.
func share(count, of int) Share { return clustered(count, of, 1) }

// clustered is a proportion of things that come in groups, as atoms do in
// molecules: Wilson's interval for Of/effect things, effect being the design
// effect, at least 1.
func clustered(count, of int, effect float64) Share {
	s := Share{Count: count, Of: of, Interval: [2]float64{0, 1}}
	if of > 0 {
		s.Value = float64(count) / float64(of)
		s.Interval[0], s.Interval[1] = wilson(s.Value, float64(of)/max(1, effect))
	}
	return s
}

// wilson is the 95 % score interval of a proportion p among n,
//
//	(p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
//
// Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
func wilson(p, n float64) (lo, hi float64) {
	z := distuv.UnitNormal.Quantile(0.975)
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (middle-half)/(1+z*z/n)), min(1, (middle+half)/(1+z*z/n))
}

// counter counts things that come in groups: part of each, and all of each.
type counter struct {
	count, of     int
	aa, ab, bb, n float64 // sums over groups of part², part·all, all², and the number of groups
}

func (c *counter) add(part, all int) {
	c.count += part
	c.of += all
	a, b := float64(part), float64(all)
	c.aa, c.ab, c.bb, c.n = c.aa+a*a, c.ab+a*b, c.bb+b*b, c.n+1
}

// share is the proportion, its interval widened by the design effect
//
//	sum_g (part_g - p·all_g)² / (all·p·(1-p)),
//
// the variance of a ratio of group totals over that of independent things.
func (c *counter) share() Share {
	p := 0.0
	if c.of > 0 {
		p = float64(c.count) / float64(c.of)
	}
	effect := 1.0
	if p > 0 && p < 1 {
		effect = (c.aa - 2*p*c.ab + p*p*c.bb) / (float64(c.of) * p * (1 - p))
	}
	return clustered(c.count, c.of, effect)
}

// Summary describes a set of values.
type Summary struct {
	Number         int        `json:"number"`
	Mean           float64    `json:"mean"`
	MeanInterval   [2]float64 `json:"mean_interval"` // 95 %, bootstrap
	Median         float64    `json:"median"`
	MedianInterval [2]float64 `json:"median_interval"` // 95 %, bootstrap
	Quantiles      [2]float64 `json:"quantiles"`       // at 10 and 90 %
}

// resamples is the number of bootstrap samples.
const resamples = 1000

// summarise sorts values and summarises them. The intervals are percentiles of
// bootstrap samples (Efron), always the same ones.
func summarise(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	slices.Sort(values)
	quantile := func(p float64, x []float64) float64 { return stat.Quantile(p, stat.LinInterp, x, nil) }
	s := Summary{
		Number: len(values), Mean: stat.Mean(values, nil), Median: quantile(0.5, values),
		Quantiles: [2]float64{quantile(0.1, values), quantile(0.9, values)},
	}
	r := rand.New(rand.NewPCG(1, 2))
	means, medians := make([]float64, resamples), make([]float64, resamples)
	sample := make([]float64, len(values))
	for b := range resamples {
		for i := range sample {
			sample[i] = values[r.IntN(len(values))]
		}
		slices.Sort(sample)
		means[b], medians[b] = stat.Mean(sample, nil), quantile(0.5, sample)
	}
	slices.Sort(means)
	slices.Sort(medians)
	s.MeanInterval = [2]float64{quantile(0.025, means), quantile(0.975, means)}
	s.MedianInterval = [2]float64{quantile(0.025, medians), quantile(0.975, medians)}
	return s
}
