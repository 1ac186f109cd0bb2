// Package analysis measures what the symmetrisation of a trained network does.
package analysis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Options says what to measure.
type Options struct {
	Times   []float64 // t/T in (0, 1]
	Draws   int       // of gamma for a molecule and a time, at least 2
	Seed    uint64
	Threads int

	Progress func(molecules int) // done; from any thread; may be nil
}

// Kernel is a symmetrisation of the same backbone.
type Kernel struct {
	Name string // learned, haar or none
	Net  symmetrise.Network
}

// Gamma is what a kernel's matrices are at one time, over molecules: means of
// the molecules' values and, where it says so, the standard errors of these
// means.
type Gamma struct {
	Kernel string  `json:"kernel"`
	T      float64 `json:"t"` // t/T

	// Concentration is tr(E[C|x]·E[C|x]ᵀ)/3, without bias: 0 where C is spread
	// as the Haar measure is, 1 where it is one matrix.
	Concentration      float64 `json:"concentration"`
	ConcentrationError float64 `json:"concentration_error"`
	// InputVariance is that of symmetrise.InputVariance: what k sees varies over draws of gamma and
	// rotated copies of a molecule as under the Haar measure, 1, or not at all, 0.
	InputVariance      float64 `json:"input_variance"`
	InputVarianceError float64 `json:"input_variance_error"`
	// Proper is the share of C with determinant 1; ½ under Haar.
	Proper float64 `json:"proper"`
	// Function is the concentration of f = R0ᵀ·C over draws of R0 and eta: 1
	// where f is one matrix whatever it sees.
	Function float64 `json:"function"`
	// Rotation is the mean angle in degrees by which f, or -f, rotates: 0 for the
	// identity, 126.5 under Haar.
	Rotation float64 `json:"rotation"`
	// Energy is the energy distance of the C of a molecule from as many Haar
	// matrices, Different the share of molecules in which its p-value by
	// permutation is at most 0.05: 0.05 under Haar.
	Energy    float64 `json:"energy"`
	Different float64 `json:"different"`
	// Axes holds the mean of cos² between the principal axes of z_t, the shortest
	// first, and the coordinate axes of the frame that the backbone sees: ⅓ under
	// Haar. Alignment is the mean over molecules of the largest cos² of the
	// longest axis, each over the draws.
	Axes      [3][3]float64 `json:"axes"`
	Alignment float64       `json:"alignment"`
	// Loss is the mean of |eps - eps_hat|² per value, with its standard error.
	Loss      float64 `json:"loss"`
	LossError float64 `json:"loss_error"`
	// Spread is the part of |eps_hat_x|² that is its variance over the draws.
	Spread float64 `json:"spread"`
	// Coupling is the largest relative deviation of a step z_t -> z_s from
	// equivariance with the noise of gamma and of the step coupled, |step(z·H) -
	// step(z)·H| over the length of what the network adds to the step.
	Coupling float64 `json:"coupling"`
	// Bias is the Monte Carlo estimate of |E[step(z·H)] - E[step(z)]·H|² over the
	// square of the length of what the network adds, without bias, so that it may
	// be negative: 0 for an equivariant kernel. BiasError is its standard error.
	Bias      float64 `json:"bias"`
	BiasError float64 `json:"bias_error"`
}

