// Package encoding defines what the rows z = [x, h] of a network mean. Meta holds it:
// the elements, the scales, the noise schedule, the properties that the network is
// conditioned on, and the statistics of the training data that sampling needs. A
// weights file has it in its header.
//
// A row is an atom: its position over ScaleX, its one-hot type over ScaleTypes and,
// with a charge channel, its atomic number over ScaleCharge. Only this package knows
// these scales.
package encoding

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Meta is what a weights file says beside the network: what its inputs mean and
// where it comes from.
type Meta struct {
	Elements    []string // symbol of each one-hot channel, in order; [CH3] is a united atom
	Charge      bool     // whether the last feature is the atomic number ("charge" in EDM)
	ScaleX      float64  // positions are divided by this (Å), 1
	ScaleTypes  float64  // one-hot types are divided by this, 4
	ScaleCharge float64  // atomic numbers are divided by this, 10
	Schedule    schedule.Spec
	Context     []Quantity  // properties of a molecule that the network is conditioned on
	Histogram   map[int]int // number of atoms -> molecules of the training set
	Moments     *Moments    // of the training set, or nil

	Compositions []Composition // of the training set, each once (see TypesName), or nil
	Fragments    bool          // whether it is conditioned on fragments (see FixedMark)
	Sampling     Sampling      // the sampler that it was trained for
	Training     []byte        // provenance: a JSON object, or nil
}

// Sampling is the sampler that a model was trained for, which is its default, such as that of a
// student of few steps; 0 or empty: that of all models.
type Sampling struct {
	Method string  // sampler.Method, which checks it
	Steps  int     // network evaluations, but the last one
	Rho    float64 // spacing of the times (see CheckRho and sampler.Options)
}

// CheckRho refuses a spacing of a sampler's times that is neither from 1 to 1000, nor 0, the
// default.
func CheckRho(rho float64) error {
	if rho != 0 && !(rho >= 1 && rho <= 1000) {
		return errors.New("want a number from 1 to 1000")
	}
	return nil
}

func (s Sampling) validate(timesteps int) error {
	if s.Steps < 0 || s.Steps > timesteps {
		return errors.New("sampling: steps " + strconv.Itoa(s.Steps) + " not in [0, " +
			strconv.Itoa(timesteps) + "]")
	}
	if err := CheckRho(s.Rho); err != nil {
		return errors.New("sampling: rho " + formatFloat(s.Rho) + ": " + err.Error())
	}
	return nil
}

// Apart are the elements of the molecules that the model makes, each once: Elements, but of united
// atoms hydrogen, then those that they are of.
func (m Meta) Apart() (list []molecule.Element) {
	if m.United() {
		list = []molecule.Element{molecule.H}
	}
	for _, symbol := range m.Elements {
		e, _ := molecule.ParseUnited(symbol)
		if heavy, _ := e.Split(); !slices.Contains(list, heavy) {
			list = append(list, heavy)
		}
	}
	return list
}

// Rule is the rule by which the molecules of a model are judged: that of its data set, as its
// elements tell it.
func (m Meta) Rule() molecule.Rule {
	return molecule.RuleOf(m.Apart())
}

// QM9 is the meaning of the inputs of QM9 models: H C N O F and the atomic
// number, with EDM's scaling.
func QM9() Meta {
	return Meta{
		Elements: []string{"H", "C", "N", "O", "F"}, Charge: true,
		ScaleX: 1, ScaleTypes: 4, ScaleCharge: 10,
		Schedule: schedule.Polynomial2,
	}
}

// Features is F, the number of features of an atom beside its position.
func (m Meta) Features() int {
	if m.Charge {
		return len(m.Elements) + 1
	}
	return len(m.Elements)
}

// channel is the one-hot channel of an element, -1 where the model does not have
// it.
func (m Meta) channel(e molecule.Element) int {
	return slices.IndexFunc(m.Elements, func(symbol string) bool {
		known, _ := molecule.ParseUnited(symbol)
		return known == e
	})
}

// hot and charge are the values of an atom's features.
func (m Meta) hot() float64                      { return 1 / m.ScaleTypes }
func (m Meta) charge(e molecule.Element) float64 { return float64(molecule.Number(e)) / m.ScaleCharge }

// SetFeatures sets the features h (F) of an atom whose element has a channel.
func (m Meta) SetFeatures(h []float32, channel int, e molecule.Element) {
	clear(h)
	h[channel] = float32(m.hot())
	if m.Charge {
		h[len(m.Elements)] = float32(m.charge(e))
	}
}

// Scale is what a column of a row (3+F) is multiplied by to be in the units of the
// data: Å, 1 for a type, and the atomic number.
func (m Meta) Scale(column int) float64 {
	switch {
	case column < 3:
		return m.ScaleX
	case column < 3+len(m.Elements):
		return m.ScaleTypes
	}
	return m.ScaleCharge
}

// Unscaled are the scales of a network that takes positions in Å, ones and
// atomic numbers, as GeoLDM does.
var Unscaled = [3]float64{1, 1, 1}

// Scales are what positions, types and charges are divided by.
func (m Meta) Scales() [3]float64 { return [3]float64{m.ScaleX, m.ScaleTypes, m.ScaleCharge} }

// SetScales sets what positions, types and charges are divided by.
func (m *Meta) SetScales(s [3]float64) { m.ScaleX, m.ScaleTypes, m.ScaleCharge = s[0], s[1], s[2] }

