// Package dataset holds molecules to train on, in memory, and cuts them into batches.
//
// Positions are centred at their mean, in Å, float32, the atoms of molecule i in rows
// offset(i)..offset(i+1); an atom's type is its index in the model's list of elements. A batch
// holds molecules of one size, so that nothing is padded, and as many as fit its budget of atoms.
// The order of an epoch depends only on the seed and the number of the epoch. So a run continues
// from (epoch, position).
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// Source is a file that was read.
type Source struct {
	File      string `json:"file"`
	Filter    string `json:"filter,omitempty"` // key=value that a molecule's properties had to hold
	SHA256    string `json:"sha256"`
	Molecules int    `json:"molecules"` // taken from it
}

// Shareable is s as files that are given away record it: see ShareablePath.
func (s Source) Shareable() Source {
	s.File = ShareablePath(s.File)
	return s
}

// ShareablePath is path, or the name of its file where it is absolute: such a path names the folders
// of its owner.
func ShareablePath(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Base(path)
	}
	return path
}

// absolute is an absolute path in an argument: FILE, --flag=FILE, FILE,FILE@key=value.
var absolute = regexp.MustCompile(`(^|[=,])/[^,=@]*`)

// program is the start of a reward that a program gives: program:COMMAND, --reward=program:COMMAND.
var program = regexp.MustCompile(`^([^:]*=)?program:`)

// ShareableArgument is an argument of a command line with its paths as [ShareablePath] has them. The
// words of a program:COMMAND are arguments themselves.
func ShareableArgument(argument string) string {
	if start := program.FindString(argument); start != "" {
		words := strings.Fields(argument[len(start):])
		for i, word := range words {
			words[i] = ShareableArgument(word)
		}
		return start + strings.Join(words, " ")
	}
	return absolute.ReplaceAllStringFunc(argument, func(path string) string {
		at := strings.IndexByte(path, '/')
		return path[:at] + ShareablePath(path[at:])
	})
}

// Set is a set of molecules.
type Set struct {
	Elements []molecule.Element
	Sources  []Source

	offsets   []int     // (Len+1)
	positions []float32 // (atoms, 3)
	types     []uint8   // (atoms)
}

// maxAtoms is the largest molecule that is taken: a model's limit.
const maxAtoms = 1 << 12

// Load is Reader.Load by a strict reader that reports nothing.
func Load(names []string, elements []molecule.Element, limit int) (*Set, error) {
	return (*Reader)(nil).Load(names, elements, limit)
}

// Load reads files as Open does; the set shares the memory of a packed data set where there is only
// one. limit bounds the number of molecules, 0 is no bound. An element outside elements is an error
// that names the file, the record and the element.
func (r *Reader) Load(names []string, elements []molecule.Element, limit int) (*Set, error) {
	s := &Set{Elements: elements, offsets: []int{0}}
	index := map[molecule.Element]uint8{}
	for i, e := range elements {
		index[e] = uint8(i)
	}
	if len(names) == 1 {
		if path, _, _, _, err := splitName(names[0]); err == nil && isPacked(path) &&
			!molecule.IsUnited(elements) {
			return loadPacked(names[0], elements, index, limit)
		}
	}
	for _, name := range names {
		if limit > 0 && s.Len() >= limit {
			break
		}
		if err := s.load(r, name, index, limit); err != nil {
			return nil, err
		}
	}
	if s.Len() == 0 {
		return nil, fmt.Errorf("no molecules in %s", strings.Join(names, ", "))
	}
	return s, nil
}

func (s *Set) load(r *Reader, name string, index map[molecule.Element]uint8, limit int) error {
	path, filter, _, _, err := splitName(name)
	if err != nil {
		return err
	}
	before := s.Len()
	for rec, err := range r.records(name) {
		if err != nil {
			return err
		}
		if err := s.add(rec.Molecule, index); err != nil {
			return fmt.Errorf("%s, molecule %d: %w", name, rec.Number, err)
		}
		if limit > 0 && s.Len() >= limit {
			break
		}
	}
	sum, err := hashFile(path)
	s.Sources = append(s.Sources, Source{File: path, Filter: filter, SHA256: sum,
		Molecules: s.Len() - before})
	return err
}

