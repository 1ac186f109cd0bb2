//go:build rdkit && cgo

package rdkit

// #cgo CXXFLAGS: -std=c++17 -O2 -w -I/usr/include/rdkit
// #cgo LDFLAGS: -lRDKitDescriptors -lRDKitFingerprints -lRDKitDataStructs -lRDKitDistGeomHelpers
// #cgo LDFLAGS: -lRDKitFileParsers -lRDKitForceFieldHelpers
// #cgo LDFLAGS: -lRDKitForceField -lRDKitSmilesParse -lRDKitGraphMol -lRDKitRDGeometryLib -lRDKitRDGeneral
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Available tells whether RDKit is in this build.
const Available = true

// Version is RDKit's version.
func Version() string { return C.GoString(C.symdiff_version()) }

// graph holds atoms and bonds as C wants them.
type graph struct {
	numbers []C.uchar
	bonds   []C.int // (bonds, 3)
}

func newGraph(m *molecule.Molecule) graph { return graphOf(m, m.Bonds()) }

func graphOf(m *molecule.Molecule, list []molecule.Bond) graph {
	g := graph{numbers: make([]C.uchar, len(m.Elements)+1), bonds: make([]C.int,
		3)} // never empty: a first element to point at
	for i, e := range m.Elements {
		g.numbers[i] = C.uchar(e)
	}
	g.bonds = g.bonds[:0]
	for _, b := range list {
		g.bonds = append(g.bonds, C.int(b.I), C.int(b.J), C.int(b.Order))
	}
	return g
}

func (g graph) arguments() (n C.int, numbers *C.uchar, bonds C.int, bond *C.int) {
	return C.int(len(g.numbers) - 1), unsafe.SliceData(g.numbers), C.int(len(g.bonds) / 3),
		unsafe.SliceData(g.bonds)
}

// text takes a text of C's over.
func text(p *C.char) string {
	defer C.free(unsafe.Pointer(p))
	return C.GoString(p)
}

// SMILES is the canonical SMILES, hydrogens explicit, of the largest fragment
// (the first of several) of the molecule that the bonds of [molecule.Molecule.Bonds]
// make; free valences are filled with implicit hydrogens. The error is RDKit's
// reason why it cannot be sanitised: then the molecule is not valid.
//
// Source: EDM, qm9/rdkit_functions.py, BasicMolecularMetrics.compute_validity.
func SMILES(m *molecule.Molecule) (string, error) { return SMILESBy(m, molecule.QM9Rule) }

// SMILESBy is SMILES of the bonds under a rule.
func SMILESBy(m *molecule.Molecule, rule molecule.Rule) (string, error) {
	n, numbers, bonds, bond := graphOf(m, m.BondsBy(rule)).arguments()
	if n == 0 {
		return "", errNoAtoms
	}
	var reason *C.char
	s := C.symdiff_smiles(n, numbers, bonds, bond, &reason)
	return answer(s, reason)
}

// Skeleton is the canonical SMILES of a molecule's atoms and some bonds, which all count as single,
// whatever the valences.
func Skeleton(m *molecule.Molecule, list []molecule.Bond) (string, error) {
	n, numbers, bonds, bond := graphOf(m, list).arguments()
	var reason *C.char
	s := C.symdiff_skeleton(n, numbers, bonds, bond, &reason)
	return answer(s, reason)
}

// SkeletonOf is the SMILES that [Skeleton] has, of a SMILES.
func SkeletonOf(smiles string) (string, error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var reason *C.char
	s := C.symdiff_skeleton_of(in, &reason)
	return answer(s, reason)
}

// answer is the text of a function of the shim, or the reason why there is none.
func answer(s, reason *C.char) (string, error) {
	if s == nil {
		return "", errors.New(text(reason))
	}
	return text(s), nil
}

// Canonical is the canonical SMILES of a SMILES.
func Canonical(smiles string) (string, error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var reason *C.char
	s := C.symdiff_canonical(in, &reason)
	return answer(s, reason)
}

