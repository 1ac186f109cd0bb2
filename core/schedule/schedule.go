// Package schedule holds the noise schedules of the diffusion process.
//
// A schedule is a table on the grid t = 0, 1, ..., T of a variance-preserving
// process
//
//	q(z_t | x) = N(alpha_t·x, sigma_t²·I),   alpha_t² + sigma_t² = 1,
//
// built once in float64 from additions, multiplications, divisions and square
// roots only, so that it is the same table on every platform. It follows a
// formula, or was learned (see Network). The published code keeps a table of
// -log SNR in float32 and derives alpha and sigma from it; the two agree to about
// 1e-6 relative.
//
// Sources: Hoogeboom et al. 2022 (arXiv 2203.17003), appendix B; the reference
// implementation's PredefinedNoiseSchedule.
package schedule

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/rng"
)

// Spec names a schedule, as it is stored in the metadata of a weights file.
type Spec struct {
	Name      string  `json:"name"`      // "polynomial_2", "cosine", Learned or Tabulated
	Timesteps int     `json:"timesteps"` // T
	Precision float64 `json:"precision"` // s of polynomial_2, which keeps alpha² within [s, 1-s]
	// the table of one without a formula, nil until the file's tensors are read
	Curve *Curve `json:"-"`
}

// Equal tells whether two specs say the same, their tables included.
func (s Spec) Equal(o Spec) bool {
	a, b := s.Curve, o.Curve
	s.Curve, o.Curve = nil, nil
	return s == o && (a == b || a != nil && b != nil && slices.Equal(a.alpha2, b.alpha2))
}

// Polynomial2 is the schedule of the published QM9 and GEOM-Drugs models.
var Polynomial2 = Spec{Name: "polynomial_2", Timesteps: 1000, Precision: 1e-5}

// maxTimesteps bounds the table that a file's metadata can ask for.
const maxTimesteps = 100_000

// Schedule is the table of alpha_t² for t = 0..T.
type Schedule struct {
	spec   Spec
	alpha2 []float64 // (T+1)
}

// New builds the table of spec. The error names the field that is wrong.
func New(spec Spec) (*Schedule, error) {
	if err := checkTimesteps(spec.Timesteps); err != nil {
		return nil, err
	}
	var alpha2 []float64
	switch spec.Name {
	case "polynomial_2":
		if !(spec.Precision > 0 && spec.Precision < 0.5) {
			return nil, errors.New(
				"schedule: precision " + strconv.FormatFloat(spec.Precision, 'g', -1, 64) +
					" not in (0, 0.5)",
			)
		}
		alpha2 = polynomial2(spec.Timesteps, spec.Precision)
	case "cosine":
		alpha2 = cosine(spec.Timesteps)
	case Learned, Tabulated:
		if spec.Curve == nil || len(spec.Curve.alpha2) != spec.Timesteps+1 {
			return nil, ErrNoCurve
		}
		alpha2 = spec.Curve.alpha2
	default:
		return nil, errors.New(
			"schedule: unknown name " + strconv.Quote(spec.Name) +
				", want polynomial_2, cosine, learned or table",
		)
	}
	return &Schedule{spec, alpha2}, nil
}

// ErrNoCurve is New's of a schedule without a formula, all else of which is right,
// without its Curve for that number of time steps.
var ErrNoCurve = errors.New("schedule: of tensors that are not there")

func checkTimesteps(T int) error {
	if T < 1 || T > maxTimesteps {
		return errors.New(
			"schedule: timesteps " + strconv.Itoa(T) + " not in [1, " + strconv.Itoa(maxTimesteps) +
				"]",
		)
	}
	return nil
}

// polynomial2 is alpha² = (1-2s)·(1-(t/T)²)² + s with the ratio of successive
// values of the power clipped to [0.001, 1].
func polynomial2(T int, s float64) []float64 {
	alpha2 := make([]float64, T+1)
	for t := range alpha2 {
		u := float64(t) / float64(T)
		a := 1 - float64(u*u)
		alpha2[t] = a * a
	}
	clipRatios(alpha2, 0.001)
	for t, a := range alpha2 {
		alpha2[t] = float64((1-2*s)*a) + s
	}
	return alpha2
}

// cosine is alpha² = c(u)/c(0) with c(u) = cos²(½π·(u+s)/(1+s)), s = 0.008 and
// u = (t+1)/(T+1) (Nichol and Dhariwal 2021, on the grid of the reference
// implementation), the ratio of successive values clipped to [0.001, 1].
func cosine(T int) []float64 {
	const s = 0.008
	alpha2 := make([]float64, T+1)
	first := cos2(s / (1 + s))
	for t := range alpha2 {
		u := float64(t+1) / float64(T+1)
		alpha2[t] = cos2((u+s)/(1+s)) / first
	}
	clipRatios(alpha2, 0.001)
	return alpha2
}

// cos2 is cos²(½π·u) for u in [0, 1], by the series of cos: correct to
// 1e-15, and the same on every platform.
func cos2(u float64) float64 {
	x := 0.5 * math.Pi * u
	x2 := x * x
	c, term := 1.0, 1.0
	for k := 1.0; k < 40; k += 2 {
		term = float64(term * (-x2 / float64(k*(k+1))))
		c += term
	}
	return c * c
}

