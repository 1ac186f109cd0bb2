package train

import (
	"os"
	"path/filepath"
	"testing"
)

// The second name of a file is the only thing that comes to its folder, also when it names that file
// already.
func TestSecondNameLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	first, other, name := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "best")
	for path, text := range map[string]string{first: "one", other: "two"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct{ path, want string }{{first, "one"}, {first, "one"}, {other, "two"}} {
		if err := second(step.path, name); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(name); err != nil || string(text) != step.want {
			t.Errorf("%q, %v, want %q", text, err, step.want)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 3 {
			t.Errorf("%v in the folder, %v", list, err)
		}
	}
}

// A line without its end is cut off even where it reads as a whole one: the next would join it.
func TestTrimCutsALineWithoutEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]string{"a\nb\n": "a\nb\n", "a\nb": "a\n", "a\nx\nb\n": "a\nb\n"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := trim(path, func(line string) bool { return line != "x\n" }); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v; want %q", text, got, err, want)
		}
	}
}
