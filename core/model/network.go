package model

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Network is the backbone k, symmetrised by the gamma that Config names.
func (m *Model) Network() symmetrise.Network { return symmetrise.New(m, m.gamma()) }

func (m *Model) gamma() symmetrise.Gamma {
	switch m.Config.Variant {
	case Symdiff:
		return m.learned(m.Config.GammaOrder)
	case SymdiffH:
		return m.base()
	}
	return symmetrise.None()
}

// base is the kernel that f refines, and gamma itself without f.
func (m *Model) base() symmetrise.Gamma {
	if m.Config.GammaBase == GammaFrame {
		return symmetrise.Frame()
	}
	return symmetrise.Haar(symmetrise.O3)
}

// learned is gamma by f, in an order (see Config.GammaOrder).
func (m *Model) learned(order string) symmetrise.Gamma {
	published := symmetrise.Published{Released: order == GammaReleased, Columns: !m.Config.FixQR}
	return symmetrise.Refined(m.base(), encoder{m}, published)
}

// Gamma is the learned gamma in an order, empty: Config.GammaOrder. Without one the
// error is symmetrise.ErrNotLearned.
func (m *Model) Gamma(order string) (symmetrise.Gamma, error) {
	if m.enc == nil {
		return nil, symmetrise.ErrNotLearned
	}
	switch order {
	case "":
		order = m.Config.GammaOrder
	case GammaPaper, GammaReleased:
	default:
		return nil, errors.New("gamma_order: " + strconv.Quote(order) + ", want paper or released")
	}
	return m.learned(order), nil
}

// Features is F.
func (m *Model) Features() int { return m.Config.Features }
