package main

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"log"
	"slices"
	"strconv"
	"strings"
)

// A scope says what the names of a place of the source mean. The turns of an unrolled
// loop stand in one block of the output, where a suffix tells apart what they declare.
type scope struct {
	up     *scope
	block  *int // its identity
	names  map[string]*meaning
	suffix string
}

// A meaning is one of: a constant, a function, an array of which each element is a
// variable, an expression of the output, which for most names is a variable.
type meaning struct {
	value    *int
	function *function
	array    *array
	text     ast.Expr
	used     bool
}

// A function is one that takes the place of its calls.
type function struct {
	*ast.FuncType
	body  *ast.BlockStmt
	scope *scope // of its definition
}

// An array has a variable for each element that is used. Its declaration names those
// that are not defined by an assignment in the same block.
type array struct {
	name     string
	block    *int
	seen     map[string]bool
	declared *ast.ValueSpec
}

func (s *scope) inner() *scope {
	return &scope{up: s, block: new(int), names: map[string]*meaning{}, suffix: s.suffix}
}

// turn is the scope of turn i of an unrolled loop.
func (s *scope) turn(i int) *scope {
	suffix := s.suffix + strconv.Itoa(i)
	return &scope{up: s, block: s.block, names: map[string]*meaning{}, suffix: suffix}
}

func (s *scope) find(name string) *meaning {
	for ; s != nil; s = s.up {
		if m := s.names[name]; m != nil {
			m.used = true
			return m
		}
	}
	return nil
}

// declare makes name a variable.
func (s *scope) declare(name string) *ast.Ident {
	if name == "_" {
		return ast.NewIdent(name)
	}
	s.names[name] = &meaning{text: ast.NewIdent(name + s.suffix)}
	return ast.NewIdent(name + s.suffix)
}

// renamed is a name of the source with the width in it.
func (p *program) renamed(k instance) string {
	stem := strings.TrimSuffix(k.name, "Vector") + k.values
	if last := stem[len(stem)-1]; last >= '0' && last <= '9' {
		stem += "x"
	}
	return stem + p.bits
}

// need returns the name of a variable or function, which is to be written.
func (p *program) need(name string, values []string) string {
	k := instance{name, strings.Join(values, "x")}
	if _, is := p.texts[k]; !is {
		p.texts[k] = ""
		p.open = append(p.open, k)
	}
	return p.renamed(k)
}

// constant returns the value of a constant of the source.
func (p *program) constant(name string) int {
	n, is := p.integer(p.constants[name], nil)
	if !is {
		log.Fatalf("%s is not a constant", name)
	}
	return n
}

// declaration is the text of a variable or function.
func (p *program) declaration(k instance) string {
	if value := p.variables[k.name]; value != nil {
		return "var " + p.renamed(k) + " = " + text(p.expression(value, nil)) + "\n"
	}
	f := p.functions[k.name]
	s := new(scope).inner()
	constants, _ := p.constantParameters(f)
	for i, name := range constants {
		n, _ := strconv.Atoi(strings.Split(k.values, "x")[i])
		s.names[name] = &meaning{value: &n}
	}
	signature := &ast.FuncType{Params: &ast.FieldList{}, Results: p.fields(f.Type.Results, s)}
	for _, field := range f.Type.Params.List {
		var names []*ast.Ident
		for _, n := range field.Names {
			if !slices.Contains(constants, n.Name) {
				names = append(names, s.declare(n.Name))
			}
		}
		if names != nil {
			field := &ast.Field{Names: names, Type: p.expression(field.Type, s)}
			signature.Params.List = append(signature.Params.List, field)
		}
	}
	var doc strings.Builder
	for line := range strings.Lines(f.Doc.Text()) {
		doc.WriteString("// " + strings.ReplaceAll(line, k.name, p.renamed(k)))
	}
	return doc.String() + text(&ast.FuncDecl{
		Name: ast.NewIdent(p.renamed(k)), Type: signature, Body: p.block(f.Body, s.inner()),
	}) + "\n"
}

