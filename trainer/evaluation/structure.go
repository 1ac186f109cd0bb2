package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Structure compares what a chemist counts (molecule.Features) with the held-out molecules of the
// reference. A floor is the same of the training set against the reference: what a perfect sampler
// of the training set would have.
type Structure struct {
	Families []Family `json:"families"`
	// Frechet is the Fréchet distance of Gaussians fitted to descriptors of the molecules, squared as
	// it is in FID,
	//
	//	|m1-m2|² + tr(S1 + S2 - 2·(S1·S2)^½),
	//
	// a stand-in for the Fréchet ChemNet distance (Preuer et al. 2018), whose network is not at
	// hand. The descriptors are the number of atoms and the counts of molecule.Features that one in
	// two hundred reference molecules has, each divided by its standard deviation in the reference.
	Frechet      float64  `json:"frechet"`
	FrechetFloor *float64 `json:"frechet_floor,omitempty"`
}

// Family is bonds, rings or groups.
type Family struct {
	Name    string   `json:"name"`
	JS      float64  `json:"jensen_shannon"` // bits, of the shares of the features in the family
	FloorJS *float64 `json:"jensen_shannon_floor,omitempty"`
	Rows    []Count  `json:"features"`
}

// Count is how many of a feature a molecule has, in the mean.
type Count struct {
	Name        string   `json:"name"`
	PerMolecule float64  `json:"per_molecule"`
	Reference   float64  `json:"reference"`
	Floor       *float64 `json:"floor,omitempty"` // of the training set
}

// families are the parts of molecule.Features, in the order of a report.
var families = []struct {
	name string
	part func(molecule.Features) map[string]int
}{
	{"bonds", func(f molecule.Features) map[string]int { return f.Bonds }},
	{"rings", func(f molecule.Features) map[string]int { return f.Rings }},
	{"functional groups", func(f molecule.Features) map[string]int { return f.Groups }},
}

// feature names a count of a family.
type feature struct {
	family int
	name   string
}

// structures are the counts of a set of molecules.
type structures struct {
	molecules []map[feature]int
	totals    map[feature]int
	having    map[feature]int // molecules that have one
	sizes     []float64       // numbers of atoms
}

func newStructures() *structures {
	return &structures{totals: map[feature]int{}, having: map[feature]int{}}
}

func (s *structures) add(atoms int, f molecule.Features) {
	counts := map[feature]int{}
	for k, family := range families {
		for name, n := range family.part(f) {
			counts[feature{k, name}] = n
			s.totals[feature{k, name}] += n
			s.having[feature{k, name}]++
		}
	}
	s.molecules, s.sizes = append(s.molecules, counts), append(s.sizes, float64(atoms))
}

func (s *structures) mean(f feature) float64 {
	return float64(s.totals[f]) / float64(max(1, len(s.molecules)))
}

// leastHaving is the share of reference molecules that must have a feature for it to be listed.
const leastHaving = 1. / 200

// compareStructures compares a set with a reference; floor is the training set, or nil.
func compareStructures(set, reference, floor *structures) *Structure {
	if len(set.molecules) < 2 || len(reference.molecules) < 2 {
		return nil
	}
	if floor != nil && len(floor.molecules) < 2 {
		floor = nil
	}
	var listed []feature
	for f, n := range reference.having {
		if float64(n) >= leastHaving*float64(len(reference.molecules)) {
			listed = append(listed, f)
		}
	}
	slices.SortFunc(listed, func(a, b feature) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(reference.totals[b],
			reference.totals[a]), cmp.Compare(a.name, b.name))
	})
	s := &Structure{}
	for k, family := range families {
		f := Family{Name: family.name, JS: familyJS(k, set, reference)}
		if floor != nil {
			js := familyJS(k, floor, reference)
			f.FloorJS = &js
		}
		for _, of := range listed {
			if of.family != k {
				continue
			}
			c := Count{Name: of.name, PerMolecule: set.mean(of), Reference: reference.mean(of)}
			if floor != nil {
				mean := floor.mean(of)
				c.Floor = &mean
			}
			f.Rows = append(f.Rows, c)
		}
		s.Families = append(s.Families, f)
	}
	d := newDescriptors(listed, reference)
	s.Frechet = frechet(d.of(set), d.of(reference))
	if floor != nil {
		v := frechet(d.of(floor), d.of(reference))
		s.FrechetFloor = &v
	}
	return s
}

