//go:build js && wasm

package main

import (
	"errors"
	"slices"
	"strconv"
	"syscall/js"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/sampler"
)

// options reads the settings of a run:
//
//	seed text, first, n, atoms                 n molecules of the same settings, from the first on
//	method text, start, steps                  empty, 0 and 0: as sampler.Options.Usual has it
//	noiseScale number                          of the noise of every step
//	gamma, gammaOrder text                     empty: the model's own
//	turn nine numbers, couple boolean          or turn none
//	branches [{step, seed text}]
//	properties {name: value}, propertyGuidance number
//	freeTypes boolean                          also where the network could be given the types
//	formula text, keep {elements, positions}   or none; resample 0: as sampler.Options.Usual has it
//	from {elements, positions}                 or none: what all n start from, noised to start
func options(o js.Value) (sampler.Options, error) {
	seed, err := parseSeed("seed", o.Get("seed"))
	if err != nil {
		return sampler.Options{}, err
	}
	s := sampler.Options{
		Seed:       seed,
		First:      o.Get("first").Int(),
		Steps:      o.Get("steps").Int(),
		Start:      o.Get("start").Int(),
		Method:     sampler.Method(o.Get("method").String()),
		Gamma:      o.Get("gamma").String(),
		GammaOrder: o.Get("gammaOrder").String(),
		Resample:   o.Get("resample").Int(),
		NoiseScale: o.Get("noiseScale").Float(),
		FreeTypes:  o.Get("freeTypes").Bool(),
	}
	s.Values, s.Guidance = map[string]float64{}, o.Get("propertyGuidance").Float()
	properties := o.Get("properties")
	names := js.Global().Get("Object").Call("keys", properties)
	for i := range names.Length() {
		name := names.Index(i).String()
		s.Values[name] = properties.Get(name).Float()
	}
	if turn := o.Get("turn"); turn.Truthy() {
		s.Turn, s.Uncoupled = new(o3.Matrix), !o.Get("couple").Bool()
		if turn.Length() != 9 {
			return s, errors.New("turn: " + strconv.Itoa(turn.Length()) + " numbers, want 9")
		}
		for i := range 9 {
			s.Turn[i/3][i%3] = turn.Index(i).Float()
		}
	}
	branches := o.Get("branches")
	for i := range branches.Length() {
		b := branches.Index(i)
		seed, err := parseSeed("seed of a branch", b.Get("seed"))
		if err != nil {
			return s, err
		}
		s.Branches = append(s.Branches, sampler.Branch{Step: b.Get("step").Int(), Seed: seed})
	}
	if keep := o.Get("keep"); keep.Truthy() {
		s.Known = &sampler.Known{}
		if s.Known.Elements, s.Known.Positions, err = givenAtoms("keep", keep); err != nil {
			return s, err
		}
	}
	if formula := o.Get("formula").String(); formula != "" {
		if s.Composition, err = molecule.ParseFormula(formula); err != nil {
			return s, err
		}
	}
	n, atoms := o.Get("n").Int(), o.Get("atoms").Int()
	if n < 1 || n > maxBatch {
		return s, errors.New("n: " + strconv.Itoa(n) + " molecules at a time, want 1 to " + strconv.Itoa(maxBatch))
	}
	s.Atoms = make([]int, n)
	for i := range s.Atoms {
		s.Atoms[i] = atoms
	}
	if from := o.Get("from"); from.Truthy() {
		if s.Start == 0 {
			return s, errors.New("from: want start with it, the time to which its atoms are noised")
		}
		m := &molecule.Molecule{}
		if m.Elements, m.Positions, err = givenAtoms("from", from); err != nil {
			return s, err
		}
		s.From = slices.Repeat([]*molecule.Molecule{m}, n)
	}
	return s, nil
}

// maxBatch bounds the memory of a run.
const maxBatch = 256

func parseSeed(name string, v js.Value) (uint64, error) {
	seed, err := strconv.ParseUint(v.String(), 10, 64)
	if err != nil {
		return 0, errors.New(name + ": expected a whole number below 2^64, have " + strconv.Quote(v.String()))
	}
	return seed, nil
}

// givenAtoms reads the atoms of keep or from.
func givenAtoms(name string, v js.Value) (types []molecule.Element, places [][3]float64, err error) {
	elements, positions := v.Get("elements"), v.Get("positions")
	if n := elements.Length(); n == 0 || positions.Length() != 3*n {
		return nil, nil, errors.New(name + ": " + strconv.Itoa(n) + " elements and " + strconv.Itoa(positions.Length()) + " coordinates")
	}
	for i := range elements.Length() {
		e, ok := molecule.ParseElement(elements.Index(i).String())
		if !ok {
			return nil, nil, errors.New(name + ": unknown element " + strconv.Quote(elements.Index(i).String()))
		}
		types = append(types, e)
		places = append(places, [3]float64{positions.Index(3 * i).Float(), positions.Index(3*i + 1).Float(), positions.Index(3*i + 2).Float()})
	}
	return types, places, nil
}
