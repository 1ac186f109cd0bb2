// Package symdiff generates 3D molecules with trained diffusion models: the front
// door of the library.
//
//	m := symdiff.QM9()
//	for mol, err := range m.Generate(ctx, symdiff.Options{Seed: 7, N: 100}) {
//		...
//	}
//
// What most programs need is here. These packages are also meant to be imported:
//
//	molecule     atoms in space: files, bonds, stability, validity, uniqueness
//	symmetrise   makes any denoiser equivariant
//	sampler      the diffusion process, step by step
//	likelihood   how likely given molecules are to a model
//
// Everything is pure Go, runs natively and as WebAssembly, and gives the same bits
// everywhere: molecule i of a seed depends only on the seed, i, the options and the
// model.
package symdiff

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"sync"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
	"github.com/symdiff-go/symdiff/core/weights"
)

// Options says what to generate; the zero value of every field is its default.
type Options = sampler.Options

// Molecule is a set of atoms in space, positions in Å.
type Molecule = molecule.Molecule

// Report is what Evaluate finds: stability, validity and uniqueness.
type Report = molecule.Report

// Model is a trained network of any kind that can generate molecules. It may be
// used by several goroutines at once.
type Model struct {
	Name       string             // of its file, for messages
	SHA256     string             // of its file, hexadecimal
	Kind       string             // symdiff, symdiff-h, dit, egnn or geoldm
	Parameters int                // number of learned values
	Meta       encoding.Meta      // what its inputs mean, and the statistics of its training data
	Network    symmetrise.Network // predicts the noise

	guide []molecule.Property // what a molecule states about the weak model of Guided
	// the weak model is not conditioned on types, or on fragments, as this one is
	withoutTypes, withoutFragments bool
}

// QM9 is the shipped model qm9-web: small molecules of H, C, N, O and F.
func QM9() *Model { return qm9() }

var qm9 = sync.OnceValue(func() *Model {
	m, err := Read(weights.QM9WebName, weights.QM9Web())
	if err != nil {
		panic(err) // the file is part of the program
	}
	return m
})

// Read reads the weights of a model (safetensors) from the bytes of a file, which
// must not be changed afterwards. Errors name it.
func Read(name string, data []byte) (*Model, error) {
	return load(name, bytes.NewReader(data), int64(len(data)))
}

// load reads a file of so many bytes.
func load(name string, file io.ReaderAt, size int64) (*Model, error) {
	f, err := safetensors.New(name, file, size)
	if err != nil {
		return nil, err
	}
	n, err := checkpoint.Load(f)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(file, 0, size)); err != nil {
		return nil, err
	}
	return &Model{
		Name: name, SHA256: hex.EncodeToString(h.Sum(nil)),
		Kind: n.Kind, Parameters: n.Parameters, Meta: n.Meta, Network: n.Network,
	}, nil
}

// Generate samples molecules on all cores and yields them in the order of their
// index. Each carries as properties what it takes to make it again (see
// sampler.Sampler.Result). An error comes last and with no molecule: an option that
// cannot be had (*sampler.OptionError), or that of ctx, within a step of its end.
func (m *Model) Generate(ctx context.Context, o Options) iter.Seq2[*Molecule, error] {
	if err := m.check(o); err != nil {
		return func(yield func(*Molecule, error) bool) { yield(nil, err) }
	}
	return sampler.Generate(ctx, m.Network, m.Meta, o, m.Provenance()...)
}

// Sampler is a batch of molecules that is made step by step, for a program that
// shows them on their way.
func (m *Model) Sampler(o Options) (*sampler.Sampler, error) {
	if err := m.check(o); err != nil {
		return nil, err
	}
	return sampler.New(m.Network, m.Meta, o)
}

// check refuses types and fragments that a weak model cannot be given.
func (m *Model) check(o Options) error {
	switch {
	case m.withoutTypes && !o.Joint:
		return &sampler.OptionError{
			Name:   "joint",
			Reason: "want it: the guide is not conditioned on types as the model is",
		}
	case m.withoutFragments && o.Fragment != nil:
		return &sampler.OptionError{
			Name:   "fragment",
			Reason: "the guide is not conditioned on fragments as the model is",
		}
	}
	return nil
}

// Provenance is what a molecule states about the model: the first 16 digits of its
// SHA-256, and of that of the weak model that guides it, with the weight.
func (m *Model) Provenance() []molecule.Property {
	var list []molecule.Property
	if len(m.SHA256) >= 16 {
		list = append(list, molecule.Property{Key: "model", Value: m.SHA256[:16]})
	}
	return append(list, m.guide...)
}

// Guided is m guided by a weak model of the same elements, scales and schedule
// (autoguidance, Karras et al. 2024, arXiv 2406.02507), such as one that was trained
// for less time:
//
//	eps_hat = e + w·(e - g),   e of m,  g of the weak model,  0 <= w <= 100
//
// A step takes one network evaluation of each. Errors say what does not fit. A model that is
// guided already is an error.
func (m *Model) Guided(weak *Model, w float64) (*Model, error) {
	if !(w >= 0 && w <= 100) {
		return nil, errors.New("guidance weight " + strconv.FormatFloat(w, 'g', -1, 64) +
			": want a number from 0 to 100")
	}
	for _, n := range []*Model{m, weak} {
		if n.guide != nil {
			return nil, errors.New(n.Name + ": is guided already")
		}
	}
	a, b, want := m.Meta, weak.Meta, ""
	switch {
	case !slices.Equal(a.Elements, b.Elements):
		want = "elements"
	case a.Scales() != b.Scales():
		want = "scales"
	case !a.Schedule.Equal(b.Schedule):
		want = "noise schedule"
	case !symmetrise.Compatible(m.Network, weak.Network):
		want = "features and noise of gamma"
	case !sameLatents(m.Network, weak.Network):
		want = "latents"
	}
	if want != "" {
		return nil, errors.New(weak.Name + ": want the " + want + " of " + m.Name)
	}
	guided := *m
	guided.Network = symmetrise.Guide(m.Network, weak.Network, float32(w))
	guided.withoutTypes = a.CompositionConditional() && !b.CompositionConditional()
	guided.withoutFragments = a.Fragments && !b.Fragments
	guided.guide = []molecule.Property{
		{Key: "guide_weight", Value: strconv.FormatFloat(w, 'g', -1, 64)},
	}
	if len(weak.SHA256) >= 16 {
		guided.guide = append(
			[]molecule.Property{{Key: "guide", Value: weak.SHA256[:16]}},
			guided.guide...)
	}
	return &guided, nil
}

// sameLatents tells whether two networks of the same features work on atoms both, or on the
// latents of one decoder: then it makes the same atoms of the same latents.
func sameLatents(a, b symmetrise.Network) bool {
	sizes := []int{2}
	p, q := a.NewDecoder(sizes), b.NewDecoder(sizes)
	if p == nil || q == nil || p.Width() != q.Width() {
		return p == nil && q == nil
	}
	z := make([]float32, 2*(3+a.Features()))
	for i := range z {
		z[i] = float32(i) / float32(len(z))
	}
	x, y := make([]float32, 2*p.Width()), make([]float32, 2*p.Width())
	p.Decode(x, z)
	q.Decode(y, z)
	return slices.Equal(x, y)
}

// Evaluate judges molecules as the papers do, by EDM's bond table, and stops at the
// first error.
func Evaluate(molecules iter.Seq2[*Molecule, error]) (Report, error) {
	return molecule.Evaluate(molecules)
}
