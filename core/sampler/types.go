package sampler

import (
	"errors"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
)

// giveTypes decides the types of the atoms of every molecule where the network
// takes them (see model.TypesName) and they are not left free: those of the
// composition that is asked for, those of the molecules that the run starts from,
// or a composition drawn from the training set's, of the number of atoms that is
// asked for and with the part that is kept, which comes first. nil: they are
// sampled.
func (o *Options) giveTypes(meta model.Meta) (types [][]molecule.Element, err error) {
	if _, ok := o.Values[model.TypesName]; ok {
		return nil, errors.New("sampler: " + model.TypesName + " is no value: a composition gives them")
	}
	if !meta.TakesTypes() || o.FreeTypes || len(o.Composition) == 0 && o.From == nil && len(meta.Compositions) == 0 {
		return nil, nil
	}
	part := o.Known
	if part == nil {
		part = &Known{}
	}
	list := compositions{}
	if len(o.Composition) == 0 && o.From == nil {
		if list, err = newCompositions(meta.Compositions, part); err != nil {
			return nil, err
		}
	}
	o.Atoms = slices.Clone(o.Atoms)
	for i := range max(len(o.Atoms), len(o.From)) {
		composition := o.Composition
		switch {
		case len(composition) > 0:
		case o.From != nil:
			types = append(types, o.From[i].Elements)
			continue
		default:
			if composition, err = list.draw(o.Atoms[i], o.Known.size(), o.Seed, uint32(o.First+i)); err != nil {
				return nil, err
			}
		}
		if err := o.fill(i, composition); err != nil {
			return nil, err
		}
		whole := Known{Elements: slices.Clone(part.Elements)}
		if err := whole.Complete(composition); err != nil {
			return nil, err
		}
		types = append(types, whole.Elements)
	}
	if len(part.Positions) == 0 && (o.Known != nil || len(o.Composition) > 0) {
		o.Known, o.Resample = nil, 0 // they are given in full
	}
	o.Values = joined(o.Values, map[string]float64{model.TypesName: 0})
	return types, nil
}

// compositions are those of the training set with a part, by formula.
type compositions []struct {
	elements []molecule.Element
	count    int
}

func newCompositions(all []model.Composition, part *Known) (list compositions, err error) {
	for _, c := range all {
		elements, err := molecule.ParseFormula(c.Formula)
		if err != nil {
			return nil, errors.New("sampler: metadata compositions: " + err.Error())
		}
		whole := Known{Elements: slices.Clone(part.Elements)}
		if whole.Complete(elements) != nil {
			continue // no room for the part
		}
		list = append(list, struct {
			elements []molecule.Element
			count    int
		}{elements, c.Molecules})
	}
	return list, nil
}

// draw draws a composition of n atoms, 0: of any number above those of the part, for a molecule of a seed.
func (c compositions) draw(n, part int, seed uint64, index uint32) ([]molecule.Element, error) {
	fits := func(k int) bool { return k == n || n == 0 && k > part }
	total := 0
	for _, k := range c {
		if fits(len(k.elements)) {
			total += k.count
		}
	}
	stream := rng.New(seed, index, rng.Size, 0)
	left := stream.Float64() * float64(total)
	for _, k := range c {
		if !fits(len(k.elements)) {
			continue
		}
		if left -= float64(k.count); left < 0 {
			return k.elements, nil
		}
	}
	what := ""
	if n != 0 {
		what = " of " + strconv.Itoa(n) + " atoms"
	}
	return nil, errors.New("sampler: the weights file knows no composition" + what + " that fits: give one, or leave the types free")
}

// setTypes keeps the clean features of the given types.
func (s *Sampler) setTypes(types [][]molecule.Element) error {
	if types == nil {
		return nil
	}
	s.types = make([]float32, len(s.z))
	at := 0
	for _, elements := range types {
		for a, e := range elements {
			if err := s.meta.Encode(s.types[at:at+s.width], e, nil); err != nil {
				return errors.New("sampler: atom " + strconv.Itoa(a) + ": " + err.Error())
			}
			at += s.width
		}
	}
	if !s.fixed {
		return nil
	}
	for i := range s.sizes {
		part := s.part(s.types, i)
		for a := range s.placed {
			model.MarkPart(part[a*s.width+3 : (a+1)*s.width])
		}
	}
	return nil
}

// giveTo sets the features of rows like z to those of the given types, if any.
func (s *Sampler) giveTo(rows []float32) {
	for i := 0; i < len(s.types); i += s.width {
		copy(rows[i+3:i+s.width], s.types[i+3:i+s.width])
	}
}
