package encoding

import (
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// Moments are the first two of the training data, on the scale of z: what a
// Gaussian is fitted to that a trajectory can start from part-way (Zheng et al.
// 2023, arXiv 2202.09671, with a fitted Gaussian in place of a learned one).
type Moments struct {
	// X says the variance of a coordinate about the centre of mass, over the
	// 3(N-1) degrees of freedom, of molecules of N atoms: X[0] + X[1]·N.
	X    [2]float64
	Mean []float64   // (F) of the features
	Cov  [][]float64 // (F, F)
}

// MomentsSum gathers moments from molecules.
type MomentsSum struct {
	meta                                Meta
	molecules, size, size2, spread, mix float64
	atoms                               float64
	mean                                []float64
	cov                                 [][]float64
}

// NewMomentsSum begins a sum over molecules with the elements of m.
func NewMomentsSum(m Meta) *MomentsSum {
	s := &MomentsSum{
		meta: m,
		mean: make([]float64, m.Features()),
		cov:  make([][]float64, m.Features()),
	}
	for i := range s.cov {
		s.cov[i] = make([]float64, m.Features())
	}
	return s
}

// Add takes a molecule in. An element that the model does not have, and atoms without
// positions, are errors.
func (s *MomentsSum) Add(m *molecule.Molecule) error {
	if err := CheckPositions(m); err != nil {
		return err
	}
	for _, e := range m.Elements {
		if s.meta.channel(e) < 0 {
			return s.meta.unknownElement(e)
		}
	}
	n := float64(len(m.Elements))
	var centre [3]float64
	for _, p := range m.Positions {
		for k := range centre {
			centre[k] += p[k] / n
		}
	}
	if n > 1 {
		spread := 0.0
		for _, p := range m.Positions {
			for k := range centre {
				d := (p[k] - centre[k]) / s.meta.ScaleX
				spread += d * d / (3 * (n - 1))
			}
		}
		s.molecules++
		s.size += n
		s.size2 += n * n
		s.spread += spread
		s.mix += spread * n
	}
	h := make([]float64, len(s.mean))
	for _, e := range m.Elements {
		clear(h)
		h[s.meta.channel(e)] = s.meta.hot()
		if s.meta.Charge {
			h[len(h)-1] = s.meta.charge(e)
		}
		s.atoms++
		for i, v := range h {
			s.mean[i] += v
			for j, w := range h {
				s.cov[i][j] += v * w
			}
		}
	}
	return nil
}

// Moments is the sum's result; nil without molecules. The variance of positions
// is the least-squares line over the molecules.
func (s *MomentsSum) Moments() *Moments {
	if s.molecules == 0 {
		return nil
	}
	m := &Moments{}
	n, v := s.size/s.molecules, s.spread/s.molecules
	if d := s.size2/s.molecules - n*n; d > 1e-9 {
		m.X[1] = (s.mix/s.molecules - n*v) / d
	}
	m.X[0] = v - m.X[1]*n
	for i, sum := range s.mean {
		m.Mean = append(m.Mean, sum/s.atoms)
		row := make([]float64, len(s.mean))
		for j := range row {
			row[j] = s.cov[i][j]/s.atoms - sum/s.atoms*(s.mean[j]/s.atoms)
		}
		m.Cov = append(m.Cov, row)
	}
	return m
}

// validate checks moments of F features; the error names the field.
func (m *Moments) validate(features int) error {
	if len(m.Mean) != features || len(m.Cov) != features {
		return errors.New("moments: mean and cov: want " + strconv.Itoa(features) + " features")
	}
	numbers := append(append([]float64(nil), m.X[:]...), m.Mean...)
	for i, row := range m.Cov {
		if len(row) != features || !(row[i] >= 0) {
			return errors.New("moments: cov: row " + strconv.Itoa(i) + ": want the features' covariances")
		}
		numbers = append(numbers, row...)
	}
	for _, v := range numbers {
		if !(math.Abs(v) <= 1e6) {
			return errors.New("moments: " + formatFloat(v) + " not in [-1e6, 1e6]")
		}
	}
	return nil
}

// json is {"x": [2], "mean": [F], "cov": [[F]]}.
func (m *Moments) json() string {
	list := func(b []byte, v []float64) []byte {
		for i, x := range v {
			b = append(append(b, "[,"[min(i, 1)]), formatFloat(x)...)
		}
		return append(b, ']')
	}
	b := list([]byte(`{"x":`), m.X[:])
	b = list(append(b, `,"mean":`...), m.Mean)
	b = append(b, `,"cov":`...)
	for i, row := range m.Cov {
		b = list(append(b, "[,"[min(i, 1)]), row)
	}
	return string(append(b, `]}`...))
}

// moments reads what json writes.
func (p *reader) moments() *Moments {
	v := p.Object("moments")
	m := &Moments{}
	numbers := func(v json.Value) (list []float64) {
		for _, item := range v.Items {
			if item.Kind != json.Number {
				p.Fail("moments", "want numbers")
			}
			list = append(list, item.Num)
		}
		return list
	}
	x, _ := v.Get("x")
	mean, _ := v.Get("mean")
	cov, _ := v.Get("cov")
	if copy(m.X[:], numbers(x)) != 2 {
		p.Fail("moments", "x: want two numbers")
	}
	m.Mean = numbers(mean)
	for _, row := range cov.Items {
		m.Cov = append(m.Cov, numbers(row))
	}
	return m
}