// Encode writes an atom as a network takes it, [x, h], to a row (3+F) of zeros:
// its position p, in Å, over ScaleX, its one-hot type over ScaleTypes, and with
// Charge its atomic number over ScaleCharge. nil leaves the position out. Errors
// name the element that the model does not have, or the position beyond
// molecule.MaxCoordinate.
func (m Meta) Encode(row []float32, e molecule.Element, p *[3]float64) error {
	channel := m.channel(e)
	if channel < 0 {
		return m.unknownElement(e)
	}
	m.SetFeatures(row[3:], channel, e)
	if p == nil {
		return nil
	}
	for k, x := range p {
		if !(math.Abs(x) <= molecule.MaxCoordinate) {
			return errors.New("position " + formatFloat(x) + ", want at most 1e6 Å")
		}
		row[k] = float32(x / m.ScaleX)
	}
	return nil
}

func (m Meta) unknownElement(e molecule.Element) error {
	return errors.New("element " + e.Symbol() + " is not among the model's " +
		strings.Join(m.Elements, " "))
}

// CheckPositions refuses a molecule of which not every atom has a position.
func CheckPositions(m *molecule.Molecule) error {
	if n, k := len(m.Elements), len(m.Positions); n != k {
		return errors.New(strconv.Itoa(n) + " atoms, " + strconv.Itoa(k) + " positions")
	}
	return nil
}

// Rows are the data [x, h] (N, 3+F) that a molecule is to a network: its
// atoms by Encode, with zero centre of mass. Errors are those of Encode and CheckPositions,
// or tell that there are no atoms.
func (m Meta) Rows(mol *molecule.Molecule) ([]float32, error) {
	if len(mol.Elements) == 0 {
		return nil, errors.New("no atoms")
	}
	if err := CheckPositions(mol); err != nil {
		return nil, err
	}
	mol, err := m.Atoms(mol)
	if err != nil {
		return nil, err
	}
	width := 3 + m.Features()
	rows := make([]float32, len(mol.Elements)*width)
	for i, e := range mol.Elements {
		if err := m.Encode(rows[i*width:(i+1)*width], e, &mol.Positions[i]); err != nil {
			return nil, err
		}
	}
	symmetrise.RemoveMean(rows, width, []int{len(mol.Elements)})
	return rows, nil
}

// United reports whether the atoms of the model are united with their hydrogens, as [CH3].
func (m Meta) United() bool {
	return slices.ContainsFunc(m.Elements, func(symbol string) bool { return strings.HasPrefix(symbol, "[") })
}

// Atoms is a molecule as the atoms of the model: itself, or that of its united atoms.
func (m Meta) Atoms(mol *molecule.Molecule) (*molecule.Molecule, error) {
	if !m.United() || molecule.IsUnited(mol.Elements) {
		return mol, nil
	}
	return mol.United()
}

// MaxAtoms bounds the sizes of the histogram.
const MaxAtoms = 1 << 12

// Defined reports whether a file said anything about its inputs: reference files
// hold a bare network.
func (m Meta) Defined() bool { return len(m.Elements) > 0 }

// CheckFeatures refuses a network of another number of features than m makes.
func (m Meta) CheckFeatures(features int) error {
	if m.Features() == features {
		return nil
	}
	return errors.New(
		"elements: they and the charge make " + strconv.Itoa(m.Features()) +
			" features, the network has " + strconv.Itoa(features),
	)
}

// Validate checks the fields against each other; the error names the field as it
// is called in a file. EDM asks that 8·sigma_0 of a schedule
// that is not learned be at most 1/max(scale), so that types survive the last
// noise: checked here too, but of cosine. A learned schedule may be without its
// Curve still (see ReadSchedule).
func (m Meta) Validate() error {
	if len(m.Elements) == 0 {
		return errors.New("elements: none given")
	}
	seen := map[string]bool{}
	for _, e := range m.Elements {
		if _, ok := molecule.ParseUnited(e); !ok {
			return errors.New("elements: " + strconv.Quote(e) + " is not an element")
		}
		if seen[e] {
			return errors.New("elements: " + e + " appears twice")
		}
		seen[e] = true
	}
	for _, s := range []struct {
		name string
		v    float64
	}{{"x", m.ScaleX}, {"types", m.ScaleTypes}, {"charge", m.ScaleCharge}} {
		if !(s.v > 0 && s.v <= 1e6) {
			return errors.New("scale: " + s.name + " = " + formatFloat(s.v) + " not in (0, 1e6]")
		}
	}
	s, err := schedule.New(m.Schedule)
	if err != nil && err != schedule.ErrNoCurve {
		return err
	}
	if err := m.Sampling.validate(m.Schedule.Timesteps); err != nil {
		return err
	}
	largest := m.ScaleTypes
	if m.Charge {
		largest = max(largest, m.ScaleCharge)
	}
	if m.Schedule.Name == "polynomial_2" && 8*s.Sigma(0) > 1/largest {
		return errors.New(
			"schedule: 8·sigma(0) = " + formatFloat(8*s.Sigma(0)) + " is above 1/scale = " +
				formatFloat(1/largest),
		)
	}
	total := 0
	for n, count := range m.Histogram {
		if n < 1 || n > MaxAtoms || count < 0 || count > math.MaxInt32 {
			return errors.New(
				"histogram: " + strconv.Itoa(count) + " molecules of " + strconv.Itoa(n) + " atoms",
			)
		}
		total += count
	}
	if len(m.Histogram) > 0 && total == 0 {
		return errors.New("histogram: no molecules")
	}
	if m.Moments != nil {
		if err := m.Moments.validate(m.Features()); err != nil {
			return err
		}
	}
	if err := m.validateCompositions(); err != nil {
		return err
	}
	if err := m.validateFragments(); err != nil {
		return err
	}
	return m.validateContext()
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