// familyJS is the Jensen-Shannon divergence of the shares of a family's features.
func familyJS(family int, a, b *structures) float64 {
	names := map[feature]bool{}
	for _, s := range []*structures{a, b} {
		for f := range s.totals {
			if f.family == family {
				names[f] = true
			}
		}
	}
	p, q := &Histogram{Width: 1}, &Histogram{Width: 1}
	order := slices.SortedFunc(maps.Keys(names),
		func(x, y feature) int { return cmp.Compare(x.name, y.name) })
	for _, f := range order {
		x, y := float64(a.totals[f]), float64(b.totals[f])
		p.Counts, q.Counts = append(p.Counts, x), append(q.Counts, y)
		p.Total, q.Total = p.Total+x, q.Total+y
	}
	if p.Total == 0 || q.Total == 0 {
		if p.Total == q.Total {
			return 0
		}
		return 1
	}
	return jensenShannon(p, q)
}

// descriptors turn a molecule into numbers of variance one in the reference.
type descriptors struct {
	listed []feature
	scale  []float64
}

func newDescriptors(listed []feature, reference *structures) descriptors {
	d := descriptors{listed, make([]float64, 1+len(listed))}
	for i := range d.scale {
		d.scale[i] = 1
	}
	x := d.of(reference)
	for i := range d.scale {
		if std := stat.StdDev(mat.Col(nil, i, x), nil); std > 0 {
			d.scale[i] = 1 / std
		}
	}
	return d
}

// of is the matrix (molecules, descriptors).
func (d descriptors) of(s *structures) *mat.Dense {
	x := mat.NewDense(len(s.molecules), len(d.scale), nil)
	for i, counts := range s.molecules {
		x.Set(i, 0, s.sizes[i]*d.scale[0])
		for k, f := range d.listed {
			x.Set(i, k+1, float64(counts[f])*d.scale[k+1])
		}
	}
	return x
}

// frechet is the squared Fréchet distance of the Gaussians of two sets of rows.
func frechet(x, y *mat.Dense) float64 {
	_, n := x.Dims()
	var sx, sy mat.SymDense
	stat.CovarianceMatrix(&sx, x, nil)
	stat.CovarianceMatrix(&sy, y, nil)
	d := 0.0
	for i := range n {
		diff := stat.Mean(mat.Col(nil, i, x), nil) - stat.Mean(mat.Col(nil, i, y), nil)
		d += diff*diff + sx.At(i, i) + sy.At(i, i)
	}
	root := symRoot(&sx)
	var product mat.Dense
	product.Mul(root, &sy)
	product.Mul(&product, root)
	middle := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			middle.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
	}
	return max(0, d-2*mat.Trace(symRoot(middle)))
}

// symRoot is the square root of a positive semi-definite matrix.
func symRoot(a *mat.SymDense) *mat.Dense {
	n := a.SymmetricDim()
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		return mat.NewDense(n, n, slices.Repeat([]float64{math.NaN()}, n*n))
	}
	var v, r mat.Dense
	e.VectorsTo(&v)
	r.Apply(func(_, j int, x float64) float64 { return x * math.Sqrt(max(0, e.Values(nil)[j])) }, &v)
	r.Mul(&r, v.T())
	return &r
}

func (e *Evaluation) structureSections() (list []report.Section) {
	for _, f := range e.Structure.Families {
		s := report.Section{
			Title: fmt.Sprintf("%s per molecule, against %s", capital(f.Name), e.Reference),
			Head:  []string{"", "these", "reference", "floor"},
			Notes: []string{fmt.Sprintf("Jensen-Shannon divergence of the shares: %.4f bits, floor %s.", f.JS,
				optional(f.FloorJS, "%.4f"))},
		}
		for _, c := range f.Rows {
			s.Rows = append(s.Rows, []string{c.Name, fmt.Sprintf("%.3f", c.PerMolecule),
				fmt.Sprintf("%.3f", c.Reference), optional(c.Floor, "%.3f")})
		}
		list = append(list, s)
	}
	last := &list[len(list)-1]
	last.Notes = append(last.Notes, fmt.Sprintf(
		"Fréchet distance of descriptors (sizes, bonds, rings, groups): %.3f, floor %s. Floor: the training set "+
			"against the reference.",
		e.Structure.Frechet, optional(e.Structure.FrechetFloor, "%.3f")))
	return list
}

func capital(s string) string { return string(s[0]-'a'+'A') + s[1:] }

func optional(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