func text(node any) string {
	var b bytes.Buffer
	if err := format.Node(&b, token.NewFileSet(), node); err != nil {
		log.Fatal(err)
	}
	return b.String()
}

// directive returns the words of the line //gen:name above a function.
func directive(f *ast.FuncDecl, name string) (words []string, is bool) {
	if f == nil || f.Doc == nil {
		return nil, false
	}
	for _, c := range f.Doc.List {
		if rest, is := strings.CutPrefix(c.Text, "//gen:"+name); is {
			return strings.Fields(rest), true
		}
	}
	return nil, false
}

// constantParameters returns the names of a function's constant parameters and, for
// those that may differ at run time, the range.
func (p *program) constantParameters(f *ast.FuncDecl) (names []string, ranges map[string][2]int) {
	words, _ := directive(f, "constant")
	ranges = map[string][2]int{}
	for _, w := range words {
		name, limits, ranged := strings.Cut(w, "=")
		names = append(names, name)
		if ranged {
			from, to, _ := strings.Cut(limits, "..")
			ranges[name] = [2]int{p.limit(from), p.limit(to)}
		}
	}
	return names, ranges
}

func (p *program) limit(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return p.constant(s)
}

// fields is a list of parameters or results.
func (p *program) fields(list *ast.FieldList, s *scope) *ast.FieldList {
	if list == nil {
		return nil
	}
	out := &ast.FieldList{}
	for _, f := range list.List {
		field := &ast.Field{Type: p.expression(f.Type, s)}
		for _, n := range f.Names {
			field.Names = append(field.Names, s.declare(n.Name))
		}
		out.List = append(out.List, field)
	}
	return out
}

// integer is the value of a constant expression.
func (p *program) integer(e ast.Expr, s *scope) (n int, is bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.Atoi(e.Value)
		return n, err == nil
	case *ast.ParenExpr:
		return p.integer(e.X, s)
	case *ast.Ident:
		if m := s.find(e.Name); m != nil {
			if m.value == nil {
				return 0, false
			}
			return *m.value, true
		}
		if c := p.constants[e.Name]; c != nil {
			return p.integer(c, nil)
		}
	case *ast.BinaryExpr:
		x, xIs := p.integer(e.X, s)
		y, yIs := p.integer(e.Y, s)
		if xIs && yIs {
			return arithmetic(e.Op, x, y)
		}
		if e.Op == token.MUL && (xIs && x == 0 || yIs && y == 0) {
			return 0, true
		}
	}
	return 0, false
}

func arithmetic(op token.Token, x, y int) (n int, is bool) {
	switch op {
	case token.ADD:
		return x + y, true
	case token.SUB:
		return x - y, true
	case token.MUL:
		return x * y, true
	case token.QUO:
		return x / y, true
	case token.REM:
		return x % y, true
	}
	return 0, false
}

// condition is e, or its value where that is constant.
func (p *program) condition(e ast.Expr, s *scope) (out ast.Expr, value, constant bool) {
	b, is := e.(*ast.BinaryExpr)
	if !is {
		return p.expression(e, s), false, false
	}
	if b.Op == token.LAND {
		x, value, constant := p.condition(b.X, s)
		if constant {
			if !value {
				return nil, false, true
			}
			return p.condition(b.Y, s)
		}
		return &ast.BinaryExpr{X: x, Op: b.Op, Y: p.expression(b.Y, s)}, false, false
	}
	x, xIs := p.integer(b.X, s)
	y, yIs := p.integer(b.Y, s)
	if !xIs || !yIs {
		return p.expression(e, s), false, false
	}
	switch b.Op {
	case token.EQL:
		return nil, x == y, true
	case token.LSS:
		return nil, x < y, true
	case token.GTR:
		return nil, x > y, true
	}
	return p.expression(e, s), false, false
}

func literal(n int) ast.Expr { return &ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(n)} }

