package notice

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every module that go.mod requires directly is in the notice, and what the pages load.
func TestNoticeNamesAllWorks(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{
		"\nGo\n", "OpenChemLib", "Instrument Sans", "SIL OPEN FONT LICENSE", "Apache License", "The Go Authors",
	}
	for _, m := range regexp.MustCompile(`(?m)^\s+(\S+\.\S+/\S+) (v\S+)$`).FindAllStringSubmatch(string(mod), -1) {
		names = append(names, "\n"+m[1]+" "+m[2]+"\n")
	}
	if len(names) < 12 {
		t.Fatalf("%d names", len(names))
	}
	for _, name := range names {
		if !strings.Contains(Notice, name) {
			t.Errorf("%q is not in NOTICE: make notice writes it", strings.TrimSpace(name))
		}
	}
}