// loadPacked takes the molecules of a packed data set as they lie.
func loadPacked(name string, elements []molecule.Element, index map[molecule.Element]uint8,
	limit int) (*Set, error) {
	path, filter, key, value, err := splitName(name)
	if err != nil {
		return nil, err
	}
	p, err := openPacked(path)
	if err != nil {
		return nil, err
	}
	from, to, err := p.part(key, value)
	if err != nil {
		return nil, err
	}
	if from == to {
		return nil, fmt.Errorf("%s: no molecules", name)
	}
	s, err := p.set(from, to, limit, elements, index)
	if err != nil {
		return nil, err
	}
	sum, err := hashFile(path)
	s.Sources = []Source{{File: path, Filter: filter, SHA256: sum, Molecules: s.Len()}}
	return s, err
}

// hashFile is the SHA-256 of a file, or of all files of known formats below a
// folder.
func hashFile(path string) (string, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, err = source.Files(path); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s *Set) add(m *molecule.Molecule, index map[molecule.Element]uint8) (err error) {
	if molecule.IsUnited(s.Elements) {
		if m, err = m.United(); err != nil {
			return err
		}
	}
	n := len(m.Elements)
	if n == 0 || n > maxAtoms {
		return fmt.Errorf("%d atoms, want 1 to %d", n, maxAtoms)
	}
	var mean [3]float64
	for i, e := range m.Elements {
		if _, ok := index[e]; !ok {
			return fmt.Errorf("element %s is not among the model's %v", e.Symbol(), s.Elements)
		}
		for k, v := range m.Positions[i] {
			mean[k] += v / float64(n)
		}
	}
	for i, e := range m.Elements {
		s.types = append(s.types, index[e])
		for k, v := range m.Positions[i] {
			s.positions = append(s.positions, float32(v-mean[k]))
		}
	}
	s.offsets = append(s.offsets, s.offsets[len(s.offsets)-1]+n)
	return nil
}

// Len is the number of molecules.
func (s *Set) Len() int { return len(s.offsets) - 1 }

// Atoms is the number of atoms of all molecules.
func (s *Set) Atoms() int { return s.offsets[len(s.offsets)-1] }

// Size is the number of atoms of molecule i.
func (s *Set) Size(i int) int { return s.offsets[i+1] - s.offsets[i] }

// SourceOf is the source of molecule i of a loaded set.
func (s *Set) SourceOf(i int) int {
	for k, source := range s.Sources {
		if i < source.Molecules {
			return k
		}
		i -= source.Molecules
	}
	panic("dataset: no such molecule")
}

// Positions are those of molecule i: (N, 3), Å, zero mean.
func (s *Set) Positions(i int) []float32 { return s.positions[3*s.offsets[i] : 3*s.offsets[i+1]] }

// Types are the indices in Elements of the atoms of molecule i: (N).
func (s *Set) Types(i int) []uint8 { return s.types[s.offsets[i]:s.offsets[i+1]] }

// Molecule is molecule i, with the hydrogens of united atoms placed by Molecule.AddHydrogens.
func (s *Set) Molecule(i int) *molecule.Molecule {
	m := &molecule.Molecule{}
	p := s.Positions(i)
	for k, t := range s.Types(i) {
		m.Elements = append(m.Elements, s.Elements[t])
		m.Positions = append(m.Positions, [3]float64{float64(p[3*k]), float64(p[3*k+1]),
			float64(p[3*k+2])})
	}
	return m.AddHydrogens()
}

// Pick is the set of the molecules of the given places, in their order, which may come again.
func (s *Set) Pick(places []int) *Set {
	out := &Set{Elements: s.Elements, Sources: s.Sources, offsets: []int{0}}
	for _, i := range places {
		out.positions, out.types = append(out.positions, s.Positions(i)...),
			append(out.types, s.Types(i)...)
		out.offsets = append(out.offsets, len(out.types))
	}
	return out
}