// Explicit is the canonical SMILES of a SMILES as [SMILESBy] has it of a
// structure: of the largest fragment, hydrogens explicit, without stereo marks
// and isotopes.
func Explicit(smiles string, rule molecule.Rule) (string, error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var reason *C.char
	single := C.int(0)
	if rule == molecule.GEOMRule {
		single = 1
	}
	s := C.symdiff_explicit(in, single, &reason)
	return answer(s, reason)
}

// Plain is the canonical SMILES of a SMILES, hydrogens implicit, without stereo marks and
// isotopes.
func Plain(smiles string) (string, error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var reason *C.char
	s := C.symdiff_plain(in, &reason)
	return answer(s, reason)
}

// ReadSDF is the SMILES that [Plain] has, of a MOL file or record of an SDF as RDKit reads it. It
// is an error where RDKit adds hydrogens.
func ReadSDF(record string) (string, error) {
	in := C.CString(record)
	defer C.free(unsafe.Pointer(in))
	var reason *C.char
	s := C.symdiff_sdf(in, &reason)
	return answer(s, reason)
}

// LewisSMILES is the SMILES that [Plain] has, of the Lewis structure of a molecule, and which of
// its bonds RDKit finds aromatic.
func LewisSMILES(m *molecule.Molecule,
	l *molecule.Lewis) (smiles string, aromatic []bool, err error) {
	n, numbers, charges, radicals, bonds, bond, err := lewisArguments(m, l)
	if err != nil {
		return "", nil, err
	}
	flags := make([]C.int, bonds+1)
	var reason *C.char
	s := C.symdiff_lewis(n, numbers, charges, radicals, bonds, bond, &flags[0], &reason)
	if s == nil {
		return "", nil, errors.New(text(reason))
	}
	for _, f := range flags[:bonds] {
		aromatic = append(aromatic, f != 0)
	}
	return text(s), aromatic, nil
}

var errNoAtoms = errors.New("no atoms")

// lewisArguments are a Lewis structure of a molecule as C wants it: its graph, formal charges and
// unpaired electrons. It is an error where it has no atoms.
func lewisArguments(m *molecule.Molecule, l *molecule.Lewis) (n C.int, numbers *C.uchar,
	charges, radicals *C.int, bonds C.int, bond *C.int, err error) {
	if n, numbers, bonds, bond = graphOf(m, l.Bonds).arguments(); n == 0 {
		return n, numbers, nil, nil, bonds, bond, errNoAtoms
	}
	list := make([]C.int, 2*n)
	for i := range n {
		list[i], list[n+i] = C.int(l.Charges[i]), C.int(l.Radicals[i])
	}
	return n, numbers, &list[0], &list[n], bonds, bond, nil
}

// Graph is the graph of a SMILES with its hydrogens, as a Kekulé structure. It is an error where the
// SMILES has a bond that is none of such a structure: a quadruple one, or one of any order.
func Graph(smiles string) (*molecule.Lewis, error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var c C.symdiff_conformers
	var reason *C.char
	if C.symdiff_graph(in, &c, &reason) != 0 {
		return nil, errors.New(text(reason))
	}
	defer C.symdiff_free_conformers(&c)
	l := &molecule.Lewis{Elements: elementsOf(&c), Bonds: bondsOf(&c)}
	for _, b := range l.Bonds {
		if b.Order < 1 || b.Order > 3 {
			return nil, errors.New("a bond that is neither single, double nor triple")
		}
	}
	for i := range l.Elements {
		l.Charges = append(l.Charges, int(unsafe.Slice(c.charges, c.atoms)[i]))
		l.Radicals = append(l.Radicals, int(unsafe.Slice(c.unpaired, c.atoms)[i]))
	}
	return l, nil
}

