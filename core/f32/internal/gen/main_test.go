package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGenerated checks that the files in core/f32 are what this command writes.
func TestGenerated(t *testing.T) {
	folder := filepath.Join("..", "..")
	for name, want := range files(folder) {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date: run go generate in core/f32", name)
		}
	}
}
