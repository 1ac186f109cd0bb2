package main

import (
	"go/ast"
	"go/token"
	"log"
	"slices"
	"strconv"
)

// block is a block in its own scope.
func (p *program) block(b *ast.BlockStmt, s *scope) *ast.BlockStmt {
	return &ast.BlockStmt{List: p.statements(b.List, s)}
}

// statements evaluates a list in its scope.
func (p *program) statements(list []ast.Stmt, s *scope) []ast.Stmt {
	var out []ast.Stmt
	for _, st := range list {
		out = append(out, p.statement(st, s)...)
	}
	return slices.DeleteFunc(out, func(st ast.Stmt) bool { // arrays of no use
		d, is := st.(*ast.DeclStmt)
		return is && d.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec).Names == nil
	})
}

func (p *program) statement(st ast.Stmt, s *scope) []ast.Stmt {
	one := func(st ast.Stmt) []ast.Stmt { return []ast.Stmt{st} }
	switch st := st.(type) {
	case *ast.AssignStmt:
		return p.assignment(st, s)
	case *ast.DeclStmt:
		return p.variable(st.Decl.(*ast.GenDecl), s)
	case *ast.ExprStmt:
		return p.do(st.X.(*ast.CallExpr), s)
	case *ast.RangeStmt:
		return p.loop(st, s)
	case *ast.IfStmt:
		return p.choice(st, s)
	case *ast.BlockStmt:
		return one(p.block(st, s.inner()))
	case *ast.IncDecStmt:
		return one(&ast.IncDecStmt{X: p.expression(st.X, s), Tok: st.Tok})
	case *ast.ReturnStmt:
		out := &ast.ReturnStmt{}
		for _, r := range st.Results {
			out.Results = append(out.Results, p.expression(r, s))
		}
		return one(out)
	case *ast.ForStmt:
		s := s.inner()
		out := &ast.ForStmt{}
		if st.Init != nil {
			out.Init = p.statement(st.Init, s)[0]
		}
		out.Cond = p.expression(st.Cond, s)
		if st.Post != nil {
			out.Post = p.statement(st.Post, s)[0]
		}
		out.Body = p.block(st.Body, s.inner())
		if b, is := out.Body.List[0].(*ast.BlockStmt); is && len(out.Body.List) == 1 {
			out.Body = b
		}
		return one(out)
	case *ast.SwitchStmt:
		out := &ast.SwitchStmt{Tag: p.expression(st.Tag, s), Body: &ast.BlockStmt{}}
		for _, c := range st.Body.List {
			c := c.(*ast.CaseClause)
			clause := &ast.CaseClause{Body: p.statements(c.Body, s.inner())}
			for _, e := range c.List {
				clause.List = append(clause.List, p.expression(e, s))
			}
			out.Body.List = append(out.Body.List, clause)
		}
		return one(out)
	}
	log.Fatalf("%T is not a statement that gen knows", st)
	return nil
}

// variable declares variables; an array of vectors or slices, one for each element.
func (p *program) variable(d *ast.GenDecl, s *scope) []ast.Stmt {
	from := d.Specs[0].(*ast.ValueSpec)
	element := from.Type
	for {
		a, is := element.(*ast.ArrayType)
		if !is || a.Len == nil {
			break
		}
		element = a.Elt
	}
	var out []ast.Stmt
	declaration := func(spec *ast.ValueSpec) {
		out = append(out, &ast.DeclStmt{Decl: &ast.GenDecl{Tok: token.VAR, Specs: []ast.Spec{spec}}})
	}
	_, slice := element.(*ast.ArrayType)
	if id, is := element.(*ast.Ident); element != from.Type && (slice || is && id.Name == "vector") {
		for _, n := range from.Names {
			spec := &ast.ValueSpec{Type: p.expression(element, s)}
			a := &array{n.Name + s.suffix, s.block, map[string]bool{}, spec}
			s.names[n.Name] = &meaning{array: a}
			declaration(spec)
		}
		return out
	}
	spec := &ast.ValueSpec{Type: p.expression(from.Type, s)}
	for _, n := range from.Names {
		spec.Names = append(spec.Names, s.declare(n.Name))
	}
	declaration(spec)
	return out
}

