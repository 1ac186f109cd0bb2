package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// fieldFile is a file as users of the field bring it.
func fieldFile(name string) string {
	return filepath.Join("..", "..", "core", "molecule", "testdata", "cases", name)
}

// Every command reads a file in the same way: the same exit code, the same records
// skipped, the same words; with --strict a bad record is an error in all of them.
func TestCommandsReadAlike(t *testing.T) {
	tiny := tinyModel(t)
	commands := map[string]func(file string) []string{
		"evaluate": func(file string) []string { return []string{"evaluate", file} },
		"evaluate --train": func(file string) []string {
			return []string{"evaluate", fieldFile("xyz-control.xyz"),
				"--train", file}
		},
		"compare":    func(file string) []string { return []string{"compare", file} },
		"data stats": func(file string) []string { return []string{"data", "stats", file} },
		"data prepare": func(file string) []string {
			return []string{"data", "prepare", file, "--out", filepath.Join(t.TempDir(), "x.safetensors")}
		},
		"nll": func(file string) []string { return []string{"nll", "--model", tiny, "--data", file} },
		"sample --from": func(file string) []string {
			return []string{"sample", "--model", tiny, "--from", file, "--t-start", "1", "--steps", "1", "--quiet"}
		},
	}
	for _, c := range []struct {
		file   string
		told   string // on standard error, where the exit code is 0
		reason string // why it is refused, with code 1
	}{
		{"sdf-control.sdf", "", ""},
		{"sdf-no-blank-last-plain.sdf", "", ""},
		{"sdf-no-blank-before-end.sdf", "", ""},
		{"sdf-space-as-blank-line.sdf", "", ""},
		{"sdf-trailing-blank-lines.sdf", "", ""},
		{"sdf-field-number.sdf", "", ""},
		{"sdf-pubchem-like-data.sdf", "", ""},
		{"sdf-v3000.sdf", "", ""},
		{"sdf-no-version.mol", "", ""},
		{"sdf-lower-v2000.mol", "", ""},
		{"sdf-2d-no-hydrogens.sdf", "molecule 1, ethanol: 2D coordinates; no hydrogens, 6 are missing", ""},
		{"sdf-ammonium-chg.sdf", "an ion, charge +1", ""},
		{"sdf-star-atom.sdf", "2 molecules read, 1 skipped (1: unknown element)", `:20: molecule 2: unknown element "*"`},
		{"xyz-spaces-around-equals.extxyz", "", ""},
		{"xyz-2d-array-before-properties.extxyz", "", ""},
		{"xyz-quoted-key.extxyz", "", ""},
		{"xyz-json-value.extxyz", "", ""},
		{"xyz-fortran-exponent-properties.extxyz", "", ""},
		{"xyz-atomic-numbers.xyz", "", ""},
		{"xyz-deuterium.xyz", "", ""},
		{"dsgdb9nsd_000001.xyz", "", ""},
		{"qm9-three-files-concatenated.xyz", "", ""},
		{"xyz-two-atoms-one-place.xyz", "overlapping atoms, 1 and 2 are 0.00 Å apart", ""},
		{"xyz-huge.xyz", "", "1000000 Å from the origin"},
		{"xyz-nan.xyz", "", `want a coordinate, found "nan"`},
		{"xyz-stars.xyz", "", `want a coordinate, found "********"`},
		{"xyz-too-few-lines.xyz", "", "want atom 4 of 4"},
		{"xyz-too-many-lines.xyz", "", `want a number of atoms, found "H 5 5 5"`},
		{"xyz-count-with-text.xyz", "", `want a number of atoms, found "3 water"`},
		{"xyz-utf16.xyz", "", "is UTF-16"},
		{"xyz-metatrain-colons.extxyz", "", "a name holds no colon"},
	} {
		for name, args := range commands {
			code, _, stderr := runCommand("", args(fieldFile(c.file))...)
			switch {
			case c.reason != "" && c.told == "":
				if code != 1 || !strings.Contains(stderr, c.file) || !strings.Contains(stderr, c.reason) {
					t.Errorf("%s %s: code %d, %s; want code 1, %q", name, c.file, code, stderr, c.reason)
				}
			case code != 0 || !strings.Contains(stderr, c.told) || c.told == "" && strings.Contains(stderr, c.file):
				t.Errorf("%s %s: code %d, %s; want code 0, %q", name, c.file, code, stderr, c.told)
			}
			code, _, stderr = runCommand("", append(args(fieldFile(c.file)), "--strict")...)
			if (code == 1) != (c.reason != "") || code > 1 || !strings.Contains(stderr, c.reason) {
				t.Errorf("%s %s --strict: code %d, %s; want %q", name, c.file, code, stderr, c.reason)
			}
		}
		// So does the training, whose command needs libtorch.
		r := &dataset.Reader{}
		set, err := r.Load([]string{fieldFile(c.file)}, []molecule.Element{1, 6, 7, 8, 9}, 0)
		if refused := c.reason != "" && c.told == ""; (err != nil) != refused || !refused && set.Len() == 0 {
			t.Errorf("train %s: %v", c.file, err)
		}
	}
}

