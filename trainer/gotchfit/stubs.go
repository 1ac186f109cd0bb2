package main

import (
	"regexp"
	"strconv"
	"strings"
)

// generatedSource holds gotch's 2,500 generated wrappers, one extern "C" function atg_NAME each.
const generatedSource = "torch_api_generated.cpp.h"

// wrapper is a function of generatedSource: lines[first] is its head with the opening brace,
// lines[last] its closing brace.
type wrapper struct {
	name        string
	first, last int
	stub        bool
}

type wrappers struct {
	lines []string
	funcs []wrapper
}

var wrapperHead = regexp.MustCompile(`^[a-z].*\b(atg_\w+)\(.*\{\s*$`)

func parseWrappers(source string) *wrappers {
	w := &wrappers{lines: strings.Split(source, "\n")}
	open := -1
	for i, line := range w.lines {
		if m := wrapperHead.FindStringSubmatch(line); m != nil {
			w.funcs = append(w.funcs, wrapper{name: m[1], first: i})
			open = len(w.funcs) - 1
		}
		if line == "}" && open >= 0 {
			w.funcs[open].last = i
			open = -1
		}
	}
	return w
}

func (w *wrappers) text() string { return strings.Join(w.lines, "\n") }

// stubFailing replaces by a stub the body of every wrapper that the compiler's messages point at,
// and returns how many there were. Errors in templates of libtorch or the standard library point at
// the wrapper by "required from here".
var failingLine = regexp.MustCompile(regexp.QuoteMeta(generatedSource) + `:(\d+):\d+:\s+(?:error|required from)`)

func (w *wrappers) stubFailing(messages string) int {
	n := 0
	for _, m := range failingLine.FindAllStringSubmatch(messages, -1) {
		line, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		for i := range w.funcs {
			f := &w.funcs[i]
			if f.first <= line-1 && line-1 <= f.last && !f.stub {
				w.stubOut(f)
				n++
			}
		}
	}
	return n
}

// stubOut keeps the line numbers, so that several passes can share one parse.
func (w *wrappers) stubOut(f *wrapper) {
	f.stub = true
	for i := f.first + 1; i < f.last; i++ {
		w.lines[i] = ""
	}
	w.lines[f.first+1] = `  PROTECT( throw std::runtime_error("` + f.name + `: not in this libtorch"); )`
	if !strings.HasPrefix(w.lines[f.first], "void") {
		w.lines[f.first+2] = "  return {};"
	}
}

func (w *wrappers) stubbed() int {
	n := 0
	for _, f := range w.funcs {
		if f.stub {
			n++
		}
	}
	return n
}
