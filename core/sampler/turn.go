package sampler

import (
	"errors"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Branch says that noise comes from another seed after so many steps: gamma, the
// noise of the steps and of the final draw, but not z_T. Two runs that differ in
// a branch alone have the same bits up to it.
type Branch struct {
	Step int // steps done before: 0 to Options.Steps
	Seed uint64
}

// setBranches checks the path of branches.
func (s *Sampler) setBranches(path []Branch) error {
	last := -1
	for _, b := range path {
		if b.Step <= last || b.Step >= len(s.times) {
			return errors.New("sampler: branch at step " + strconv.Itoa(b.Step) + ", want " + strconv.Itoa(last+1) + " to " + strconv.Itoa(len(s.times)-1))
		}
		last = b.Step
	}
	s.branches = append([]Branch(nil), path...)
	return nil
}

// stepSeed is the seed of the noise of the step at hand.
func (s *Sampler) stepSeed() uint64 {
	seed := s.seed
	for _, b := range s.branches {
		if b.Step <= s.done {
			seed = b.Seed
		}
	}
	return seed
}

// setTurn checks H.
func (s *Sampler) setTurn(h *o3.Matrix, uncoupled bool) error {
	if h == nil {
		if uncoupled {
			return errors.New("sampler: uncoupled without a turn")
		}
		return nil
	}
	deviation := h.Deviation()
	if !(deviation <= 1e-6) {
		return errors.New("sampler: the turn is not orthogonal: HᵀH is off by " + strconv.FormatFloat(deviation, 'g', 3, 64))
	}
	turn := *h
	s.turn, s.coupled = &turn, !uncoupled
	return nil
}

// turned multiplies the positions of n rows by H, where there is one.
func (s *Sampler) turned(rows []float32, n int) {
	if s.turn != nil {
		s.turn.Turn(rows, s.width, rows, s.width, n)
	}
}

// chosen is the network with the gamma that the options ask for.
func (o Options) chosen(net symmetrise.Network) (symmetrise.Network, error) {
	if o.Gamma == "" && o.GammaOrder == "" {
		return net, nil
	}
	return net.WithGamma(o.Gamma, o.GammaOrder)
}

// text is H by rows, separated by commas.
func text(h *o3.Matrix) string {
	var fields []string
	for _, row := range h {
		for _, v := range row {
			fields = append(fields, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	return strings.Join(fields, ",")
}

// branchText is STEP:SEED of every branch, separated by commas.
func branchText(path []Branch) string {
	var fields []string
	for _, b := range path {
		fields = append(fields, strconv.Itoa(b.Step)+":"+strconv.FormatUint(b.Seed, 10))
	}
	return strings.Join(fields, ",")
}
