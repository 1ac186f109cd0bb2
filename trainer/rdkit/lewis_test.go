//go:build rdkit && cgo

package rdkit

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

var sdfWriters = map[string]func(io.Writer, *molecule.Molecule) error{
	"Kekulé": molecule.WriteSDF, "aromatic": molecule.WriteAromaticSDF}

// lewisCases are structures of all kinds of groups; their property smiles is what [Plain] has of
// the SMILES that they were made of.
func lewisCases(t *testing.T) []*molecule.Molecule {
	return molecules(t, "../../core/molecule/testdata/lewis.sdf", 0)
}

// The Lewis structure is the graph of the SMILES, and RDKit finds the same bonds aromatic.
func TestLewisIsTheGraphOfTheSMILES(t *testing.T) {
	for _, m := range lewisCases(t) {
		want, _ := m.Property("smiles")
		name, _ := m.Property("title")
		l := m.Lewis(m.Charge())
		got, aromatic, err := LewisSMILES(m, l)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
		if !slices.Equal(aromatic, l.Aromatic()) {
			t.Errorf("%s: aromatic bonds %v, RDKit %v", name, l.Aromatic(), aromatic)
		}
		if plain, err := Plain(want); err != nil || plain != want {
			t.Errorf("%s: its SMILES %s is %s, %v", name, want, plain, err)
		}
	}
}

// RDKit reads from an SDF, Kekulé or with aromatic bonds, the molecule that was written.
func TestRDKitReadsTheSDF(t *testing.T) {
	for _, m := range lewisCases(t) {
		want, _ := m.Property("smiles")
		name, _ := m.Property("title")
		for kind, write := range sdfWriters {
			var sdf bytes.Buffer
			if err := write(&sdf, m); err != nil {
				t.Fatal(err)
			}
			if got, err := ReadSDF(sdf.String()); err != nil || got != want {
				t.Errorf("%s, %s: %s, %v; want %s", name, kind, got, err, want)
			}
		}
	}
}

// Open Babel does too: its SMILES is the molecule's for RDKit. It does not read charges in rings of
// aromatic bonds.
func TestOpenBabelReadsTheSDF(t *testing.T) {
	program, err := exec.LookPath("obabel")
	if err != nil {
		t.Skip("no obabel")
	}
	all := lewisCases(t)
	for kind, write := range sdfWriters {
		var sdf bytes.Buffer
		for _, m := range all {
			if err := write(&sdf, m); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(program, "-isdf", "-osmi")
		cmd.Stdin = &sdf
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) != len(all) {
			t.Fatalf("%s: %d lines of %d molecules", kind, len(lines), len(all))
		}
		for i, m := range all {
			want, _ := m.Property("smiles")
			name, _ := m.Property("title")
			if kind == "aromatic" && chargedRing(m) {
				continue
			}
			read, _, _ := strings.Cut(lines[i], "\t")
			if got, err := Plain(read); err != nil || got != want {
				t.Errorf("%s, %s: %s (%s), %v; want %s", name, kind, got, read, err, want)
			}
		}
	}
}

// chargedRing tells whether an aromatic bond ends at a charge.
func chargedRing(m *molecule.Molecule) bool {
	l := m.Lewis(m.Charge())
	aromatic := l.Aromatic()
	for k, b := range l.Bonds {
		if aromatic[k] && (l.Charges[b.I] != 0 || l.Charges[b.J] != 0) {
			return true
		}
	}
	return false
}
