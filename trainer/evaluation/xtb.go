package evaluation

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/report"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

// XTB is what a relaxation by GFN2-xTB (Bannwarth, Ehlert, Grimme 2019) makes of structures: how
// many keep their bonds, how far the energy drops, and how far the atoms move.
type XTB struct {
	Tried int `json:"tried"` // stable, connected molecules
	// of those with a minimum: the same bonds afterwards
	Survives Share          `json:"graph_survives"`
	Drop     Summary        `json:"energy_drop"`      // kcal/mol
	RMSD     Summary        `json:"rmsd"`             // Å, all atoms, after superposition
	Failed   map[string]int `json:"failed,omitempty"` // reason -> molecules
}

// xtbLimit is the processor time of one molecule.
const xtbLimit = 2 * time.Minute

// relaxation is the outcome for one molecule.
type relaxation struct {
	drop, rmsd float64
	same       bool
}

// xtb relaxes molecules, as many at a time as there are threads.
func (r *run) byXTB(ctx context.Context) error {
	if r.XTB == 0 || len(r.relaxed) == 0 {
		return nil
	}
	program, err := xtb.Find()
	if err != nil {
		return err
	}
	x := &XTB{Tried: len(r.relaxed), Failed: map[string]int{}}
	var drops, rmsds []float64
	same := 0
	err = r.batches(ctx, "xtb", func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range r.relaxed {
			if !yield(m, nil) {
				return
			}
		}
	}, func(m *molecule.Molecule) (v verdict) {
		found, err := r.relax(ctx, program, m)
		if err != nil {
			v.fault = err.Error()
		}
		v.relaxation = found
		return v
	}, func(_ *molecule.Molecule, v verdict) bool {
		if v.fault != "" {
			x.Failed[v.fault]++
			return true
		}
		drops, rmsds = append(drops, v.relaxation.drop), append(rmsds, v.relaxation.rmsd)
		same += one(v.relaxation.same)
		return true
	})
	x.Survives, x.Drop, x.RMSD = share(same, len(drops)), summarise(drops), summarise(rmsds)
	r.e.XTB = x
	return err
}

// relax runs xtb. Unpaired electrons are 0, and by EDM's rule for QM9 the charge too: the molecules
// are stable, so each atom has its valence.
func (r *run) relax(ctx context.Context, program xtb.Program,
	m *molecule.Molecule) (found relaxation, err error) {
	charge, bonds := 0, (*molecule.Molecule).Bonds
	if r.rule == molecule.GEOMRule {
		charge = m.Charge()
		bonds = func(m *molecule.Molecule) []molecule.Bond { return pairs(m.Lewis(charge).Bonds) }
	}
	minimum, err := program.Relax(ctx, m, charge, 0, xtbLimit)
	if err != nil {
		return found, err
	}
	return relaxation{minimum.Drop, superposed(m.Positions, minimum.Molecule.Positions),
		slices.Equal(bonds(m), bonds(minimum.Molecule))}, nil
}

// pairs are bonds without their orders: a Kekulé structure may turn into another.
func pairs(bonds []molecule.Bond) []molecule.Bond {
	for k := range bonds {
		bonds[k].Order = 1
	}
	return bonds
}

// superposed is the root mean square distance of two structures after the best rotation and shift
// (Kabsch 1976).
func superposed(a, b [][3]float64) float64 {
	n := len(a)
	x, y := centred(a), centred(b)
	var h mat.Dense
	h.Mul(x.T(), y)
	var svd mat.SVD
	if !svd.Factorize(&h, mat.SVDThin) {
		return math.NaN()
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	s := svd.Values(nil)
	var rotation mat.Dense
	rotation.Mul(&v, u.T())
	if mat.Det(&rotation) < 0 { // a rotation, not a reflection
		s[2] = -s[2]
	}
	sum := mat.Dot(mat.NewVecDense(3*n, x.RawMatrix().Data),
		mat.NewVecDense(3*n, x.RawMatrix().Data)) + mat.Dot(mat.NewVecDense(3*n, y.RawMatrix().Data),
		mat.NewVecDense(3*n, y.RawMatrix().Data))
	return math.Sqrt(max(0, sum-2*(s[0]+s[1]+s[2])) / float64(n))
}

// centred is the matrix (N, 3) of positions with zero mean.
func centred(p [][3]float64) *mat.Dense {
	x := mat.NewDense(len(p), 3, nil)
	for k := range 3 {
		mean := 0.0
		for i := range p {
			mean += p[i][k] / float64(len(p))
		}
		for i := range p {
			x.Set(i, k, p[i][k]-mean)
		}
	}
	return x
}

func (e *Evaluation) xtbSection() report.Section {
	x := e.XTB
	s := report.Section{
		Title: "Relaxation by GFN2-xTB", Head: []string{"", "value", "95 % interval", "molecules"},
		Rows: [][]string{
			{"same bonds afterwards, %", percent(x.Survives), fmt.Sprintf("%.1f to %.1f", 100*x.Survives.Interval[0],
				100*x.Survives.Interval[1]), fmt.Sprint(x.Survives.Of)},
			{"energy drop, median, kcal/mol", fmt.Sprintf("%.1f", x.Drop.Median),
				fmt.Sprintf("%.1f to %.1f", x.Drop.MedianInterval[0], x.Drop.MedianInterval[1]), fmt.Sprint(x.Drop.Number)},
			{"RMSD, median, Å", fmt.Sprintf("%.3f", x.RMSD.Median), fmt.Sprintf("%.3f to %.3f", x.RMSD.MedianInterval[0],
				x.RMSD.MedianInterval[1]), fmt.Sprint(x.RMSD.Number)},
		},
		Notes: []string{fmt.Sprintf("Of %d stable, connected molecules.", x.Tried)},
	}
	for _, reason := range slices.Sorted(maps.Keys(x.Failed)) {
		s.Notes = append(s.Notes, fmt.Sprintf("%d without a value: %s", x.Failed[reason], reason))
	}
	return s
}
