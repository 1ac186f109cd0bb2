package evaluation

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Bonds compares the graphs that structures have by their distances with those of the SMILES that
// the structures were made of: canonical SMILES by RDKit with bond orders and charges, without stereo
// marks and isotopes.
type Bonds struct {
	File      string `json:"file"`
	RDKit     string `json:"rdkit"`     // version
	Molecules int    `json:"molecules"` // with a SMILES that RDKit reads
	Same      Share  `json:"same"`      // by molecule.Lewis
	Skeleton  Share  `json:"skeleton"`  // the same atoms bonded
	Aromatic  Share  `json:"aromatic"`  // RDKit finds the same bonds aromatic, of those that it accepts
	// the same bonds by elements and order, rings by size and functional groups (molecule.Features)
	Features Share `json:"features"`
	Groups   Share `json:"groups"`    // the same functional groups
	Table    Share `json:"edm_table"` // the same by EDM's table of distances, orders and charges included
	// the same by Open Babel, which is given no charge
	OpenBabel        *Share         `json:"open_babel,omitempty"`
	OpenBabelNeutral *Share         `json:"open_babel_neutral,omitempty"` // of molecules without formal charges
	Neutral          Share          `json:"neutral"`                      // Same, of molecules without formal charges
	Kinds            map[string]int `json:"kinds,omitempty"`              // of failure -> molecules
	Failures         []BondFailure  `json:"failures,omitempty"`           // the first few
}

// BondFailure is a structure whose graph is not that of its SMILES.
type BondFailure struct {
	Index int    `json:"index"` // in the file, from 1
	Kind  string `json:"kind"`
	Want  string `json:"want"`
	Found string `json:"found"` // SMILES, or why RDKit refuses it
}

// BondOptions says how to compare bonds.
type BondOptions struct {
	Name      string
	OpenBabel bool // compare Open Babel too (needs the program obabel)
	List      int  // failures to list
	Threads   int  // 0: one per core
	Progress  func(stage string, molecules int)
}

// errNoOpenBabel says that the program is missing.
var errNoOpenBabel = errors.New("the program obabel is not installed (Debian: apt-get install openbabel)")

// bondVerdict is what is found of one structure.
type bondVerdict struct {
	want, found, kind          string
	skeleton, aromatic, judged bool
	table, neutral             bool
	features, groups           bool
}

