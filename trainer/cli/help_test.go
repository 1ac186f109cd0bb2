package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// each calls f with every command.
func each(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, c := range cmd.Commands() {
		each(c, f)
	}
}

func TestHelpFitsAScreen(t *testing.T) {
	each(newRootCommand(func(*cobra.Command) {}), func(cmd *cobra.Command) {
		if cmd.DisableFlagParsing {
			return // it was built without libtorch, and says so
		}
		help := succeeds(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		usage, _, _ := strings.Cut(cmd.UseLine(), " [flags]")
		for line := range strings.Lines(help) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > 100 && !strings.Contains(line, usage) &&
				!strings.HasPrefix(line, "  symdiff") {
				t.Errorf("%s: a line of %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
	})
}

func TestSampleHasFewFlags(t *testing.T) {
	n := 0
	newSampleCommand().Flags().VisitAll(func(*pflag.Flag) { n++ })
	if n > 20 {
		t.Errorf("%d flags, want 20 at most: --set sets the other options", n)
	}
}

// The examples of the help run, on fewer molecules and steps.
func TestExamplesOfSampleRun(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("part.xyz", []byte("2\n\nC 0 0 0\nO 1.43 0 0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	fewer := strings.NewReplacer(
		"-n 100 ",
		"-n 3 ",
		"-n 500 ",
		"-n 2 ",
		"-n 10 ",
		"-n 2 ",
		"-n 5 ",
		"-n 2 ",
		"--steps 1000",
		"--steps 4",
	)
	lines := strings.Split(newSampleCommand().Example, "\n")
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " #")
		args := strings.Fields(fewer.Replace(strings.TrimSpace(line) + " "))[1:]
		if !strings.Contains(line, "--steps") && !strings.Contains(line, "branches") {
			args = append(args, "--steps", "3")
		}
		succeeds(t, args...)
	}
	if len(lines) < 5 {
		t.Errorf("%d examples", len(lines))
	}
}

func TestManualPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man", "man1")
	succeeds(t, "man", dir)
	page, err := os.ReadFile(filepath.Join(dir, "symdiff-sample.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH \"SYMDIFF\" \"1\"", "--t-start", "symdiff sample -n 100"} {
		if !strings.Contains(strings.ReplaceAll(string(page), `\-`, "-"), want) {
			t.Errorf("%q is not in symdiff-sample.1: %.400s", want, page)
		}
	}
	fails(t, 1, "part.xyz", "man", writeFile(t, "part.xyz", ""))
}