// Run measures every kernel at every time on the molecules, each rotated by a
// Haar matrix first.
func Run(ctx context.Context, kernels []Kernel, meta encoding.Meta, molecules []*molecule.Molecule,
	o Options) ([]Gamma, error) {
	if len(molecules) < 2 || o.Draws < 2 || len(kernels) == 0 || len(o.Times) == 0 {
		return nil, errors.New("analysis: want two molecules, two draws, a kernel and a time at least")
	}
	sched, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	a := &analysis{Options: o, meta: meta, sched: sched}
	data := make([][]float32, len(molecules))
	for i, m := range molecules {
		if data[i], err = a.rows(m, i); err != nil {
			return nil, err
		}
	}
	var out []Gamma
	for _, k := range kernels {
		for i, x := range data {
			sizes := slices.Repeat([]int{len(x) / (3 + meta.Features())}, o.Draws)
			if err := symmetrise.CheckState(k.Net, sizes); err != nil {
				return nil, fmt.Errorf("molecule %d: %w", i+1, err)
			}
		}
		for _, t := range o.Times {
			values := make([]values, len(molecules))
			err := a.each(ctx, len(molecules),
				func(i int) { values[i] = a.molecule(k, int(math.Round(t*float64(sched.T()))), i, data[i]) })
			if err != nil {
				return nil, err
			}
			out = append(out, summarise(k.Name, t, values))
		}
	}
	return out, nil
}

type analysis struct {
	Options
	meta  encoding.Meta
	sched *schedule.Schedule
}

