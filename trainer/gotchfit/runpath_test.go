package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMovable(t *testing.T) {
	for text, want := range map[string]string{
		"$ORIGIN/lib:/home/me/build/lib": "$ORIGIN/lib",
		"/home/me/build/lib:$ORIGIN/lib": "$ORIGIN/lib",
		"/home/me:/opt":                  "",
		"$ORIGIN:$ORIGIN/lib":            "$ORIGIN:$ORIGIN/lib",
	} {
		have := movable(text)
		if len(have) != len(text) || strings.TrimRight(string(have), "\x00") != want {
			t.Errorf("%s: %q, want %q", text, have, want)
		}
	}
}

func TestRelocateRefusesWhatIsNoProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(path, []byte("notes"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := relocate(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}