// CompareBonds compares the structures of a sequence with their property smiles; those without are
// not counted. The total charge is that of the SMILES.
func CompareBonds(ctx context.Context, molecules Molecules, o BondOptions) (*Bonds, error) {
	if !rdkit.Available {
		return nil, rdkit.ErrMissing
	}
	obabel := ""
	if o.OpenBabel {
		var err error
		if obabel, err = exec.LookPath("obabel"); err != nil {
			return nil, errNoOpenBabel
		}
	}
	r := &run{Options: Options{Threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0)),
		Progress: o.Progress}}
	b := &Bonds{File: o.Name, RDKit: rdkit.Version(), Kinds: map[string]int{}}
	var same, skeleton, aromatic, judged, features, groups, table, neutral, neutralSame, index int
	var babel babelled
	err := r.batches(ctx, "comparing", molecules, func(m *molecule.Molecule) (v verdict) {
		v.bonds = compareBonds(m)
		return v
	}, func(m *molecule.Molecule, v verdict) bool {
		index++
		w := v.bonds
		if w.want == "" {
			return true
		}
		b.Molecules++
		same += one(w.kind == "")
		skeleton += one(w.skeleton)
		aromatic += one(w.aromatic)
		judged += one(w.judged)
		features += one(w.features)
		groups += one(w.groups)
		table += one(w.table)
		neutral += one(w.neutral)
		neutralSame += one(w.neutral && w.kind == "")
		if w.kind != "" {
			b.Kinds[w.kind]++
			if len(b.Failures) < o.List {
				b.Failures = append(b.Failures, BondFailure{index, w.kind, w.want, w.found})
			}
		}
		if obabel != "" {
			babel.add(m, w)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	b.Same, b.Skeleton = share(same, b.Molecules), share(skeleton, b.Molecules)
	b.Aromatic, b.Table = share(aromatic, judged), share(table, b.Molecules)
	b.Features, b.Groups = share(features, b.Molecules), share(groups, b.Molecules)
	b.Neutral = share(neutralSame, neutral)
	if obabel != "" {
		if err := babel.ask(ctx, obabel); err != nil {
			return nil, err
		}
		all, without := share(babel.same, b.Molecules), share(babel.neutralSame, neutral)
		b.OpenBabel, b.OpenBabelNeutral = &all, &without
	}
	return b, nil
}

// compareBonds compares one structure.
func compareBonds(m *molecule.Molecule) (v bondVerdict) {
	smiles, _ := m.Property("smiles")
	want, err := rdkit.Plain(smiles)
	if err != nil || smiles == "" {
		return v
	}
	v.want, v.neutral = want, !strings.ContainsAny(want, "+-")
	_, charge, err := rdkit.Atoms(smiles)
	if err != nil {
		return bondVerdict{}
	}
	l := m.Lewis(charge)
	found, aromatic, err := rdkit.LewisSMILES(m, l)
	v.found, v.judged = found, err == nil
	v.aromatic = v.judged && slices.Equal(aromatic, l.Aromatic())
	wanted, err1 := rdkit.SkeletonOf(smiles)
	skeleton, err2 := rdkit.Skeleton(m, l.Bonds)
	v.skeleton = err1 == nil && err2 == nil && skeleton == wanted
	switch {
	case err != nil:
		v.found, v.kind = err.Error(), "RDKit refuses it"
	case found == want:
	case !v.skeleton:
		v.kind = "other atoms are bonded"
	case l.Charge() != charge:
		v.kind = "another total charge"
	default:
		v.kind = "another resonance form"
	}
	if graph, err := rdkit.Graph(smiles); err == nil {
		have, want := l.Features(), graph.Features()
		v.groups = maps.Equal(have.Groups, want.Groups)
		v.features = v.groups && maps.Equal(have.Bonds, want.Bonds) && maps.Equal(have.Rings, want.Rings)
	}
	if byTable, err := rdkit.SMILES(m); err == nil {
		explicit, err := rdkit.Explicit(smiles, molecule.QM9Rule)
		v.table = err == nil && explicit == byTable
	}
	return v
}

// babelled are structures that Open Babel is asked about.
type babelled struct {
	xyz               bytes.Buffer
	want              []bondVerdict
	same, neutralSame int
}

func (b *babelled) add(m *molecule.Molecule, v bondVerdict) {
	at := &molecule.Molecule{Elements: m.Elements, Positions: m.Positions,
		Properties: []molecule.Property{{Key: "index", Value: strconv.Itoa(len(b.want))}}}
	if molecule.WriteXYZ(&b.xyz, at) == nil {
		b.want = append(b.want, v)
	}
}

// ask compares the SMILES that Open Babel has of the structures.
func (b *babelled) ask(ctx context.Context, program string) error {
	dir, err := os.MkdirTemp("", "symdiff-obabel-*") // of a pipe it reads one molecule
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "in.xyz")
	if err := os.WriteFile(file, b.xyz.Bytes(), 0o666); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, program, "-ixyz", file, "-osmi").Output()
	if err != nil {
		return fmt.Errorf("obabel: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		smiles, title, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		i, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(title), "index="))
		if err != nil || i < 0 || i >= len(b.want) {
			continue
		}
		if got, err := rdkit.Plain(smiles); err == nil && got == b.want[i].want {
			b.same++
			b.neutralSame += one(b.want[i].neutral)
		}
	}
	return nil
}

// Document is the comparison to be read.
func (b *Bonds) Document() report.Report {
	r := report.Report{Title: fmt.Sprintf("%s: %d molecules with a SMILES", b.File, b.Molecules)}
	s := report.Section{Head: shareHead, Rows: [][]string{
		row("same graph as the SMILES", b.Same), row("of molecules without formal charges", b.Neutral),
		row("same atoms bonded", b.Skeleton), row("same aromatic bonds as RDKit", b.Aromatic),
		row("same functional groups", b.Groups), row("same groups, rings and types of bonds", b.Features),
		row("same graph by EDM's table", b.Table),
	}}
	if b.OpenBabel != nil {
		s.Rows = append(s.Rows, row("same graph by Open Babel", *b.OpenBabel),
			row("of molecules without formal charges", *b.OpenBabelNeutral))
	}
	s.Notes = []string{"Same: canonical SMILES by RDKit " + b.RDKit + " with bond orders and charges, without stereo " +
		"marks and isotopes. EDM's table and Open Babel are given no charge."}
	r.Sections = append(r.Sections, s)
	if len(b.Kinds) > 0 {
		kinds := report.Section{Title: "Failures", Head: []string{"", "molecules"}}
		for _, kind := range slices.Sorted(maps.Keys(b.Kinds)) {
			kinds.Rows = append(kinds.Rows, []string{kind, fmt.Sprint(b.Kinds[kind])})
		}
		for _, f := range b.Failures {
			kinds.Notes = append(kinds.Notes, fmt.Sprintf("molecule %d, %s: %s, found %s", f.Index, f.Kind,
				f.Want, f.Found))
		}
		r.Sections = append(r.Sections, kinds)
	}
	return r
}
