package sampler

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// types are the elements of every molecule of the batch, where the network is
// conditioned on them (see encoding.TypesName) and Joint is not asked for: those of
// Formula, those of From, or a composition drawn from the training data's, of Atoms
// atoms. Those of Fragment come first. nil: they are sampled with the positions.
func (o *Options) types(meta encoding.Meta) (types [][]molecule.Element, err error) {
	if o.Formula != "" && (!meta.CompositionConditional() || o.Joint) {
		return nil, bad("formula", o.Formula,
			"want a model that is conditioned on compositions, and not joint")
	}
	if o.Fragment != nil && !meta.Fragments {
		return nil, bad("fragment", "", "want a model that is conditioned on fragments")
	}
	if !meta.CompositionConditional() || o.Joint {
		return nil, nil
	}
	switch {
	case len(o.From) > 0:
		for i := range o.N {
			types = append(types, o.from(i).Elements)
		}
		return types, nil
	case o.Formula != "":
		return o.typesOfFormula(meta)
	case len(meta.Compositions) > 0:
		return o.drawTypes(meta.Compositions, nil)
	case o.Fragment != nil:
		return nil, bad("fragment", "",
			"want formula with it: the weights file has no compositions to draw from")
	}
	return nil, nil
}

// typesOfFormula are the elements of Formula, those of Fragment first. To a model of united atoms a
// formula of elements stands for the compositions of the training data that have it, and, as often as
// one more molecule of theirs, for any others (see uniting). Where the fragment is all of it but
// hydrogens, its geometry decides (molecule.Saturate).
func (o *Options) typesOfFormula(meta encoding.Meta) (types [][]molecule.Element, err error) {
	elements, err := molecule.ParseFormula(o.Formula)
	if err != nil {
		return nil, bad("formula", "", err.Error())
	}
	if n := molecule.CountApart(elements); o.Atoms != 0 && o.Atoms != n {
		return nil, bad("atoms", strconv.Itoa(o.Atoms),
			"the formula "+o.Formula+" has "+strconv.Itoa(n))
	}
	if meta.United() && !molecule.IsUnited(elements) {
		list := meta.CompositionsOf(elements)
		other, missing := o.newUniting(meta, elements)
		switch {
		case missing != 0:
			return nil, bad("formula", o.Formula, "it has fewer "+missing.Symbol()+" than the fragment")
		case other == nil && len(list) == 0:
			return nil, bad("formula", o.Formula, "the model's "+strings.Join(meta.Elements, " ")+
				" do not add up to it: want another, or united atoms such as [CH3]2[OH]")
		}
		if other != nil && len(other.atoms) == o.fixedAtoms() { // hydrogens alone are left
			if whole, ok := o.Fragment.Saturate(other.hydrogens); ok {
				return slices.Repeat([][]molecule.Element{whole}, o.N), nil
			}
		}
		return o.drawTypes(list, other)
	}
	for i := range o.N {
		whole, missing := o.arranged(elements, i)
		if missing != 0 {
			return nil, bad("formula", o.Formula, "it has fewer "+missing.Symbol()+" than the fragment")
		}
		types = append(types, whole)
	}
	return types, nil
}

// arranged is a composition with the elements of the fragment first, in molecule i of the batch.
// missing is one that it has too few of. The united atoms of a fragment may have more hydrogens in
// the molecule, as many as there is room for: which of those that fit they are is drawn.
func (o *Options) arranged(composition []molecule.Element,
	i int) (whole []molecule.Element, missing molecule.Element) {
	if o.Fragment == nil {
		return composition, 0
	}
	f := o.fixed()
	if missing = f.unmatched(0, composition); missing != 0 {
		return nil, missing
	}
	left := slices.Clone(composition)
	stream := rng.New(o.Seed, uint32(o.First+i), rng.Size, 1)
	for a := range f.elements {
		var fit []int
		for k, e := range left {
			if f.fits(a, e) && f.unmatched(a+1, slices.Delete(slices.Clone(left), k, k+1)) == 0 {
				fit = append(fit, k)
				if !molecule.IsUnited(composition) {
					break // the others are the same
				}
			}
		}
		k := fit[int(stream.Float64()*float64(len(fit)))]
		whole = append(whole, left[k])
		left = slices.Delete(left, k, k+1)
	}
	return append(whole, left...), 0
}

// fixed are the atoms of the fragment, each with room for so many hydrogens.
type fixed struct {
	elements []molecule.Element
	rooms    []int
}

func (o *Options) fixed() *fixed {
	f := &fixed{rooms: o.rooms}
	if o.Fragment != nil {
		f.elements = o.Fragment.Elements
	}
	if f.rooms == nil {
		f.rooms = slices.Repeat([]int{molecule.MostHydrogens}, len(f.elements))
	}
	return f
}