// assignment assigns or declares; the name of a function literal becomes that function.
func (p *program) assignment(st *ast.AssignStmt, s *scope) []ast.Stmt {
	if l, is := st.Rhs[0].(*ast.FuncLit); is {
		name := st.Lhs[0].(*ast.Ident).Name
		s.names[name] = &meaning{function: &function{l.Type, l.Body, s}}
		return nil
	}
	if e, is := st.Rhs[0].(*ast.CallExpr); is && st.Tok == token.DEFINE {
		if f := p.inline(e.Fun, s); f != nil && p.substituted(f, e, s) == nil {
			if len(st.Lhs) != 1 {
				log.Fatalf("the call of %s must be alone", text(e.Fun))
			}
			name := st.Lhs[0].(*ast.Ident).Name
			spec := &ast.ValueSpec{Type: p.expression(f.Results.List[0].Type, f.scope)}
			expanded := p.expanded(f, e, s, ast.NewIdent(name+s.suffix))
			spec.Names = []*ast.Ident{s.declare(name)}
			d := &ast.DeclStmt{Decl: &ast.GenDecl{Tok: token.VAR, Specs: []ast.Spec{spec}}}
			return []ast.Stmt{d, expanded}
		}
	}
	out := &ast.AssignStmt{Tok: st.Tok}
	for _, r := range st.Rhs {
		out.Rhs = append(out.Rhs, p.expression(r, s))
	}
	if e, is := st.Lhs[0].(*ast.IndexExpr); is && len(st.Lhs) == 1 {
		a, element := p.element(e, s)
		if a != nil && !a.seen[element] && a.block == s.block {
			a.seen[element] = true
			out.Lhs, out.Tok = []ast.Expr{ast.NewIdent(a.name + element)}, token.DEFINE
			return []ast.Stmt{out}
		}
	}
	for _, l := range st.Lhs {
		if id, is := l.(*ast.Ident); is && st.Tok == token.DEFINE {
			out.Lhs = append(out.Lhs, s.declare(id.Name))
		} else {
			out.Lhs = append(out.Lhs, p.expression(l, s))
		}
	}
	return []ast.Stmt{out}
}

// expanded is a block that does what a call does. The result, if any, is assigned to a
// variable of that name.
func (p *program) expanded(f *function, e *ast.CallExpr, s *scope, result *ast.Ident) ast.Stmt {
	inside := f.scope.inner()
	var names, values []ast.Expr
	var meanings []*meaning
	for i, name := range parameters(f.FuncType) {
		if m := p.bound(e.Args[i], s); m != nil {
			p.separate(f, m.function)
			inside.names[name] = m
			continue
		}
		value := p.expression(e.Args[i], s)
		if simple(value) && !changed(f.body, name) && !slices.Contains(declared(f.body), root(value)) {
			inside.names[name] = &meaning{text: value}
			continue
		}
		names, values = append(names, inside.declare(name)), append(values, value)
		meanings = append(meanings, inside.names[name])
	}
	inside = inside.inner()
	list := f.body.List
	var last *ast.ReturnStmt
	if result != nil {
		last = list[len(list)-1].(*ast.ReturnStmt)
		list = list[:len(list)-1]
		if slices.Contains(declared(f.body), result.Name) {
			log.Fatalf("%s is also a name of the function that computes it", result.Name)
		}
	}
	body := p.statements(list, inside)
	if last != nil {
		body = append(body, &ast.AssignStmt{
			Lhs: []ast.Expr{result}, Tok: token.ASSIGN,
			Rhs: []ast.Expr{p.expression(last.Results[0], inside)},
		})
	}
	for i := len(names) - 1; i >= 0; i-- {
		if meanings[i] == nil || !meanings[i].used {
			names, values = slices.Delete(names, i, i+1), slices.Delete(values, i, i+1)
		}
	}
	if len(names) > 0 {
		define := &ast.AssignStmt{Lhs: names, Tok: token.DEFINE, Rhs: values}
		body = append([]ast.Stmt{define}, body...)
	}
	return &ast.BlockStmt{List: body}
}

// changed reports whether a part of the source assigns to a name.
func changed(part ast.Node, name string) bool {
	for node := range ast.Preorder(part) {
		if a, is := node.(*ast.AssignStmt); is {
			for _, l := range a.Lhs {
				if id, is := l.(*ast.Ident); is && id.Name == name {
					return true
				}
			}
		}
	}
	return false
}

// root is the name of the variable that e is all of.
func root(e ast.Expr) string {
	if s, is := e.(*ast.SliceExpr); is {
		e = s.X
	}
	return e.(*ast.Ident).Name
}

// separate stops where a function, put into another, would take a name of that one for
// its own.
func (p *program) separate(outer, inner *function) {
	if inner == nil || inner.scope.up == nil {
		return
	}
	own := append(parameters(inner.FuncType), declared(inner.body)...)
	for _, name := range declared(outer.body) {
		if !slices.Contains(own, name) && mentions(inner.body, name) > 0 {
			log.Fatalf("%s is a name of two functions, one of which is put into the other", name)
		}
	}
}

