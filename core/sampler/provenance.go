package sampler

import (
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Result is molecule i with what it takes to make it again and how it does:
//
//	seed, index              of the molecule, whose size is the number of atoms
//	steps, method, t_start   of the run, always
//	rho, noise_scale, joint, cfg_weight, gamma, rotate, uncoupled, branches
//	                         the other Options, where they are not the default
//	fragment, from           the numbers of fixed atoms, and of molecules to start from
//	target_NAME              value of each of the Properties
//	target_formula           Formula
//	                         then what the caller adds, such as the model
//	formula, stable, valid, connected
//	                         by the rule of the model's data set (see molecule.Molecule.Judge)
func (s *Sampler) Result(i int, more ...molecule.Property) *molecule.Molecule {
	m := s.Molecule(i)
	add := func(key, value string) {
		m.Properties = append(m.Properties, molecule.Property{Key: key, Value: value})
	}
	o := s.o
	add("seed", strconv.FormatUint(o.Seed, 10))
	add("index", strconv.Itoa(o.First+i))
	add("steps", strconv.Itoa(o.Steps))
	add("method", string(o.Method))
	add("t_start", strconv.Itoa(o.TStart))
	if o.NoiseScale == 1 {
		o.NoiseScale = 0 // the default
	}
	if o.apart != nil {
		o.Fragment = o.apart
	}
	told := []string{"seed", "first", "n", "atoms", "steps", "method", "t_start", "properties"}
	for _, f := range o.fields() {
		switch value := text(f.v); {
		case value == "" || slices.Contains(told, f.name):
		case f.name == "formula":
			elements, _ := molecule.ParseFormula(o.Formula)
			add("target_formula", (&molecule.Molecule{Elements: elements}).Formula())
		default:
			add(f.name, value)
		}
	}
	for _, q := range s.meta.Context {
		if v, ok := o.Properties[q.Name]; ok {
			add("target_"+q.Name, number(v))
		}
	}
	m.Properties = append(m.Properties, more...)
	v := m.Judge(s.meta.Rule())
	add("formula", m.Formula())
	add("stable", strconv.FormatBool(v.Stable()))
	add("valid", strconv.FormatBool(v.Valid))
	add("connected", strconv.FormatBool(v.Connected()))
	return m
}