// expression is e with all that is constant evaluated.
func (p *program) expression(e ast.Expr, s *scope) ast.Expr {
	if e == nil {
		return nil
	}
	if n, is := p.integer(e, s); is {
		return literal(n)
	}
	of := func(e ast.Expr) ast.Expr { return p.expression(e, s) }
	switch e := e.(type) {
	case *ast.Ident:
		return p.identifier(e.Name, s)
	case *ast.BasicLit:
		return &ast.BasicLit{Kind: e.Kind, Value: e.Value}
	case *ast.ParenExpr:
		return &ast.ParenExpr{X: of(e.X)}
	case *ast.UnaryExpr:
		return &ast.UnaryExpr{Op: e.Op, X: of(e.X)}
	case *ast.StarExpr:
		return &ast.StarExpr{X: of(e.X)}
	case *ast.SelectorExpr:
		return &ast.SelectorExpr{X: of(e.X), Sel: ast.NewIdent(e.Sel.Name)}
	case *ast.BinaryExpr:
		return p.binary(e, s)
	case *ast.IndexExpr:
		if a, element := p.element(e, s); a != nil {
			return a.variable(element)
		}
		return &ast.IndexExpr{X: of(e.X), Index: of(e.Index)}
	case *ast.SliceExpr:
		x := of(e.X)
		if y, is := x.(*ast.SliceExpr); is && y.Low == nil && y.High == nil {
			x = y.X
		}
		return &ast.SliceExpr{X: x, Low: of(e.Low), High: of(e.High), Max: of(e.Max), Slice3: e.Slice3}
	case *ast.ArrayType:
		return &ast.ArrayType{Len: of(e.Len), Elt: of(e.Elt)}
	case *ast.CallExpr:
		return p.call(e, s)
	}
	log.Fatalf("%T is not an expression that gen knows", e)
	return nil
}

func (p *program) identifier(name string, s *scope) ast.Expr {
	if m := s.find(name); m != nil {
		if m.text == nil {
			log.Fatalf("%s is not a variable", name)
		}
		return m.text
	}
	if t := p.types[name]; t != nil {
		return p.expression(t, nil)
	}
	if f := p.inline(ast.NewIdent(name), nil); f != nil { // as a value, it is what it calls
		return p.expression(f.body.List[0].(*ast.ExprStmt).X.(*ast.CallExpr).Fun, nil)
	}
	if p.variables[name] != nil || p.functions[name] != nil {
		return ast.NewIdent(p.need(name, nil))
	}
	return ast.NewIdent(name) // of the package, or predeclared
}

// binary is an operation, without what adds nothing.
func (p *program) binary(e *ast.BinaryExpr, s *scope) ast.Expr {
	x, y := p.expression(e.X, s), p.expression(e.Y, s)
	is := func(e ast.Expr, value string) bool {
		l, is := e.(*ast.BasicLit)
		return is && l.Value == value
	}
	switch {
	case e.Op == token.ADD && is(x, "0"), e.Op == token.MUL && is(x, "1"):
		return y
	case e.Op == token.ADD && is(y, "0"), e.Op == token.MUL && is(y, "1"):
		return x
	}
	return &ast.BinaryExpr{X: x, Op: e.Op, Y: y}
}

// element returns the array of variables of which e is an element, and which.
func (p *program) element(e *ast.IndexExpr, s *scope) (of *array, which string) {
	switch x := e.X.(type) {
	case *ast.Ident:
		if m := s.find(x.Name); m != nil {
			of = m.array
		}
	case *ast.IndexExpr:
		of, which = p.element(x, s)
	}
	if of == nil {
		return nil, ""
	}
	n, is := p.integer(e.Index, s)
	if !is {
		log.Fatalf("an index of %s is not constant", of.name)
	}
	return of, which + strconv.Itoa(n)
}

// variable is what stands for an element.
func (a *array) variable(element string) ast.Expr {
	name := ast.NewIdent(a.name + element)
	if !a.seen[element] {
		a.seen[element] = true
		a.declared.Names = append(a.declared.Names, name)
	}
	return name
}