// AromaticRings lists the rings all of whose bonds RDKit finds aromatic.
func AromaticRings(m *molecule.Molecule) ([][]int, error) {
	n, numbers, bonds, bond := newGraph(m).arguments()
	sizes, atoms := make([]C.int, n+bonds+1), make([]C.int, 20*(n+bonds)+1)
	var reason *C.char
	count := C.symdiff_rings(n, numbers, bonds, bond, &sizes[0], &atoms[0], &reason)
	if count < 0 {
		return nil, errors.New(text(reason))
	}
	rings := make([][]int, count)
	for r := range rings {
		for _, i := range atoms[:sizes[r]] {
			rings[r] = append(rings[r], int(i))
		}
		atoms = atoms[sizes[r]:]
	}
	return rings, nil
}

// interruptible runs work, which calls C, on a separate goroutine, and leaves
// it where the context ends: it sets stop, and work ends when it looks.
func interruptible[T any](ctx context.Context, work func(stop *C.int) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	stop := (*C.int)(C.calloc(1, C.sizeof_int))
	done := make(chan result, 1)
	go func() {
		v, err := work(stop)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		C.free(unsafe.Pointer(stop))
		return r.value, r.err
	case <-ctx.Done():
		atomic.StoreInt32((*int32)(unsafe.Pointer(stop)), 1)
		go func() {
			<-done
			C.free(unsafe.Pointer(stop))
		}()
		return zero, ctx.Err()
	}
}

// Relax finds the strain energy of a structure by MMFF94, with the bonds and charges of its Lewis
// structure for [molecule.Molecule.Charge]: its energy above the local minimum that at most
// `iterations` steps of minimisation lead to, and the minimum itself. Errors: what is not valid,
// hydrogens that are missing, atoms for which MMFF94 has no parameters, and the context's.
func Relax(ctx context.Context, m *molecule.Molecule,
	iterations int) (Strain, *molecule.Molecule, error) {
	n, numbers, charges, radicals, bonds, bond, err := lewisArguments(m, m.Lewis(m.Charge()))
	if err != nil {
		return Strain{}, nil, err
	}
	positions := make([]C.double, 3*n)
	for i, p := range m.Positions {
		for k, x := range p {
			positions[3*i+k] = C.double(x)
		}
	}
	s, err := interruptible(ctx, func(*C.int) (Strain, error) {
		var before, after C.double
		var converged C.int
		var reason *C.char
		if C.symdiff_strain(n, numbers, charges, radicals, bonds, bond, &positions[0], C.int(iterations),
			&before, &after, &converged, &reason) != 0 {
			return Strain{}, errors.New(text(reason))
		}
		return Strain{float64(before), float64(after), converged != 0}, nil
	})
	if err != nil {
		return Strain{}, nil, err
	}
	if math.IsNaN(s.Energy()) || math.IsInf(s.Energy(), 0) {
		return Strain{}, nil, errors.New("MMFF94 gives no finite energy")
	}
	return s, &molecule.Molecule{Elements: m.Elements, Positions: structure(positions)}, nil
}

// Describe finds descriptors of the Lewis structure of a molecule, for [molecule.Molecule.Charge],
// where RDKit accepts it.
func Describe(m *molecule.Molecule) (Descriptors, error) {
	n, numbers, charges, radicals, bonds, bond, err := lewisArguments(m, m.Lewis(m.Charge()))
	if err != nil {
		return Descriptors{}, err
	}
	var logp, tpsa, mass C.double
	var reason *C.char
	if C.symdiff_describe(n, numbers, charges, radicals, bonds, bond, &logp, &tpsa, &mass,
		&reason) != 0 {
		return Descriptors{}, errors.New(text(reason))
	}
	return Descriptors{float64(logp), float64(tpsa), float64(mass)}, nil
}

// FingerprintOf is that of the Lewis structure of a molecule, for [molecule.Molecule.Charge], where
// RDKit accepts it.
func FingerprintOf(m *molecule.Molecule) (f Fingerprint, err error) {
	n, numbers, charges, radicals, bonds, bond, err := lewisArguments(m, m.Lewis(m.Charge()))
	if err != nil {
		return f, err
	}
	var reason *C.char
	if C.symdiff_fingerprint(n, numbers, charges, radicals, bonds, bond, (*C.ulonglong)(&f[0]),
		&reason) != 0 {
		return f, errors.New(text(reason))
	}
	return f, nil
}

