// Command tstypes writes the TypeScript types of the sampler's options, from the Go
// struct and its comments: go run ./wasm/internal/tstypes > wasm/js/options.ts
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := write(os.Stdout, "."); err != nil {
		fmt.Fprintln(os.Stderr, "tstypes:", err)
		os.Exit(1)
	}
}

// width is the widest line of a comment.
const width = 96

// typescript is the type of a field by its Go type.
var typescript = map[string]string{
	"uint64": "number | bigint", "int": "number", "float64": "number", "bool": "boolean", "string": "string",
	"Method": "Method", "Gamma": "Gamma", "[]Branch": "Branch[]", "*o3.Matrix": "ArrayLike<number>",
	"map[string]float64": "Record<string, number>", "*molecule.Molecule": "Atoms",
	"[]*molecule.Molecule": "Atoms | Atoms[]",
}

// source is what the Go files declare.
type source struct {
	structs map[string]*ast.StructType
	words   map[string][]string // constants of a string type, in their order
	comment map[string]string   // of a type
}

// write writes the types; root is the folder of the module.
func write(w io.Writer, root string) error {
	src, err := read(filepath.Join(root, "core/sampler"))
	if err != nil {
		return err
	}
	names := map[string]string{} // Go name -> JSON name
	for _, name := range []string{"Options", "Branch"} {
		for _, f := range src.structs[name].Fields.List {
			if tag := jsonName(f); tag != "" {
				names[f.Names[0].Name] = tag
			}
		}
	}
	fmt.Fprint(
		w,
		"// Code generated from core/sampler/options.go by go run ./wasm/internal/tstypes; DO NOT EDIT.\n",
	)
	for _, name := range []string{"Method", "Gamma"} {
		comment(w, "", src.comment[name], nil)
		fmt.Fprintf(w, "export type %s = %s;\n", name,
			`"`+strings.Join(src.words[name], `" | "`)+`"`)
	}
	comment(w, "", "Atoms at positions (atoms, 3), row by row, in Å.", nil)
	fmt.Fprint(
		w,
		"export interface Atoms {\n  elements: readonly string[];\n  positions: ArrayLike<number>;\n}\n",
	)
	for _, name := range []string{"Branch", "Options"} {
		comment(w, "", src.comment[name], names)
		fmt.Fprintf(w, "export interface %s {\n", name)
		for _, f := range src.structs[name].Fields.List {
			tag := jsonName(f)
			if tag == "" {
				continue
			}
			ts := typescript[goType(f.Type)]
			if ts == "" {
				return errors.New(tag + ": no TypeScript type for " + goType(f.Type))
			}
			comment(w, "  ", f.Doc.Text(), names)
			optional := "?"
			if name == "Branch" {
				optional = ""
			}
			fmt.Fprintf(w, "  %s%s: %s;\n", tag, optional, ts)
		}
		fmt.Fprint(w, "}\n")
	}
	return nil
}

// read parses a package.
func read(folder string) (source, error) {
	src := source{map[string]*ast.StructType{}, map[string][]string{}, map[string]string{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return src, err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return src, err
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				src.add(g)
			}
		}
	}
	if src.structs["Options"] == nil || src.structs["Branch"] == nil {
		return src, errors.New(folder + ": no Options and Branch")
	}
	return src, nil
}

// add takes structs, and constants of string types.
func (src *source) add(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			src.comment[s.Name.Name] = g.Doc.Text()
			if t, ok := s.Type.(*ast.StructType); ok {
				src.structs[s.Name.Name] = t
			}
		case *ast.ValueSpec:
			if t, ok := s.Type.(*ast.Ident); ok && g.Tok == token.CONST && len(s.Values) == 1 {
				if v, ok := s.Values[0].(*ast.BasicLit); ok && v.Kind == token.STRING {
					src.words[t.Name] = append(src.words[t.Name], strings.Trim(v.Value, `"`))
				}
			}
		}
	}
}

// jsonName is that of an exported field, "" of one that JSON does not have.
func jsonName(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	name := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
	return strings.TrimPrefix(name, "-")
}

// goType is a type as it is written.
func goType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return "*" + goType(e.X)
	case *ast.ArrayType:
		return "[]" + goType(e.Elt)
	case *ast.MapType:
		return "map[" + goType(e.Key) + "]" + goType(e.Value)
	case *ast.SelectorExpr:
		return goType(e.X) + "." + e.Sel.Name
	}
	return "?"
}

// comment writes the doc of a field, fields under their JSON names.
func comment(w io.Writer, indent, text string, names map[string]string) {
	var all []string
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	slices.Reverse(all) // NoiseScale before N
	if len(all) > 0 {
		text = regexp.MustCompile(`\b(`+strings.Join(all, "|")+`)\b`).
			ReplaceAllStringFunc(text, func(name string) string { return "`" + names[name] + "`" })
		text = regexp.MustCompile(`\bnil\b`).ReplaceAllString(text, "Left out")
	}
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(indent+" * "+*last+" "+word)) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	if len(lines) == 1 {
		fmt.Fprintf(w, "%s/** %s */\n", indent, lines[0])
		return
	}
	fmt.Fprintf(w, "%s/**\n", indent)
	for _, line := range lines {
		fmt.Fprintf(w, "%s * %s\n", indent, line)
	}
	fmt.Fprintf(w, "%s */\n", indent)
}
