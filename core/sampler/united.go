package sampler

import (
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// A model of united atoms (encoding.Meta.United) is given and makes atoms without their hydrogens. From
// and Fragment are united before, and hydrogens are added after (molecule.AddHydrogens): to the finished
// molecules, and where the types are given to the frames on the way too. The histogram counts united
// atoms, as Options.Atoms does with Joint.

// united has From and Fragment as the atoms of the model.
func (o Options) united(meta encoding.Meta) (_ Options, err error) {
	if !meta.United() {
		return o, nil
	}
	o.From = slices.Clone(o.From)
	for i, m := range o.From {
		if o.From[i], err = meta.Atoms(m); err != nil {
			return o, bad("from", "", "molecule "+strconv.Itoa(i)+": "+err.Error())
		}
	}
	if o.Fragment != nil {
		united, err := meta.Atoms(o.Fragment)
		if err != nil {
			return o, bad("fragment", "", err.Error())
		}
		if united != o.Fragment {
			o.Fragment, o.apart = united, o.Fragment
		}
		o.rooms = o.Fragment.RoomForHydrogens()
	}
	return o, nil
}

// Elements are those of frames, encoding.Meta.Apart of the model.
func (s *Sampler) Elements() []molecule.Element { return s.apart }

// Atoms is the number of atoms of molecule i in frames. Hydrogens of united atoms are among them where
// the types are given.
func (s *Sampler) Atoms(i int) int {
	if s.given == nil {
		return s.sizes[i]
	}
	return molecule.CountApart(s.given[i])
}

// unitedFrame is frame of united atoms, with their hydrogens where the types are given.
func (s *Sampler) unitedFrame(i int, z, positions, types []float32) {
	n, e, wide := s.sizes[i], len(s.elements), len(s.apart)
	at, scores := make([]float32, 3*n), make([]float32, n*e)
	s.frame(z, at, scores)
	clear(types)
	if s.given == nil {
		copy(positions, at)
		for a := 0; a < n && types != nil; a++ {
			for k, v := range scores[e*a : e*a+e] {
				heavy, _ := s.elements[k].Split()
				types[wide*a+slices.Index(s.apart, heavy)] += v
			}
		}
		return
	}
	m := &molecule.Molecule{Elements: slices.Clone(s.given[i])}
	for ; len(at) > 0; at = at[3:] {
		m.Positions = append(m.Positions, [3]float64{float64(at[0]), float64(at[1]), float64(at[2])})
	}
	m = s.whole(i, m)
	for a, element := range m.Elements {
		for k := 0; k < 3 && positions != nil; k++ {
			positions[3*a+k] = float32(m.Positions[a][k])
		}
		if types != nil {
			types[wide*a+slices.Index(s.apart, element)] = 1
		}
	}
}

// whole is m, molecule i of the atoms of the model, with its hydrogens. Those of the fragment are where
// they were given, so that its atoms come first, in their order; the others are placed by rule.
func (s *Sampler) whole(i int, m *molecule.Molecule) *molecule.Molecule {
	if f := s.o.apart; f != nil {
		whole := &molecule.Molecule{Elements: append(slices.Clip(f.Elements), m.Elements[s.fixed:]...),
			Positions: append(slices.Clip(f.Positions), m.Positions[s.fixed:]...)}
		n := 0 // of the fixed atoms of m so far
		for i, e := range f.Elements {
			if e == molecule.H {
				whole.Positions[i] = s.rotatedPosition(f.Positions[i])
				continue
			}
			_, given := s.o.Fragment.Elements[n].Split()
			heavy, all := m.Elements[n].Split()
			whole.Elements[i], _ = molecule.Unite(heavy, all-given)
			whole.Positions[i] = m.Positions[n]
			n++
		}
		m = whole
	}
	if !molecule.IsUnited(m.Elements) {
		return m
	}
	return s.withHydrogens(i, m)
}

// withHydrogens is molecule.AddHydrogens, symmetrised like a network: the rule is applied to m·R, R of the
// Haar measure, and R goes along with Rotate. For where it has a choice, as between the sides of a plane or
// the turns about the axis of a methyl group in propyne, it depends on the axes of space.
func (s *Sampler) withHydrogens(i int, m *molecule.Molecule) *molecule.Molecule {
	stream := rng.New(s.o.Seed, uint32(s.o.First+i), rng.Hydrogens, 0)
	r := o3.Haar(&stream)
	if h := s.o.Rotate; h != nil && !s.o.Uncoupled {
		r = h.T().Mul(r)
	}
	copied := &molecule.Molecule{Elements: m.Elements, Properties: m.Properties}
	for _, p := range m.Positions {
		copied.Positions = append(copied.Positions, turned(p, &r))
	}
	out, back := copied.AddHydrogens(), r.T()
	for a := range out.Positions {
		if a < len(m.Positions) {
			out.Positions[a] = m.Positions[a]
		} else {
			out.Positions[a] = turned(out.Positions[a], &back)
		}
	}
	return out
}