// each lets threads work on n molecules.
func (a *analysis) each(ctx context.Context, n int, work func(i int)) error {
	queue := make(chan int)
	var workers sync.WaitGroup
	for range max(1, a.Threads) {
		workers.Go(func() {
			for i := range queue {
				work(i)
				if a.Progress != nil {
					a.Progress(1)
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	workers.Wait()
	return ctx.Err()
}

// rows are the scaled data of a molecule, rotated.
func (a *analysis) rows(m *molecule.Molecule, index int) ([]float32, error) {
	rows, err := a.meta.Rows(m)
	if err != nil {
		return nil, err
	}
	width := 3 + a.meta.Features()
	stream := rng.New(a.Seed, uint32(index), rng.Init, 0)
	h := o3.Haar(&stream)
	h.Rotate(rows, width, rows, width, len(rows)/width)
	return rows, nil
}

// values are those of one molecule.
type values struct {
	concentration, proper, function, rotation, energy float64
	different                                         bool
	axes                                              [3][3]float64
	loss, spread, coupling, bias, input               float64
}

// molecule measures a kernel at time t on molecule i.
func (a *analysis) molecule(k Kernel, t, i int, x []float32) (v values) {
	width := 3 + a.meta.Features()
	n := len(x) / width
	stream := rng.New(a.Seed, uint32(i), rng.Initial, uint32(t))
	eps := make([]float32, len(x))
	stream.Fill(eps, 1)
	symmetrise.RemoveMean(eps, width, []int{n})
	z := make([]float32, len(x))
	alpha, sigma := a.sched.Alpha(t), a.sched.Sigma(t)
	for j := range z {
		z[j] = float32(alpha*float64(x[j]) + sigma*float64(eps[j]))
	}
	v.input = symmetrise.InputVariance(k.Net, z, float32(float64(t)/float64(a.sched.T())), a.Draws,
		a.Seed+uint64(i))
	run := newBatch(k.Net, z, width, a.Draws, float32(float64(t)/float64(a.sched.T())))
	haar, eta := rng.New(a.Seed, uint32(i), rng.Haar, uint32(t)),
		rng.New(a.Seed, uint32(i), rng.Eta, uint32(t))
	run.draw(&haar, &eta)
	run.call(o3.Identity)
	c := run.matrices()
	v.matrices(c, run.noise.R0, principal(z, width), &haar)
	first := run.outputs()
	for _, y := range first {
		for j := range y {
			d := float64(y[j]) - float64(eps[j])
			v.loss += d * d / float64(len(y)*len(first))
		}
	}
	mean1, var1, size := moments(first, width)
	v.spread = var1 / size
	// A step is Z·z - Eps·eps_hat + Std·noise: Z·z and the coupled noise rotate with
	// H, so what the network adds is all that can deviate.
	h := o3.Haar(&haar)
	before := run.noise
	run.couple(h)
	run.call(h)
	for d, y := range run.outputs() {
		v.coupling = max(v.coupling, deviation(y, first[d], h, width))
	}
	run.noise = before
	run.draw(&haar, &eta)
	run.call(h)
	mean2, var2, _ := moments(run.outputs(), width)
	for r := range n {
		for col := range 3 {
			rotated := 0.0
			for b := range 3 {
				rotated += mean1[3*r+b] * h[b][col]
			}
			d := mean2[3*r+col] - rotated
			v.bias += d * d
		}
	}
	v.bias = (v.bias - (var1+var2)/float64(a.Draws)) / size
	return v
}

// matrices measures the C of the draws.
func (v *values) matrices(c, r0 []o3.Matrix, axes o3.Matrix, stream *rng.Stream) {
	f := make([]o3.Matrix, len(c))
	var sample, haar [][]float32
	for d, m := range c {
		f[d] = r0[d].T().Mul(m)
		if m.Det() > 0 {
			v.proper += 1 / float64(len(c))
		}
		v.rotation += angle(f[d]) / float64(len(c))
		frame := axes.Mul(m) // rows: the principal axes in the frame that k sees
		for i := range frame {
			for j, cos := range frame[i] {
				v.axes[i][j] += cos * cos / float64(len(c))
			}
		}
		sample, haar = append(sample, flat(m)), append(haar, flat(o3.Haar(stream)))
	}
	v.concentration, v.function = concentration(c), concentration(f)
	const permutations = 199
	energy, p := symmetrise.EnergyTest(sample, haar, permutations, uint64(stream.Uint32()))
	v.energy, v.different = energy, p <= 0.05
}

func flat(m o3.Matrix) []float32 {
	var out []float32
	for _, row := range m {
		for _, x := range row {
			out = append(out, float32(x))
		}
	}
	return out
}

// concentration is the mean of tr(C_i·C_jᵀ)/3 over pairs i ≠ j.
func concentration(c []o3.Matrix) float64 {
	var sum o3.Matrix
	for _, m := range c {
		for i := range m {
			for j := range m[i] {
				sum[i][j] += m[i][j]
			}
		}
	}
	total := 0.0
	for i := range sum {
		for j := range sum[i] {
			total += sum[i][j] * sum[i][j]
		}
	}
	n := float64(len(c))
	return (total - 3*n) / (3 * n * (n - 1)) // |C_i|² = 3
}

// angle is that of the rotation ±m in degrees.
func angle(m o3.Matrix) float64 {
	trace := (m[0][0] + m[1][1] + m[2][2]) * math.Copysign(1, m.Det())
	return math.Acos(max(-1, min(1, (trace-1)/2))) * 180 / math.Pi
}

// principal are the principal axes of the positions, rows, the shortest first.
func principal(z []float32, width int) o3.Matrix {
	_, axes := o3.Axes(o3.Scatter(z, width))
	return axes
}

// moments are the mean of the positional part (n·3) over outputs, the sum over
// its values of their variance, and the mean of its squared length.
func moments(outputs [][]float32, width int) (mean []float64, variance, size float64) {
	k := float64(len(outputs))
	n := len(outputs[0]) / width
	mean = make([]float64, 3*n)
	for _, y := range outputs {
		for r := range n {
			for c := range 3 {
				x := float64(y[r*width+c])
				mean[3*r+c] += x / k
				size += x * x / k
			}
		}
	}
	square := 0.0
	for _, m := range mean {
		square += m * m
	}
	return mean, (size - square) * k / (k - 1), size
}

// deviation is |y - x·H|/|x| of positional parts.
func deviation(y, x []float32, h o3.Matrix, width int) float64 {
	rotated := append([]float32(nil), x...)
	h.Rotate(rotated, width, rotated, width, len(x)/width)
	var d, size float64
	for r := 0; r < len(x); r += width {
		for c := range 3 {
			e := float64(y[r+c]) - float64(rotated[r+c])
			d += e * e
			size += float64(rotated[r+c]) * float64(rotated[r+c])
		}
	}
	return math.Sqrt(d / size)
}

// batch is a molecule as often as there are draws.
type batch struct {
	net         symmetrise.Network
	state       symmetrise.NetworkState
	noise       symmetrise.Noise
	z, x, y     []float32 // one molecule; all, rotated; what comes out
	width, rows int
	draws       int
	t           float32
}

func newBatch(net symmetrise.Network, z []float32, width, draws int, t float32) *batch {
	sizes := make([]int, draws)
	for i := range sizes {
		sizes[i] = len(z) / width
	}
	return &batch{
		net: net, state: net.NewState(sizes), noise: symmetrise.NewNoise(net, sizes), z: z, width: width,
		rows: len(z) / width, draws: draws, t: t,
		x: make([]float32, draws*len(z)), y: make([]float32, draws*len(z)),
	}
}

// draw draws the noise of gamma anew.
func (b *batch) draw(haar, eta *rng.Stream) {
	for d := range b.draws {
		b.noise.Draw(b.net, d, d*b.rows, (d+1)*b.rows, haar, eta)
	}
}

// couple rotates R0 along with H.
func (b *batch) couple(h o3.Matrix) {
	r0 := make([]o3.Matrix, b.draws)
	for d := range r0 {
		r0[d] = h.T().Mul(b.noise.R0[d])
	}
	b.noise = symmetrise.Noise{R0: r0, Eta: b.noise.Eta}
}

// call runs the network on z·H.
func (b *batch) call(h o3.Matrix) {
	for d := range b.draws {
		x := b.x[d*len(b.z) : (d+1)*len(b.z)]
		copy(x, b.z)
		h.Rotate(x, b.width, x, b.width, b.rows)
	}
	b.state.Eps(b.y, b.x, b.t, b.noise)
}

// outputs are copies of the eps_hat of each draw.
func (b *batch) outputs() [][]float32 {
	out := make([][]float32, b.draws)
	for d := range out {
		out[d] = append([]float32(nil), b.y[d*len(b.z):(d+1)*len(b.z)]...)
	}
	return out
}

// matrices are the C of the last call.
func (b *batch) matrices() []o3.Matrix {
	c := make([]o3.Matrix, b.draws)
	for d := range c {
		c[d] = b.state.Gamma(d)
	}
	return c
}

// summarise takes means over the molecules.
func summarise(kernel string, t float64, list []values) Gamma {
	g := Gamma{Kernel: kernel, T: t}
	n := float64(len(list))
	mean := func(get func(*values) float64) (m, se float64) {
		for i := range list {
			m += get(&list[i]) / n
		}
		for i := range list {
			d := get(&list[i]) - m
			se += d * d / (n - 1)
		}
		return m, math.Sqrt(se / n)
	}
	g.Concentration, g.ConcentrationError = mean(func(v *values) float64 { return v.concentration })
	g.InputVariance, g.InputVarianceError = mean(func(v *values) float64 { return v.input })
	g.Proper, _ = mean(func(v *values) float64 { return v.proper })
	g.Function, _ = mean(func(v *values) float64 { return v.function })
	g.Rotation, _ = mean(func(v *values) float64 { return v.rotation })
	g.Energy, _ = mean(func(v *values) float64 { return v.energy })
	g.Loss, g.LossError = mean(func(v *values) float64 { return v.loss })
	g.Spread, _ = mean(func(v *values) float64 { return v.spread })
	g.Bias, g.BiasError = mean(func(v *values) float64 { return v.bias })
	g.Alignment, _ = mean(func(v *values) float64 { return max(v.axes[2][0], v.axes[2][1], v.axes[2][2]) })
	for i := range list {
		g.Coupling = max(g.Coupling, list[i].coupling)
		if list[i].different {
			g.Different += 1 / n
		}
		for r := range g.Axes {
			for c := range g.Axes[r] {
				g.Axes[r][c] += list[i].axes[r][c] / n
			}
		}
	}
	return g
}