// Join is the molecules of a, then those of b. Both have the same elements.
func Join(a, b *Set) *Set {
	out := &Set{Elements: a.Elements, Sources: slices.Concat(a.Sources, b.Sources),
		offsets: slices.Clone(a.offsets)}
	out.positions, out.types = slices.Concat(a.positions, b.positions), slices.Concat(a.types, b.types)
	for _, at := range b.offsets[1:] {
		out.offsets = append(out.offsets, len(a.types)+at)
	}
	return out
}

// Histogram counts the molecules of each size.
func (s *Set) Histogram() map[int]int {
	h := map[int]int{}
	for i := range s.Len() {
		h[s.Size(i)]++
	}
	return h
}

// Compositions counts the molecules of each formula, in alphabetical order.
func (s *Set) Compositions() (list []encoding.Composition) {
	counts := map[string]int{}
	m := &molecule.Molecule{}
	for i := range s.Len() {
		m.Elements = m.Elements[:0]
		for _, typ := range s.Types(i) {
			m.Elements = append(m.Elements, s.Elements[typ])
		}
		counts[m.Formula()]++
	}
	for _, formula := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, encoding.Composition{Formula: formula, Molecules: counts[formula]})
	}
	return list
}

// Moments are those of the molecules on the scale of a model whose elements are the set's.
func (s *Set) Moments(meta encoding.Meta) *encoding.Moments {
	sum := encoding.NewMomentsSum(meta)
	for i := range s.Len() {
		m := &molecule.Molecule{}
		positions := s.Positions(i)
		for a, t := range s.Types(i) {
			m.Elements = append(m.Elements, s.Elements[t])
			m.Positions = append(m.Positions, [3]float64{float64(positions[3*a]), float64(positions[3*a+1]),
				float64(positions[3*a+2])})
		}
		if sum.Add(m) != nil {
			return nil // another model's molecules
		}
	}
	return sum.Moments()
}

// Batches cuts the set into batches of molecules of one size with at most atoms atoms each (but at
// least one molecule): in the order of the set, sizes ascending.
func (s *Set) Batches(atoms int) [][]int { return s.cut(atoms, nil) }

func (s *Set) cut(atoms int, r *rand.Rand) [][]int {
	bySize := map[int][]int{}
	var sizes []int
	for i := range s.Len() {
		n := s.Size(i)
		if bySize[n] == nil {
			sizes = append(sizes, n)
		}
		bySize[n] = append(bySize[n], i)
	}
	slices.Sort(sizes)
	var batches [][]int
	for _, n := range sizes {
		list := bySize[n]
		if r != nil {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		batches = slices.AppendSeq(batches, slices.Chunk(list, max(1, atoms/n)))
	}
	if r != nil {
		r.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	}
	return batches
}

// Order walks through the set, epoch after epoch.
type Order struct {
	set     *Set
	atoms   int
	seed    uint64
	epoch   int
	next    int
	batches [][]int
}

// NewOrder starts at the batch position of epoch. Every epoch holds each molecule once.
func NewOrder(set *Set, atoms int, seed uint64, epoch, position int) (*Order, error) {
	o := &Order{set: set, atoms: atoms, seed: seed, epoch: epoch, next: position}
	o.shuffle()
	if epoch < 0 || position < 0 || position > len(o.batches) {
		return nil, errors.New("dataset: no such position: the data or the batch size has changed")
	}
	return o, nil
}

func (o *Order) shuffle() {
	o.batches = o.set.cut(o.atoms, rand.New(rand.NewPCG(o.seed, uint64(o.epoch))))
}

// Next is the next batch, as indices of molecules.
func (o *Order) Next() []int {
	if o.next == len(o.batches) {
		o.epoch++
		o.next = 0
		o.shuffle()
	}
	o.next++
	return o.batches[o.next-1]
}

// Position returns where Next goes on.
func (o *Order) Position() (epoch, position int) { return o.epoch, o.next }

// BatchesPerEpoch is the number of batches of the current epoch; it is the same for each.
func (o *Order) BatchesPerEpoch() int { return len(o.batches) }
