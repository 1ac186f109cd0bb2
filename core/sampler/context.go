package sampler

import (
	"errors"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// compose decides how the composition is kept. A network that was trained with
// compositions is given it among its values: any method will do, and most of the
// molecules have it. Any other is held to it by replacement (see Known): all
// molecules have it, and fewer are whole.
func (o *Options) compose(meta model.Meta) error {
	for name := range o.Values {
		if model.IsCount(name) {
			return errors.New("sampler: " + name + ": the composition is given as a whole")
		}
	}
	if len(o.Composition) == 0 {
		return nil
	}
	o.Atoms = slices.Clone(o.Atoms)
	for i := range o.Atoms {
		if err := o.fill(i, o.Composition); err != nil {
			return err
		}
	}
	whole := &Known{}
	if o.Known != nil {
		whole.Elements, whole.Positions = slices.Clone(o.Known.Elements), o.Known.Positions
	}
	if err := whole.Complete(o.Composition); err != nil {
		return err
	}
	if !meta.Composed() {
		o.Known = whole
		return nil
	}
	counts, err := meta.Counts(o.Composition)
	if err != nil {
		return errors.New("sampler: " + err.Error())
	}
	o.Values = joined(o.Values, counts)
	if o.Known == nil {
		o.Resample = 0
	}
	return nil
}

// fill gives molecule i the number of atoms of its composition, unless another one
// is asked for.
func (o *Options) fill(i int, composition []molecule.Element) error {
	if n := o.Atoms[i]; n != 0 && n != len(composition) {
		return errors.New("sampler: the composition has " + strconv.Itoa(len(composition)) + " atoms, asked for are " + strconv.Itoa(n))
	}
	o.Atoms[i] = len(composition)
	return nil
}

// joined holds the values of both.
func joined(a, b map[string]float64) map[string]float64 {
	all := map[string]float64{}
	for _, values := range []map[string]float64{a, b} {
		for name, v := range values {
			all[name] = v
		}
	}
	return all
}

// conditioned is the network under the values that are asked for. Guidance leads
// away from the network without them, but with the types where they are given: it
// would take clean types for noised ones.
func (o Options) conditioned(net symmetrise.Network) (symmetrise.Network, error) {
	if !(o.Guidance >= 0 && o.Guidance <= 100) {
		return nil, errors.New("sampler: guidance " + strconv.FormatFloat(o.Guidance, 'g', -1, 64) + ", want 0 to 100")
	}
	asked := len(o.Values)
	if _, given := o.Values[model.TypesName]; given {
		asked--
	}
	if o.Guidance > 0 && asked == 0 {
		return nil, errors.New("sampler: guidance without a value or a composition that the network takes")
	}
	net, err := symmetrise.Condition(net, o.Values, float32(o.Guidance), model.TypesName)
	if err != nil {
		return nil, errors.New("sampler: " + err.Error())
	}
	return net, nil
}

// targets tell of the molecules what was asked of the network, in the order of
// its context.
func (o Options) targets(meta model.Meta) (list []molecule.Property) {
	add := func(key, value string) { list = append(list, molecule.Property{Key: key, Value: value}) }
	for _, q := range meta.Context {
		if v, ok := o.Values[q.Name]; ok && !model.IsCount(q.Name) && q.Name != model.TypesName {
			add("target_"+q.Name, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	if _, given := o.Values[model.TypesName]; len(o.Composition) > 0 && (given || meta.Composed()) {
		add("target_formula", (&molecule.Molecule{Elements: o.Composition}).Formula())
	}
	if o.FreeTypes && meta.TakesTypes() {
		add("types", "free")
	}
	if o.Guidance > 0 {
		add("property_guidance", strconv.FormatFloat(o.Guidance, 'g', -1, 64))
	}
	return list
}
