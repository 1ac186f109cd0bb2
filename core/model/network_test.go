package model

import (
	"errors"
	"testing"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// A guided network takes another gamma, for the guide too, and the schedule's
// modulations are shared by both networks' states.
func TestGuidedNetworkTakesGammaAndSchedule(t *testing.T) {
	m, weak := load(t, "symdiff"), load(t, "symdiff_released")
	guided := symmetrise.Guide(m.Network(), weak.Network(), 1)
	haar, err := guided.WithGamma("haar", "")
	if err != nil {
		t.Fatal(err)
	}
	s := haar.NewState([]int{3})
	s.Schedule([]float32{1, 0.5, 0})
	if m.shared.last == nil || weak.shared.last == nil {
		t.Error("the modulations of a guided network are not shared")
	}
	z, r0, _ := input(m, []int{3}, 1)
	eps := make([]float32, len(z))
	s.Eps(eps, z, 0.5, symmetrise.Noise{R0: r0})
	if s.Gamma(0) != r0[0] {
		t.Error("under haar C is not R0")
	}
}

func TestGammaIsChosenAndRefused(t *testing.T) {
	plain, learned := load(t, "dit").Network(), load(t, "symdiff").Network()
	if _, err := plain.WithGamma("learned", ""); !errors.Is(err, symmetrise.ErrNotLearned) {
		t.Errorf("a backbone alone: %v", err)
	}
	if _, err := learned.WithGamma("", "odd"); err == nil {
		t.Error("an unknown order is taken")
	}
	z, r0, eta := input(load(t, "symdiff"), []int{4}, 2)
	gamma := func(kind, order string) o3.Matrix {
		net, err := learned.WithGamma(kind, order)
		if err != nil {
			t.Fatal(err)
		}
		s := net.NewState([]int{4})
		s.Eps(make([]float32, len(z)), z, 0.3, symmetrise.Noise{R0: r0, Eta: eta})
		return s.Gamma(0)
	}
	paper, released := gamma("learned", "paper"), gamma("", "released")
	if f := r0[0].T().Mul(paper); released != f.Mul(r0[0].T()) && near(released, f.Mul(r0[0].T())) > 1e-12 {
		t.Errorf("paper %v, released %v", paper, released)
	}
	if paper != gamma("", "") || gamma("none", "") != o3.Identity {
		t.Error("the network's own gamma is the paper's, none is the identity")
	}
}

// near is the largest difference of two matrices.
func near(a, b o3.Matrix) (worst float64) {
	for i := range a {
		for j := range a[i] {
			worst = max(worst, a[i][j]-b[i][j], b[i][j]-a[i][j])
		}
	}
	return worst
}