// fits tells whether atom a can be e in the molecule.
func (f *fixed) fits(a int, e molecule.Element) bool {
	heavy, least := f.elements[a].Split()
	same, n := e.Split()
	return heavy == same && least <= n && n <= f.rooms[a]
}

// unmatched gives each atom of the fragment from index from on one of elements, each once.
// It returns the first atom that gets none, 0 if all get one.
func (f *fixed) unmatched(from int, elements []molecule.Element) molecule.Element {
	if from == len(f.elements) {
		return 0
	}
	found := make([]bool, len(f.elements))
	for hydrogens := range molecule.MostHydrogens + 1 { // those with fewest first
		for _, e := range elements { // are the atoms with the least room
			_, n := e.Split()
			best := -1
			for a := from; n == hydrogens && a < len(found); a++ {
				if !found[a] && f.fits(a, e) && (best < 0 || f.rooms[a] < f.rooms[best]) {
					best = a
				}
			}
			if best >= 0 {
				found[best] = true
			}
		}
	}
	for a := from; a < len(found); a++ {
		if !found[a] {
			return f.elements[a]
		}
	}
	return 0
}

// composition is one of the training data.
type composition struct {
	elements  []molecule.Element
	molecules int
}

// uniting draws united atoms of a formula of elements. The hydrogens of each atom are drawn as often as
// the training data have them at atoms of its element, given that of all.
type uniting struct {
	atoms     []molecule.Element                    // those of the fragment first
	shares    [][molecule.MostHydrogens + 1]float64 // of atom i with n hydrogens, in proportion
	chance    [][]float64                           // [i][h], in proportion, that atoms i, i+1 ... have h
	hydrogens int
}

// newUniting prepares that of a formula. missing is an element that it has fewer of than the fragment;
// nil where the formula cannot be united.
func (o *Options) newUniting(meta encoding.Meta, formula []molecule.Element) (_ *uniting, missing molecule.Element) {
	f := o.fixed()
	u := &uniting{}
	var left []molecule.Element
	for _, e := range formula {
		if e == molecule.H {
			u.hydrogens++
		} else {
			left = append(left, e)
		}
	}
	for _, e := range f.elements {
		heavy, _ := e.Split()
		k := slices.Index(left, heavy)
		if k < 0 {
			return nil, heavy
		}
		left = slices.Delete(left, k, k+1)
		u.atoms = append(u.atoms, heavy)
	}
	u.atoms = append(u.atoms, left...)
	counts := meta.UnitedCounts(len(u.atoms))
	u.shares = make([][molecule.MostHydrogens + 1]float64, len(u.atoms))
	u.chance = make([][]float64, len(u.atoms)+1)
	for i := range u.chance {
		u.chance[i] = make([]float64, u.hydrogens+1)
	}
	u.chance[len(u.atoms)][0] = 1
	for i := len(u.atoms) - 1; i >= 0; i-- {
		shares, sum := &u.shares[i], 0.0
		for n := range shares {
			united, ok := molecule.Unite(u.atoms[i], n)
			if ok && (i >= len(f.elements) || f.fits(i, united)) {
				shares[n] = float64(counts[united])
				sum += shares[n]
			}
		}
		for h := range u.chance[i] {
			for n := range shares {
				u.chance[i][h] += u.weight(i, n, h) / max(sum, 1)
			}
		}
	}
	if u.chance[0][u.hydrogens] == 0 {
		return nil, 0
	}
	return u, 0
}

// weight is that of atom i with n hydrogens, where atoms from i on have h.
func (u *uniting) weight(i, n, h int) float64 {
	if n > h {
		return 0
	}
	return float64(u.shares[i][n] * u.chance[i+1][h-n]) // rounded, so that no machine fuses it with a sum
}

// pick draws k as often as weights, of which one at least is above 0, have it.
func pick(stream *rng.Stream, weights []float64) (k int) {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	left := stream.Float64() * sum
	for i, w := range weights {
		if w > 0 {
			k = i
			if left -= w; left < 0 {
				break
			}
		}
	}
	return k
}

// draw draws what the atoms are.
func (u *uniting) draw(stream *rng.Stream) (atoms []molecule.Element) {
	h := u.hydrogens
	for i, heavy := range u.atoms {
		var weights [molecule.MostHydrogens + 1]float64
		for n := range weights {
			weights[n] = u.weight(i, n, h)
		}
		n := pick(stream, weights[:])
		united, _ := molecule.Unite(heavy, n)
		atoms, h = append(atoms, united), h-n
	}
	return atoms
}

