package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"log"
	"path/filepath"
)

// A program is the source of one target.
type program struct {
	target
	constants map[string]ast.Expr
	types     map[string]ast.Expr
	variables map[string]ast.Expr // their values
	functions map[string]*ast.FuncDecl
	order     map[string]int // of the variables and functions
	texts     map[instance]string
	open      []instance // needed, not yet written
}

// An instance is a variable or a function of the source; of a function with constant
// parameters there is one for each of their values.
type instance struct {
	name   string
	values string // joined by x
}

// read parses the files of folder that are the source of a target.
func read(folder string, t target) *program {
	p := &program{
		target: t, constants: map[string]ast.Expr{}, types: map[string]ast.Expr{},
		variables: map[string]ast.Expr{}, functions: map[string]*ast.FuncDecl{},
		order: map[string]int{}, texts: map[instance]string{},
	}
	context := build.Default
	context.GOARCH = t.arch
	context.BuildTags = append([]string{"vectorsource"}, t.tags...)
	context.ToolTags = []string{"goexperiment.simd"}
	// Of the portable kernels the source has the number of partial sums.
	portable := &program{constants: map[string]ast.Expr{}, order: map[string]int{},
		variables: map[string]ast.Expr{}, functions: map[string]*ast.FuncDecl{}}
	portable.collect(parse(filepath.Join(folder, "portable.go")).Decls)
	p.constants["lanes"] = portable.constants["lanes"]
	names, err := filepath.Glob(filepath.Join(folder, "vector*.go"))
	if err != nil || len(names) == 0 {
		log.Fatalf("no source in %s: %v", folder, err)
	}
	for _, name := range names {
		matches, err := context.MatchFile(folder, filepath.Base(name))
		if err != nil {
			log.Fatal(err)
		}
		if matches {
			p.collect(parse(name).Decls)
		}
	}
	return p
}

func parse(name string) *ast.File {
	mode := parser.ParseComments | parser.SkipObjectResolution
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, mode)
	if err != nil {
		log.Fatal(err)
	}
	return f
}

func (p *program) collect(declarations []ast.Decl) {
	for _, d := range declarations {
		if f, is := d.(*ast.FuncDecl); is {
			p.functions[f.Name.Name] = f
			p.order[f.Name.Name] = len(p.order)
			continue
		}
		for _, s := range d.(*ast.GenDecl).Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				p.types[s.Name.Name] = s.Type
			case *ast.ValueSpec:
				name := s.Names[0].Name
				if d.(*ast.GenDecl).Tok == token.CONST {
					p.constants[name] = s.Values[0]
					continue
				}
				p.variables[name] = s.Values[0]
				p.order[name] = len(p.order)
			}
		}
	}
}
