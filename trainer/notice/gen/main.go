// Command gen writes the licences of all that the command symdiff, the site and the npm
// package are made of: Go, the modules that are linked on any platform, and what the pages
// load. See `make notice`.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// work is a work of others, and the folder that has its licence.
type work struct{ name, version, folder, of string }

// page is what the site loads beside our own code, from site/node_modules.
var page = []work{
	{name: "OpenChemLib", folder: "openchemlib", of: "in the site: names, 2D drawings, force field"},
	{name: "Instrument Sans", folder: "@fontsource-variable/instrument-sans", of: "in the site: its typeface"},
}

// platforms are those that releases are built for.
var platforms = []string{"linux", "darwin", "windows"}

func main() {
	out := flag.String("out", "trainer/notice/NOTICE", "file to write")
	npm := flag.String("npm", "site/node_modules", "folder of the npm packages")
	gotch := flag.String("gotch", "github.com/sugarme/gotch", "module that training adds; empty: none")
	flag.Parse()
	text, err := notice(*npm, *gotch)
	if err == nil {
		err = os.WriteFile(*out, text, 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notice:", err)
		os.Exit(1)
	}
}

func notice(npm, gotch string) ([]byte, error) {
	root, err := command("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	works := []work{{
		name: "Go", folder: root,
		of: "in every program and in the WebAssembly modules: runtime and standard library",
	}}
	modules, err := linked(gotch)
	if err != nil {
		return nil, err
	}
	works = append(works, modules...)
	for _, w := range page {
		w.folder = filepath.Join(npm, w.folder)
		works = append(works, w)
	}
	var b bytes.Buffer
	b.WriteString("SymDiff is under the licence of the file LICENSE. " +
		"Its programs, its site and its npm package contain the works below.\n")
	b.WriteString("Written by `make notice`.\n")
	for _, w := range works {
		texts, err := licences(w.folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(&b, "\n%s\n%s\n(%s)\n\n%s\n",
			strings.Repeat("=", 78), strings.TrimSpace(w.name+" "+w.version), w.of, texts)
	}
	return b.Bytes(), nil
}

// linked are the modules in the command symdiff, without training on all platforms, and the one
// that training adds.
func linked(gotch string) ([]work, error) {
	found := map[string]work{}
	for _, system := range platforms {
		list := exec.Command("go", "list", "-deps",
			"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}",
			"./trainer/cmd/symdiff", "./site/serve")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0", "GOWORK=off")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
				found[f[0]] = work{f[0], f[1], f[2], "in the command symdiff"}
			}
		}
	}
	if gotch != "" {
		if _, err := command("go", "mod", "download", gotch); err != nil {
			return nil, err
		}
		line, err := command("go", "list", "-m", "-f", "{{.Version}}\t{{.Dir}}", gotch)
		if err != nil {
			return nil, err
		}
		version, dir, _ := strings.Cut(line, "\t")
		found[gotch] = work{gotch, version, dir, "in the command symdiff with training, changed by trainer/gotchfit"}
	}
	var list []work
	for _, w := range found {
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b work) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// licences are the texts of the files LICENSE, COPYING and NOTICE of a folder.
func licences(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(e.Name()), ".TXT"), ".MD")
		if e.IsDir() || !slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, base) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return "", err
		}
		text := strings.ReplaceAll(strings.TrimSpace(string(data)), "\r\n", "\n")
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "", errors.New("no licence in " + folder)
	}
	return strings.Join(texts, "\n\n"), nil
}

func command(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "GOWORK=off")
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}