// drawTypes draws a composition for each molecule, as often as the training data have it, of those that
// have room for the fragment and more; and from other, unless it is nil, once for one molecule more.
func (o *Options) drawTypes(all []encoding.Composition, other *uniting) (types [][]molecule.Element, err error) {
	var list []composition
	fixed := o.fixed()
	for _, c := range all {
		elements, err := c.Elements()
		if err != nil {
			return nil, errors.New("sampler: metadata compositions: " + err.Error())
		}
		if fixed.unmatched(0, elements) == 0 {
			list = append(list, composition{elements, c.Molecules})
		}
	}
	for i := range o.N {
		elements, err := o.drawComposition(list, other, i)
		if err != nil {
			return nil, err
		}
		types = append(types, elements)
	}
	return types, nil
}

// drawComposition draws that of molecule i of the batch.
func (o *Options) drawComposition(list []composition, other *uniting, i int) ([]molecule.Element, error) {
	n := o.size(i)
	fits := func(c composition) bool {
		return n == 0 && (o.Formula != "" || len(c.elements) > o.fixedAtoms()) || n == molecule.CountApart(c.elements)
	}
	weights := make([]float64, len(list)+1)
	for k, c := range list {
		if fits(c) {
			weights[k] = float64(c.molecules)
		}
	}
	if other != nil {
		weights[len(list)] = 1
	}
	stream := rng.New(o.Seed, uint32(o.First+i), rng.Size, 0)
	switch k := pick(&stream, weights); {
	case weights[k] == 0: // there is none
	case k < len(list):
		whole, _ := o.arranged(list[k].elements, i)
		return whole, nil
	default:
		stream = rng.New(o.Seed, uint32(o.First+i), rng.Size, 2)
		return other.draw(&stream), nil
	}
	const none, cure = "no molecule of the model's training data has ", ": give a formula, or ask for joint"
	switch {
	case o.Formula != "":
		return nil, bad("fragment", "", "no composition of "+o.Formula+" in the weights file has its atoms and more")
	case n == 0:
		return nil, bad("fragment", "", none+"its atoms and more"+cure)
	}
	return nil, bad("atoms", strconv.Itoa(n), none+"so many"+cure)
}

// size is the number of atoms that is asked for of molecule i, 0 for any.
func (o *Options) size(i int) int {
	if o.sizes != nil {
		return o.sizes[i]
	}
	return o.Atoms
}

// drawSize draws the number of atoms of molecule i from the histogram of the
// training data, above that of the fragment.
func (o *Options) drawSize(h map[int]int, i int) (int, error) {
	if len(h) == 0 {
		return 0, bad("atoms", "",
			"want a number: the weights file has no histogram of sizes to draw from")
	}
	sizes := slices.Sorted(maps.Keys(h))
	weights := make([]float64, len(sizes))
	for k, n := range sizes {
		weights[k] = float64(h[n])
	}
	stream := rng.New(o.Seed, uint32(o.First+i), rng.Size, 0)
	n := sizes[pick(&stream, weights)]
	return n, fits(n)
}

// fits refuses a number of atoms of the histogram that cannot be made.
func fits(n int) error {
	if n > MaxAtoms {
		return bad("atoms", "",
			"want a number: the histogram of the weights file gives "+strconv.Itoa(n)+
				" atoms, at most "+strconv.Itoa(MaxAtoms)+" can be made")
	}
	return nil
}

// conditioned is the network under the properties that are asked for, and under
// the types where they are given. Guidance leads away from the network without the
// properties, but with the types: it would take clean types for noised ones.
func (o *Options) conditioned(net symmetrise.Network, typed bool) (symmetrise.Network, error) {
	values := map[string]float64{}
	for name, v := range o.Properties {
		values[name] = v
	}
	if typed {
		values[encoding.TypesName] = 0
	}
	net, err := symmetrise.Condition(net, values, float32(o.CFGWeight), encoding.TypesName)
	if err != nil {
		return nil, bad("properties", "", err.Error())
	}
	return net, nil
}

// setTypes keeps the clean features of the given types, those of fixed atoms marked.
func (s *Sampler) setTypes(types [][]molecule.Element) error {
	if types == nil {
		return nil
	}
	s.types = make([]float32, len(s.z))
	at := 0
	for _, elements := range types {
		for a, e := range elements {
			row := s.types[at : at+s.width]
			if err := s.meta.Encode(row, e, nil); err != nil {
				return bad("formula", "", "atom "+strconv.Itoa(a)+": "+err.Error())
			}
			if a < s.fixed {
				encoding.MarkFixed(row[3:])
			}
			at += s.width
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