// Lists of SMILES: rows that cannot be read or embedded are named and counted,
// ions and radicals reported.
func TestListsOfSMILES(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.safetensors")
	for _, c := range []struct {
		file   string
		told   []string
		reason string
	}{
		{"smi-table.csv", nil, ""},
		{"smi-table.tsv", []string{"3 molecules read, 1 skipped (1: no SMILES)"}, ""},
		{"smi-uppercase-header.tsv", nil, ""},
		{"smi-bom-crlf.smi", nil, ""},
		{"smi-utf16.smi", nil, "smi-utf16.smi:1: is UTF-16"},
		{"smi-dots.smi", []string{"0 molecules read, 7 skipped (7: more than one fragment)"}, "no molecules"},
		{"smi-cumulenes.smi", []string{"12 molecules read, 3 skipped (3: bonds unlike the SMILES)", ": O=C=O",
			": N#N", ": [N-]=[N+]=O"}, ""},
		{"smi-mixed.smi", []string{
			"[Na+].[Cl-] salt", ": *CCO wildcard", "not a SMILES: C1CC open ring",
			"the extension |$;;R$| of CXSMILES is not read",
			"ammonium: an ion, charge +1", "methyl radical: a radical, 1 unpaired electron", `not a SMILES: "CCN"`,
			"not a SMILES: CCO,comma",
		}, ""},
		{"smi-hang.smi", []string{"2 molecules read, 1 skipped (1: no conformer in time)"}, ""},
	} {
		code, _, stderr := runCommand("", "data", "prepare", fieldFile(c.file), "--conformers", "1", "--embed-limit",
			"2s", "--out", out)
		if !rdkit.Available {
			if code != 1 || !strings.Contains(stderr, "conformers of SMILES need RDKit") {
				t.Errorf("%s without RDKit: code %d, %s", c.file, code, stderr)
			}
			continue
		}
		if (code == 1) != (c.reason != "") || !strings.Contains(stderr, c.reason) || len(c.told) == 0 &&
			c.reason == "" && stderr != "" {
			t.Errorf("%s: code %d, %s; want %q", c.file, code, stderr, c.reason)
		}
		for _, want := range c.told {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %s; want %q", c.file, stderr, want)
			}
		}
	}
}

// A file whose name holds @ is that file; FILE@key=value takes a part of one.
func TestNamesWithAt(t *testing.T) {
	dir := t.TempDir()
	plain, odd := filepath.Join(dir, "a.xyz"), filepath.Join(dir, "b@x=1.xyz")
	_, atoms, _ := strings.Cut(methane, "\n")
	_, atoms, _ = strings.Cut(atoms, "\n")
	text := "5\nsplit=train\n" + atoms
	for _, path := range []string{plain, odd} {
		if err := os.WriteFile(path, []byte(text+methane), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		plain: ": 2 molecules", odd: ": 2 molecules", plain + "@split=train": ": 1 molecules", odd +
			"@split=train": ": 1 molecules",
	} {
		for _, command := range []string{"evaluate", "compare"} {
			out := succeeds(t, command, name)
			if command == "evaluate" && !strings.Contains(out, want) {
				t.Errorf("%s %s: %s, want %q", command, name, out, want)
			}
		}
	}
	fails(t, 1, "no such file; after the @", "evaluate", filepath.Join(dir, "c@d.xyz"))
	fails(t, 1, "no molecules with split=val", "evaluate", odd+"@split=val")
}

// spaced are those of a text, with one space between.
func spaced(text string) string { return strings.Join(strings.Fields(text), " ") }

// Novelty against a list of SMILES is RDKit's to tell.
func TestNoveltyAgainstSMILES(t *testing.T) {
	list := writeFile(t, "known.smi", "C methane\nCC ethane\n")
	molecules := writeFile(t, "m.xyz", methane)
	if !rdkit.Available {
		fails(t, 1, "novelty against SMILES needs RDKit", "evaluate", molecules, "--train", list)
		return
	}
	if out := succeeds(t, "evaluate", molecules, "--train", list); !strings.Contains(spaced(out),
		"by RDKit: novel among valid and unique 0.00") {
		t.Error(out)
	}
	if out := succeeds(t, "evaluate", molecules, "--train", writeFile(t, "other.csv",
		"SMILES,id\nCC,1\n")); !strings.Contains(spaced(out), "by RDKit: novel among valid and unique 100.00") {
		t.Error(out)
	}
}

// A file that is not what a command wants is called by what it is, with the
// command that makes of it what is wanted.
func TestMessagesSayWhatAFileIs(t *testing.T) {
	put := func(name string, metadata map[string]string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := safetensors.WriteFile(path,
			[]safetensors.Tensor{{Name: "x", DType: safetensors.F32, Shape: []int{1}, Data: []float32{1}}},
			metadata); err != nil {
			t.Fatal(err)
		}
		return path
	}
	training := put("checkpoint.safetensors", map[string]string{"kind": "symdiff", "train_progress": "{}"})
	packed := put("set.safetensors", map[string]string{"format": "symdiff-molecules 1", "splits": "{}"})
	bare := put("bare.safetensors", nil)
	for model, want := range map[string]string{
		training: "is a checkpoint of a training, want a model: `symdiff export " + training,
		packed:   "is a packed data set of molecules, want a model",
		bare:     "no model of symdiff: `symdiff import` makes one of a checkpoint of PyTorch",
		writeFile(t, "m.safetensors", "version https://git-lfs.github.com/spec/v1\n"): "git lfs pull",
		writeFile(t, "n.safetensors", "PK\x03\x04 and so on"):                         "`symdiff import` makes a model of that",
	} {
		fails(t, 1, want, "sample", "--model", model)
	}
	fails(t, 1, "is a model (symdiff), want a data set", "evaluate", tinyModel(t))
	numpy := writeFile(t, "x.pt", "\x80\x02}X\x01\x00\x00\x00acnumpy.core.multiarray\nscalar\n)Rs.")
	fails(t, 1, "holds values of NumPy (numpy.core.multiarray.scalar), which are not read: nothing was run. Save it again",
		"import", numpy, "--out", filepath.Join(t.TempDir(), "m.safetensors"))
}