// inline returns the function to put in place of a call.
func (p *program) inline(fun ast.Expr, s *scope) *function {
	id, is := fun.(*ast.Ident)
	if !is {
		return nil
	}
	if m := s.find(id.Name); m != nil {
		return m.function
	}
	if f := p.functions[id.Name]; f != nil {
		if _, is := directive(f, "inline"); is {
			return &function{f.Type, f.Body, &scope{}}
		}
	}
	return nil
}

func (p *program) call(e *ast.CallExpr, s *scope) ast.Expr {
	if f := p.inline(e.Fun, s); f != nil {
		out := p.substituted(f, e, s)
		if out == nil {
			log.Fatalf("the call of %s must be a statement", text(e.Fun))
		}
		return out
	}
	if id, is := e.Fun.(*ast.Ident); is && id.Name == "block" {
		n := p.expression(e.Args[1], s)
		if _, is := n.(*ast.BasicLit); !is {
			log.Fatal("the length of a block is not constant")
		}
		to := &ast.StarExpr{X: &ast.ArrayType{Len: n, Elt: ast.NewIdent("float32")}}
		at := p.expression(e.Args[0], s)
		return &ast.SliceExpr{X: &ast.CallExpr{Fun: &ast.ParenExpr{X: to}, Args: []ast.Expr{at}}}
	}
	if x, is := e.Fun.(*ast.IndexExpr); is {
		if id, is := x.X.(*ast.Ident); is && id.Name == "repeated" {
			wide := p.constant("wide")
			return &ast.CompositeLit{
				Type: &ast.ArrayType{Len: literal(wide), Elt: p.expression(x.Index, s)},
				Elts: slices.Repeat([]ast.Expr{p.expression(e.Args[0], s)}, wide),
			}
		}
	}
	out := &ast.CallExpr{Fun: p.expression(e.Fun, s)}
	for _, a := range e.Args {
		out.Args = append(out.Args, p.expression(a, s))
	}
	return out
}

// substituted is the result of a function of one expression with its arguments in it;
// nil where the function is more, or an argument would be computed more than once.
func (p *program) substituted(f *function, e *ast.CallExpr, s *scope) ast.Expr {
	if len(f.body.List) != 1 {
		return nil
	}
	var result ast.Expr
	switch st := f.body.List[0].(type) {
	case *ast.ReturnStmt:
		result = st.Results[0]
	case *ast.ExprStmt:
		result = st.X
		if p.inline(st.X.(*ast.CallExpr).Fun, f.scope) != nil {
			return nil
		}
	default:
		return nil
	}
	inside := f.scope.inner()
	for i, name := range parameters(f.FuncType) {
		m := p.bound(e.Args[i], s)
		if m == nil {
			m = &meaning{text: p.expression(e.Args[i], s)}
			if !simple(m.text) && mentions(result, name) > 1 {
				return nil
			}
		}
		inside.names[name] = m
	}
	return p.expression(result, inside)
}

// simple reports whether e is a variable, or all of one.
func simple(e ast.Expr) bool {
	if s, is := e.(*ast.SliceExpr); is && s.Low == nil && s.High == nil {
		e = s.X
	}
	_, is := e.(*ast.Ident)
	return is
}

// parameters returns the names of all parameters.
func parameters(t *ast.FuncType) (names []string) {
	for _, f := range t.Params.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
		if f.Names == nil {
			names = append(names, "_")
		}
	}
	return names
}

// mentions counts a name in a part of the source.
func mentions(part ast.Node, name string) (n int) {
	for node := range ast.Preorder(part) {
		if id, is := node.(*ast.Ident); is && id.Name == name {
			n++
		}
	}
	return n
}

// bound is the meaning of an argument that is not a value of the output: a constant, a
// function or an array.
func (p *program) bound(e ast.Expr, s *scope) *meaning {
	if n, is := p.integer(e, s); is {
		return &meaning{value: &n}
	}
	if l, is := e.(*ast.FuncLit); is {
		return &meaning{function: &function{l.Type, l.Body, s}}
	}
	if f := p.inline(e, s); f != nil {
		return &meaning{function: f}
	}
	if id, is := e.(*ast.Ident); is {
		if m := s.find(id.Name); m != nil && m.array != nil {
			return m
		}
	}
	return nil
}
