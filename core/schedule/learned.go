package schedule

import (
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/rng"
)

// Learned is the name of a schedule that was trained with its model. Its table
// is not a function of the rest of the Spec: it is Spec.Curve.
const Learned = "learned"

// Hidden is the width of Network.
const Hidden = 1024

// Network is what a learned schedule is computed by,
//
//	-log SNR(t) = gamma_0 + (gamma_1 - gamma_0)·(g(t/T) - g(0))/(g(1) - g(0)),
//	g(u) = l1(u) + l3(sigmoid(l2(l1(u))))
//
// with layers of positive weights, so that it rises with t.
//
// Source: Kingma et al. 2021 (arXiv 2107.00630), appendix H; GammaNetwork of
// EDM's en_diffusion.py.
type Network struct {
	L1, L2, L3     Layer   // 1 -> 1, 1 -> Hidden, Hidden -> 1
	Gamma0, Gamma1 float32 // -log SNR at t = 0 and t = T in nats
}

// Layer is a linear layer, of weights softplus(Weight).
type Layer struct {
	Weight []float32 // (out, in)
	Bias   []float32 // (out)
}

// Tabulated is the name of a schedule that is a table of -log SNR in nats for
// t = 0..T: of a published network, whose averaging over the training has rounded it
// away from its formula.
const Tabulated = "table"

// Curve is the table of a schedule without a formula: alpha_t² for t = 0..T.
type Curve struct {
	alpha2 []float64 // (T+1)
}

// Curve evaluates n for t = 0..T in float64, from operations that have the same
// bits on every platform. A table that does not fall strictly within (0, 1) is
// an error that names the t.
func (n Network) Curve(T int) (*Curve, error) {
	if err := checkTimesteps(T); err != nil {
		return nil, err
	}
	w1, b1, b3 := softplus(n.L1.Weight[0]), float64(n.L1.Bias[0]), float64(n.L3.Bias[0])
	w2, w3 := make([]float64, len(n.L2.Weight)), make([]float64, len(n.L3.Weight))
	for i := range w2 {
		w2[i], w3[i] = softplus(n.L2.Weight[i]), softplus(n.L3.Weight[i])
	}
	g := func(u float64) float64 {
		x := float64(w1*u) + b1
		sum := x + b3
		for i, w := range w2 {
			sum += float64(w3[i] * sigmoid(float64(w*x)+float64(n.L2.Bias[i])))
		}
		return sum
	}
	first, last := g(0), g(1)
	c := &Curve{make([]float64, T+1)}
	before := 1.0
	for t := range c.alpha2 {
		share := (g(float64(t)/float64(T)) - first) / (last - first)
		a := sigmoid(-(float64(n.Gamma0) + float64((float64(n.Gamma1)-float64(n.Gamma0))*share)))
		if !(0 < a && a < before) {
			return nil, notFalling("learned", a, t)
		}
		c.alpha2[t], before = a, a
	}
	return c, nil
}

func notFalling(kind string, alpha2 float64, t int) error {
	return errors.New("schedule: " + kind + ": alpha² is " + strconv.FormatFloat(alpha2, 'g', -1, 64) +
		" at t = " + strconv.Itoa(t) + ", want it to fall strictly within (0, 1)")
}

// TableCurve is alpha² = sigmoid(-negLogSNR), in float64 from operations that have the
// same bits on every platform. A table that does not rise strictly is an error that
// names the t.
func TableCurve(negLogSNR []float32) (*Curve, error) {
	if err := checkTimesteps(len(negLogSNR) - 1); err != nil {
		return nil, err
	}
	c := &Curve{make([]float64, len(negLogSNR))}
	before := 1.0
	for t, g := range negLogSNR {
		a := sigmoid(-float64(g))
		if !(0 < a && a < before) {
			return nil, notFalling("table", a, t)
		}
		c.alpha2[t], before = a, a
	}
	return c, nil
}

// sigmoid is 1/(1 + e^-x).
func sigmoid(x float64) float64 { return 1 / (1 + rng.Exp(-x)) }

// softplus is log(1 + e^x), of any x to a few ulp.
func softplus(x float32) float64 {
	e := rng.Exp(-math.Abs(float64(x)))
	log := e // log(1 + e): what 1 + e rounds away comes back by the factor
	if u := 1 + e; u > 1 {
		log = float64(rng.Log(u) * (e / (u - 1)))
	}
	return max(float64(x), 0) + log
}
