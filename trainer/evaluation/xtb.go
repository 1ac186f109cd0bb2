package evaluation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/report"
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

// errNoXTB says that the program is missing.
var errNoXTB = errors.New("the program xtb is not installed (Debian: apt-get install xtb)")

const (
	xtbLimit   = 2 * time.Minute // of one molecule
	perHartree = 627.5094740631  // kcal/mol
)

// relaxation is the outcome for one molecule.
type relaxation struct {
	drop, rmsd float64
	same       bool
}

// xtb relaxes molecules, as many at a time as there are threads.
func (r *run) xtb(ctx context.Context) error {
	if r.XTB == 0 || len(r.relaxed) == 0 {
		return nil
	}
	program, err := exec.LookPath("xtb")
	if err != nil {
		return errNoXTB
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

var (
	firstEnergy = regexp.MustCompile(`:: total energy\s+(-?\d+\.\d+) Eh`)
	lastEnergy  = regexp.MustCompile(`energy: (-?\d+\.\d+)`)
)

// relax runs xtb in a folder of its own. Unpaired electrons are 0, and by EDM's rule for QM9 the
// charge too: the molecules are stable, so each atom has its valence.
func (r *run) relax(ctx context.Context, program string, m *molecule.Molecule) (found relaxation, err error) {
	dir, err := os.MkdirTemp("", "symdiff-xtb-*")
	if err != nil {
		return found, err
	}
	defer os.RemoveAll(dir)
	var text bytes.Buffer
	if err := molecule.WriteXYZ(&text, &molecule.Molecule{Elements: m.Elements, Positions: m.Positions}); err != nil {
		return found, err
	}
	if err := os.WriteFile(filepath.Join(dir, "in.xyz"), text.Bytes(), 0o666); err != nil {
		return found, err
	}
	limited, cancel := context.WithTimeout(ctx, xtbLimit)
	defer cancel()
	charge, bonds := 0, (*molecule.Molecule).Bonds
	if r.rule == molecule.GEOMRule {
		charge = m.Charge()
		bonds = func(m *molecule.Molecule) []molecule.Bond { return pairs(m.Lewis(charge).Bonds) }
	}
	cmd := exec.CommandContext(limited, program, "in.xyz", "--opt", "normal", "--chrg", strconv.Itoa(charge))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "OMP_NUM_THREADS=1")
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return found, ctx.Err()
	case limited.Err() != nil:
		return found, fmt.Errorf("no minimum in %v", xtbLimit)
	case err != nil:
		return found, errors.New("xtb found no minimum")
	}
	relaxed, last, err := readRelaxed(filepath.Join(dir, "xtbopt.xyz"), m)
	if err != nil {
		return found, err
	}
	first := firstEnergy.FindSubmatch(out)
	if first == nil {
		return found, errors.New("xtb printed no energy")
	}
	start, err := strconv.ParseFloat(string(first[1]), 64)
	if err != nil {
		return found, err
	}
	return relaxation{(start - last) * perHartree, superposed(m.Positions, relaxed.Positions),
		slices.Equal(bonds(m), bonds(relaxed))}, nil
}

// pairs are bonds without their orders: a Kekulé structure may turn into another.
func pairs(bonds []molecule.Bond) []molecule.Bond {
	for k := range bonds {
		bonds[k].Order = 1
	}
	return bonds
}

// readRelaxed reads xtb's result; its comment line has the energy in Hartree.
func readRelaxed(file string, like *molecule.Molecule) (*molecule.Molecule, float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, errors.New("xtb wrote no structure")
	}
	match := lastEnergy.FindSubmatch(data)
	if match == nil {
		return nil, 0, errors.New("xtb wrote no energy")
	}
	energy, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		return nil, 0, err
	}
	for m, err := range molecule.ReadXYZ(bytes.NewReader(data), "xtb's structure") {
		if err != nil {
			return nil, 0, err
		}
		if !slices.Equal(m.Elements, like.Elements) {
			return nil, 0, errors.New("xtb wrote other atoms")
		}
		return m, energy, nil
	}
	return nil, 0, errors.New("xtb wrote no structure")
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
	sum := mat.Dot(mat.NewVecDense(3*n, x.RawMatrix().Data), mat.NewVecDense(3*n, x.RawMatrix().Data)) +
		mat.Dot(mat.NewVecDense(3*n, y.RawMatrix().Data), mat.NewVecDense(3*n, y.RawMatrix().Data))
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