// declared returns the names that a part of the source declares.
func declared(part ast.Node) (names []string) {
	add := func(e ast.Expr) {
		if id, is := e.(*ast.Ident); is {
			names = append(names, id.Name)
		}
	}
	for node := range ast.Preorder(part) {
		switch node := node.(type) {
		case *ast.AssignStmt:
			if node.Tok == token.DEFINE {
				for _, l := range node.Lhs {
					add(l)
				}
			}
		case *ast.RangeStmt:
			add(node.Key)
		case *ast.ValueSpec:
			for _, n := range node.Names {
				add(n)
			}
		}
	}
	return names
}

// do is the statement that is a call.
func (p *program) do(e *ast.CallExpr, s *scope) []ast.Stmt {
	if f := p.inline(e.Fun, s); f != nil {
		if out := p.substituted(f, e, s); out != nil {
			return []ast.Stmt{&ast.ExprStmt{X: out}}
		}
		b := p.expanded(f, e, s, nil).(*ast.BlockStmt)
		if declares(b) {
			return []ast.Stmt{b}
		}
		return b.List
	}
	id, is := e.Fun.(*ast.Ident)
	if !is || s.find(id.Name) != nil || p.functions[id.Name] == nil {
		return []ast.Stmt{&ast.ExprStmt{X: p.expression(e, s)}}
	}
	return []ast.Stmt{p.instantiated(id.Name, e, s)}
}

// instantiated is a call of a function with constant parameters, or a switch over them.
func (p *program) instantiated(name string, e *ast.CallExpr, s *scope) ast.Stmt {
	f := p.functions[name]
	constants, ranges := p.constantParameters(f)
	values := map[string]int{}
	var open string
	var tag ast.Expr
	call := &ast.CallExpr{}
	for i, parameter := range parameters(f.Type) {
		n, is := p.integer(e.Args[i], s)
		switch {
		case !slices.Contains(constants, parameter):
			call.Args = append(call.Args, p.expression(e.Args[i], s))
		case is:
			values[parameter] = n
		default:
			open, tag = parameter, p.expression(e.Args[i], s)
		}
	}
	instance := func() ast.Stmt {
		var all []string
		for _, c := range constants {
			all = append(all, strconv.Itoa(values[c]))
		}
		return &ast.ExprStmt{X: &ast.CallExpr{Fun: ast.NewIdent(p.need(name, all)), Args: call.Args}}
	}
	if tag == nil {
		return instance()
	}
	limits, is := ranges[open]
	if !is {
		log.Fatalf("%s of %s is not constant", open, name)
	}
	out := &ast.SwitchStmt{Tag: tag, Body: &ast.BlockStmt{}}
	for n := limits[0]; n <= limits[1]; n++ {
		values[open] = n
		clause := &ast.CaseClause{List: []ast.Expr{literal(n)}, Body: []ast.Stmt{instance()}}
		out.Body.List = append(out.Body.List, clause)
	}
	return out
}

// declares reports whether a block declares a name.
func declares(b *ast.BlockStmt) bool {
	return slices.ContainsFunc(b.List, func(st ast.Stmt) bool {
		a, is := st.(*ast.AssignStmt)
		_, declaration := st.(*ast.DeclStmt)
		return declaration || is && a.Tok == token.DEFINE
	})
}

// loop is a loop over a range, its turns one after the other where that is constant.
func (p *program) loop(st *ast.RangeStmt, s *scope) []ast.Stmt {
	n, is := p.integer(st.X, s)
	if !is {
		s := s.inner()
		out := &ast.RangeStmt{Tok: st.Tok, X: p.expression(st.X, s)}
		if st.Key != nil {
			out.Key = s.declare(st.Key.(*ast.Ident).Name)
		}
		out.Body = p.block(st.Body, s.inner())
		return []ast.Stmt{out}
	}
	var out []ast.Stmt
	for i := range n {
		turn := s.turn(i)
		turn.names[st.Key.(*ast.Ident).Name] = &meaning{value: &i}
		out = append(out, p.statements(st.Body.List, turn)...)
	}
	return out
}

// choice is an if, or what a constant condition leaves of it.
func (p *program) choice(st *ast.IfStmt, s *scope) []ast.Stmt {
	condition, value, constant := p.condition(st.Cond, s)
	other := func() []ast.Stmt {
		switch e := st.Else.(type) {
		case *ast.BlockStmt:
			return p.statements(e.List, s.inner())
		case *ast.IfStmt:
			return p.choice(e, s)
		}
		return nil
	}
	if constant {
		if value {
			return p.statements(st.Body.List, s.inner())
		}
		return other()
	}
	out := &ast.IfStmt{Cond: condition, Body: p.block(st.Body, s.inner())}
	if list := other(); list != nil {
		out.Else = &ast.BlockStmt{List: list}
		if i, is := list[0].(*ast.IfStmt); is && len(list) == 1 {
			out.Else = i
		}
	}
	return []ast.Stmt{out}
}
