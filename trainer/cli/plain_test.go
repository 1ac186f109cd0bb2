package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
)

func TestPlainText(t *testing.T) {
	for text, want := range map[string]string{
		"C7H10O2\tβ-carotene 分子\n":      "C7H10O2\tβ-carotene 分子\n",
		"\rsampling: 3 molecules\x1b[K": "\rsampling: 3 molecules\x1b[K",
		"\r      \r":                    "\r      \r",
		"\r\x1b[K":                      "\r\x1b[K",
		"a\x1b]0;title\x07b":            `a\u001b]0;title\u0007b`,
		"a\rb":                          `a\u000db`,
		"a\x1b[K":                       `a\u001b[K`,
		"\ra\x1b[2Jb\x1b[K":             "\ra\\u001b[2Jb\x1b[K",
		"CSI \u009b31m, \x9b31m":        `CSI \u009b31m, \u009b31m`,
		"abc\u202Edef\u2066":            `abc\u202edef\u2066`,
		"\uFFFD\x7f":                    `\ufffd\u007f`,
	} {
		if have := plainText(text); have != want {
			t.Errorf("%q: %q, want %q", text, have, want)
		}
	}
}

// A character that is cut between two writes is whole.
func TestPlainWriter(t *testing.T) {
	var b bytes.Buffer
	p := &plain{w: &b}
	text := "分子 β\x1b[2J\u0085 Å\n"
	for _, c := range []byte(text) {
		if n, err := p.Write([]byte{c}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "分子 β\\u001b[2J\\u0085 Å\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// Names and metadata of a file do not command the terminal, in no command and no error.
func TestFilesDoNotCommandTheTerminal(t *testing.T) {
	const evil = "\x1b]0;evil\x07\u009b2J"
	dir := t.TempDir()
	path := filepath.Join(dir, "a"+evil+".safetensors")
	tensors := []safetensors.Tensor{{Name: "t" + evil, DType: safetensors.F32, Shape: []int{1}, Data: []float32{1}}}
	metadata := map[string]string{"k" + evil: "v" + evil, "format": evil, "kind": evil}
	if err := safetensors.WriteFile(path, tensors, metadata); err != nil {
		t.Skip(err) // a file system that has no such names
	}
	for _, args := range [][]string{
		{"inspect", path, "--tensors"}, {"inspect", path, "--json"},
		{"sample", "--model", path}, {"nll", "--model", path, "--data", path},
		{"export", path, "--out", filepath.Join(dir, "o")}, {"data", "stats", path},
		{"evaluate", path}, {"sample", "--method", evil},
		{"sample", "--fragment", filepath.Join(dir, evil+".xyz")},
		{"import", path, "--out", filepath.Join(dir, "o")}, {evil}, {"plot", filepath.Join(dir, evil)},
		{"compare", path, path},
	} {
		var out, told bytes.Buffer
		run(t.Context(), args, nil, &out, &told)
		if text := out.String() + told.String(); strings.ContainsAny(text, "\x1b\x07\u009b") || text == "" {
			t.Errorf("%q: %q", args, text)
		}
	}
}