// clipRatios replaces a by the products of its successive ratios, clipped to
// [lowest, 1].
func clipRatios(a []float64, lowest float64) {
	prev, prod := 1.0, 1.0
	for t, cur := range a {
		prod *= min(max(cur/prev, lowest), 1)
		a[t], prev = prod, cur
	}
}

// Spec is what the schedule was built from.
func (s *Schedule) Spec() Spec { return s.spec }

// T is the number of steps of the grid: t runs from 0 to T.
func (s *Schedule) T() int { return s.spec.Timesteps }

// Alpha2 is alpha_t².
func (s *Schedule) Alpha2(t int) float64 { return s.alpha2[t] }

// Alpha is alpha_t, the share of the signal in z_t.
func (s *Schedule) Alpha(t int) float64 { return math.Sqrt(s.alpha2[t]) }

// Sigma is sigma_t = sqrt(1 - alpha_t²), the share of the noise in z_t.
func (s *Schedule) Sigma(t int) float64 { return math.Sqrt(1 - s.alpha2[t]) }

// NegLogSNR is -log(alpha_t²/sigma_t²) in nats. EDM calls it gamma(t); here
// gamma is the symmetrisation kernel.
func (s *Schedule) NegLogSNR(t int) float64 {
	return math.Log1p(-s.alpha2[t]) - math.Log(s.alpha2[t])
}

// Lambda is lambda_t = log(alpha_t/sigma_t), half of log SNR, in nats.
func (s *Schedule) Lambda(t int) float64 {
	a2 := s.Alpha2(t)
	return float64(0.5 * rng.Log(a2/(1-a2)))
}

// DDIM gives the coefficients of the step from t to s of DDIM (Song et al. 2021, arXiv 2010.02502),
//
//	z_s = alpha_s·x_hat + sigma_s·eps_hat = z·z_t + eps·eps_hat,  x_hat = (z_t - sigma_t·eps_hat)/alpha_t.
func (s *Schedule) DDIM(from, to int) (z, eps float64) {
	z = s.Alpha(to) / s.Alpha(from)
	return z, s.Sigma(to) - float64(s.Sigma(from)*z)
}

// Extrapolation is the weight h/(2h') of the last change of x_hat in the step from t to s of
// DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095), with h = lambda_s - lambda_t and h' that of the
// step before, which began at the time before.
func (s *Schedule) Extrapolation(before, from, to int) float64 {
	now := s.Lambda(from)
	return (s.Lambda(to) - now) / (2 * (now - s.Lambda(before)))
}

// Step holds the coefficients of one ancestral step from t down to s < t,
//
//	z_s ~ N(Z·z_t - Eps·eps_hat, Std²·I)
//
// with alpha_ts = alpha_t/alpha_s and sigma_ts² = sigma_t² - alpha_ts²·sigma_s²:
//
//	Z = 1/alpha_ts,  Eps = sigma_ts²/(alpha_ts·sigma_t),  Std = sigma_ts·sigma_s/sigma_t.
type Step struct{ Z, Eps, Std float64 }

// Ancestral gives the coefficients of the step from t to s. It panics unless
// 0 <= s < t <= T.
func (s *Schedule) Ancestral(from, to int) Step {
	if to < 0 || to >= from || from > s.T() {
		panic("schedule: ancestral step outside 0 <= s < t <= T")
	}
	a2t, a2s := s.alpha2[from], s.alpha2[to]
	ratio := a2t / a2s    // alpha_ts²
	sigma2ts := 1 - ratio // sigma_ts², since alpha² + sigma² = 1 at both ends
	alphats := math.Sqrt(ratio)
	sigmat := math.Sqrt(1 - a2t)
	return Step{
		Z:   1 / alphats,
		Eps: sigma2ts / (alphats * sigmat),
		Std: math.Sqrt(sigma2ts*(1-a2s)) / sigmat,
	}
}

// Draw draws z_s from z_t in place,
//
//	z <- Z·z - Eps·eps_hat + scale·Std·noise.
func (c Step) Draw(z, eps, noise []float32, scale float64) {
	a, e, std := float32(c.Z), float32(c.Eps), float32(scale*c.Std)
	for i, v := range z {
		z[i] = float32(float32(a*v)-float32(e*eps[i])) + float32(std*noise[i])
	}
}

// Last is the step from z_0 to the data, x ~ N((z_0 - sigma_0·eps_hat)/alpha_0,
// (sigma_0/alpha_0)²).
type Last struct{ Alpha, Sigma float64 }

// Last gives the coefficients of the last step.
func (s *Schedule) Last() Last { return Last{s.Alpha(0), s.Sigma(0)} }

// Draw draws the data from z_0 in place,
//
//	z <- (z - sigma_0·eps_hat + sigma_0·noise)/alpha_0.
func (c Last) Draw(z, eps, noise []float32) {
	alpha, sigma := float32(c.Alpha), float32(c.Sigma)
	for i, v := range z {
		z[i] = float32(float32(v-float32(sigma*eps[i]))+float32(sigma*noise[i])) / alpha
	}
}
