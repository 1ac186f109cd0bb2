package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTopREADME runs the commands of the repository's README in turn, in one folder, on fewer
// molecules and steps. Targets of make must be in the Makefile. Of the commands that train, whose
// tests are with libtorch, the flags must be in the help.
func TestTopREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("part.xyz", []byte("2\n\nC 0 0 0\nO 1.43 0 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	target, flag := regexp.MustCompile(`^make ([a-z-]+)`), regexp.MustCompile(`(^| )(--?[a-z-]+)`)
	ran := 0
	for line := range strings.Lines(string(text)) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		line, _, _ = strings.Cut(line, " # ")
		line = strings.TrimSpace(line)
		if m := target.FindStringSubmatch(line); m != nil {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: no such target in the Makefile", line)
			}
			continue
		}
		command, ok := strings.CutPrefix(line, "build/symdiff ")
		if !ok {
			if !strings.HasPrefix(line, "data ->") {
				t.Errorf("%s: not a command that this test knows", line)
			}
			continue
		}
		ran++
		args := strings.Fields(command)
		switch args[0] {
		case "train", "posttrain":
			if !trainingBuilt {
				continue
			}
			help := succeeds(t, args[0], "--help")
			for _, m := range flag.FindAllStringSubmatch(command, -1) {
				if !strings.Contains(help, m[2]+" ") && !strings.Contains(help, m[2]+",") {
					t.Errorf("%s: %s has no flag %s", line, args[0], m[2])
				}
			}
		default:
			if args[0] == "sample" {
				args = append(strings.Fields(strings.Replace(command, "-n 100", "-n 2", 1)), "--steps", "4")
			}
			if code, _, stderr := runCommand("", args...); code != 0 {
				t.Fatalf("%s: code %d, %s", line, code, stderr)
			}
		}
	}
	if ran < 6 {
		t.Errorf("%d commands, want six or more", ran)
	}
	for _, file := range []string{"out.sdf", "report.html", "formula.sdf", "around.sdf", "like.sdf"} {
		if fi, err := os.Stat(filepath.Clean(file)); err != nil || fi.Size() == 0 {
			t.Errorf("%s is not there: %v", file, err)
		}
	}
}