// Atoms lists the elements of a SMILES, hydrogens included, and its formal charge.
func Atoms(smiles string) (elements []molecule.Element, charge int, err error) {
	in := C.CString(smiles)
	defer C.free(unsafe.Pointer(in))
	var n, q C.int
	var reason *C.char
	numbers := C.symdiff_atoms(in, &n, &q, &reason)
	if numbers == nil {
		return nil, 0, errors.New(text(reason))
	}
	defer C.free(unsafe.Pointer(numbers))
	for _, z := range unsafe.Slice(numbers, int(n)) {
		elements = append(elements, molecule.Element(z))
	}
	return elements, int(q), nil
}

// Embed makes conformers of a SMILES: hydrogens added, `tries` embeddings by
// ETKDGv3 from the seed, each relaxed with MMFF94s. Errors: what is not a SMILES of
// one fragment of elements, what cannot be embedded, atoms for which MMFF94 has no
// parameters, the context's, and [ErrTime] where it takes more than the limit of processor
// time. A conformer whose bonds are not those of the
// SMILES (see molecule.CheckBonds) is left out, and it is an error where all are.
func Embed(
	ctx context.Context, smiles string, tries, seed int, limit time.Duration,
) (Conformers, error) {
	return interruptible(ctx, func(stop *C.int) (Conformers, error) {
		in := C.CString(smiles)
		defer C.free(unsafe.Pointer(in))
		var c C.symdiff_conformers
		var reason *C.char
		switch C.symdiff_embed(
			in, C.int(tries), C.int(seed), 2000, C.double(limit.Seconds()), stop, &c, &reason,
		) {
		case 0:
		case 2:
			return Conformers{}, ErrTime
		default:
			return Conformers{}, errors.New(text(reason))
		}
		defer C.symdiff_free_conformers(&c)
		return conformers(&c)
	})
}

// conformers takes over those of C that are like the SMILES.
func conformers(c *C.symdiff_conformers) (Conformers, error) {
	n := int(c.atoms)
	out := Conformers{Charge: int(c.charge), Radicals: int(c.radicals)}
	elements, bonds := elementsOf(c), bondsOf(c)
	out.Bonds = bonds
	var unlike error
	positions := unsafe.Slice(c.positions, 3*n*int(c.conformers))
	for k, e := range unsafe.Slice(c.energies, int(c.conformers)) {
		m := &molecule.Molecule{Elements: elements, Positions: structure(positions[3*n*k : 3*n*(k+1)])}
		if err := m.CheckBonds(bonds); err != nil {
			unlike = err
			continue
		}
		out.Energies, out.Molecules = append(out.Energies, float64(e)), append(out.Molecules, m)
	}
	if len(out.Molecules) == 0 {
		return Conformers{}, unlike
	}
	return out, nil
}

func elementsOf(c *C.symdiff_conformers) (elements []molecule.Element) {
	for _, z := range unsafe.Slice(c.numbers, int(c.atoms)) {
		elements = append(elements, molecule.Element(z))
	}
	return elements
}

// bondsOf are the bonds, sorted by their atoms.
func bondsOf(c *C.symdiff_conformers) (bonds []molecule.Bond) {
	for list := unsafe.Slice(c.bond, 3*int(c.bonds)); len(list) > 0; list = list[3:] {
		i, j := int(list[0]), int(list[1])
		bonds = append(bonds, molecule.Bond{I: min(i, j), J: max(i, j), Order: int(list[2])})
	}
	slices.SortFunc(bonds,
		func(a, b molecule.Bond) int { return cmp.Or(cmp.Compare(a.I, b.I), cmp.Compare(a.J, b.J)) })
	return bonds
}

func structure(values []C.double) [][3]float64 {
	p := make([][3]float64, len(values)/3)
	for i := range p {
		for k := range p[i] {
			p[i][k] = float64(values[3*i+k])
		}
	}
	return p
}
