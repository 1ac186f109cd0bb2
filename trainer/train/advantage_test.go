package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/symdiff-go/symdiff/core/molecule"
)

func TestSampleWeights(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		rewards       []float64
		mix, negative float64
		want          []float64
	}{
		{[]float64{1, 1, 0, nan}, 0, 1, []float64{1, 1, -1, -1}},
		{[]float64{1, 0}, 1, 1, []float64{-1, -1}},                        // the data against the samples alone
		{[]float64{2, 2}, 0.25, 0.5, []float64{-0.125, -0.125}},           // what the mix gives
		{[]float64{1, 1, 1, 1, 0}, 0, 1, []float64{.3, .3, .3, .3, -1.2}}, // .5 and a clipped -1, less 0.2
	} {
		if got := sampleWeights(c.rewards, nil, c.mix, c.negative); !floats.EqualApprox(got, c.want, 1e-12) {
			t.Errorf("%v: %v, want %v", c.rewards, got, c.want)
		}
	}
}

func TestSharesOfGroupsAreDrawnToTheDatas(t *testing.T) {
	var rewards []float64
	g := new(grouped)
	add := func(n int, group string, reward float64) {
		for range n {
			rewards, g.samples = append(rewards, reward), append(g.samples, group)
		}
	}
	add(30, "0", 1)
	add(10, "0", 0)
	add(5, "1", 1)
	add(25, "1", 0)
	add(1, "2", 1) // too few of 2 and of 3: one group
	add(1, "3", 0)
	// shares in the data: 0 as in the samples, 1 half as many, the rest more than e times as many
	g.data = slices.Concat(slices.Repeat([]string{"0"}, 40), slices.Repeat([]string{"1"}, 15),
		slices.Repeat([]string{"4"}, 17))
	weights := sampleWeights(rewards, g, 0.25, 0.8)
	means, n := map[string]float64{}, map[string]float64{}
	for i, w := range weights {
		group := g.samples[i]
		if group == "3" {
			group = "2"
		}
		means[group] += w
		n[group]++
		for k, v := range weights {
			if g.samples[i] == g.samples[k] && rewards[i] > rewards[k] && w <= v {
				t.Errorf("group %s: a = %g of reward %g, %g of %g", group, w, rewards[i], v, rewards[k])
			}
		}
	}
	for group, ratio := range map[string]float64{"0": 0, "1": math.Log(0.5), "2": 1} {
		if got, want := means[group]/n[group], 0.75*ratio-0.25*0.8; math.Abs(got-want) > 1e-9 {
			t.Errorf("group %s: the mean of a is %g, want %g", group, got, want)
		}
	}
	g.data = []string{"0"} // none of the others
	weights = sampleWeights(rewards, g, 0, 1)
	if got := weights[len(weights)-1]; math.IsInf(got, 0) || math.IsNaN(got) || got > -1 {
		t.Errorf("a group that the data lack: a = %g", got)
	}
}

func TestGroupIsTheExpressionsValue(t *testing.T) {
	g, err := newGrouper(`[number_of("H"), formula]`, molecule.QM9Rule)
	if err != nil {
		t.Fatal(err)
	}
	got, err := g(context.Background(), []*molecule.Molecule{water(true), water(false)})
	if want := []string{"[2 H2O]", "[1 HO]"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := newGrouper("loud", molecule.QM9Rule); err == nil || !strings.Contains(err.Error(), "group: ") {
		t.Errorf("an unknown measure: %v, want an error that names the setting", err)
	}
}

// A molecule that cannot be judged counts as the lowest of the others.
func TestMeanReward(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		rewards []float64
		want    float64
	}{{[]float64{1, 1, 0, nan}, 0.5}, {[]float64{-2, 4}, 1}, {[]float64{nan, 3}, 3}, {[]float64{nan}, 0}} {
		if got := meanReward(c.rewards); got != c.want {
			t.Errorf("%v: %g, want %g", c.rewards, got, c.want)
		}
	}
	for n := 1; n < 1000; n++ { // sums that are rounded
		if got := meanReward(slices.Repeat([]float64{0.1}, n)); got > 0.1 {
			t.Errorf("%d rewards of 0.1 have the mean %v", n, got)
		}
	}
}
