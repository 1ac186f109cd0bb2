package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRelax(t *testing.T) {
	const wrong, right = "\x20\x01\x20\x02\x20\x03\xfd\x85\x01\x02\x21\x03", "\x20\x01\x20\x02\x20\x03\xfd\x85\x02\x01\x21\x03"
	const other = "\x41\x01\x20\x02\x20\x03\xfd\x85\x01\x02\x21\x03" // not three locals
	path := filepath.Join(t.TempDir(), "a.wasm")
	if err := os.WriteFile(path, []byte("head"+wrong+other+"\x22"+wrong[1:]+"tail"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := relax(path); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "head"+right+other+"\x22"+right[1:]+"tail" {
		t.Errorf("%x", got)
	}
	if err := relax(path); err == nil {
		t.Error("a module without anything to mend is accepted")
	}
	if err := relax(path + "x"); err == nil {
		t.Error("a missing file is accepted")
	}
}
