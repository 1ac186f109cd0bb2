package train

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// rewarder gives each molecule a number: the higher, the more it is wanted. NaN: it cannot be
// judged.
type rewarder func(ctx context.Context, molecules []*molecule.Molecule) ([]float64, error)

// rewardProgram begins a reward whose numbers a program gives (see programReward).
const rewardProgram = "program:"

// newRewarder reads a reward: an expression over the measures of a molecule by a rule (see
// RewardMeasures), or program:COMMAND; nil where it is empty. Errors name the place in the expression.
func newRewarder(text string, rule molecule.Rule) (rewarder, error) {
	if command, ok := strings.CutPrefix(text, rewardProgram); ok {
		return programReward(strings.Fields(command))
	}
	if text == "" {
		return nil, nil
	}
	e, err := compile("--reward", text, rule)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, molecules []*molecule.Molecule) ([]float64, error) {
		return ofEach(ctx, e, molecules, number)
	}, nil
}

// shareableReward is a reward as weights record it: a program without the folders of its machine.
func shareableReward(text string) string {
	if strings.HasPrefix(text, rewardProgram) {
		return dataset.ShareableArgument(text)
	}
	return text
}

// grouper is the group of each molecule.
type grouper func(context.Context, []*molecule.Molecule) ([]string, error)

// newGrouper reads an expression over the measures of a molecule; molecules of equal values are a
// group. nil where it is empty.
func newGrouper(text string, rule molecule.Rule) (grouper, error) {
	if text == "" {
		return nil, nil
	}
	e, err := compile("group", text, rule)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, molecules []*molecule.Molecule) ([]string, error) {
		return ofEach(ctx, e, molecules, func(v any) (string, error) { return fmt.Sprint(v), nil })
	}, nil
}

func listed(molecules []*molecule.Molecule) evaluation.Molecules {
	return func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range molecules {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// ofEach is the value of an expression of each molecule, on all cores. Errors name the setting and
// the molecule.
func ofEach[T any](ctx context.Context, e *expression, molecules []*molecule.Molecule,
	as func(any) (T, error)) ([]T, error) {
	values, errs := make([]T, len(molecules)), make([]error, len(molecules))
	var workers sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for w := range n {
		workers.Go(func() {
			for i := w; i < len(molecules) && ctx.Err() == nil; i += n {
				v, err := e.of(molecules[i])
				if err == nil {
					values[i], err = as(v)
				}
				if err != nil {
					errs[i] = fmt.Errorf("%s: molecule %d: %w", e.setting, i+1, err)
				}
			}
		})
	}
	workers.Wait()
	return values, errors.Join(ctx.Err(), errors.Join(errs...))
}

// rewardMeasure is a quantity of a molecule that an expression may name.
type rewardMeasure struct {
	help  string
	rdkit bool
	of    func(*subject) any // a bool, an int, a float64, or a function
}

// subject is a molecule with what several measures need. Bonds, and what follows from them, are those of
// [molecule.Molecule.Judge] by the rule of the model.
type subject struct {
	*molecule.Molecule
	verdict  func() *molecule.Verdict
	geometry func() molecule.Geometry
	rdkit    func() rdkit.Descriptors // NaN where the molecule is not valid
	known    map[string][]rdkit.Fingerprint
}

func newSubject(m *molecule.Molecule, rule molecule.Rule, known map[string][]rdkit.Fingerprint) *subject {
	s := &subject{Molecule: m, known: known}
	s.verdict = sync.OnceValue(func() *molecule.Verdict { v := m.Judge(rule); return &v })
	s.geometry = sync.OnceValue(m.Geometry)
	if rule == molecule.GEOMRule {
		s.geometry = sync.OnceValue(m.LewisGeometry)
	}
	s.rdkit = sync.OnceValue(func() rdkit.Descriptors {
		d, err := rdkit.Describe(m)
		if err != nil || !s.verdict().Valid {
			return rdkit.Descriptors{LogP: math.NaN(), TPSA: math.NaN(), Mass: math.NaN()}
		}
		return d
	})
	return s
}

func (s *subject) plausible() bool {
	if v := s.verdict(); !v.Stable() || !v.Connected() {
		return false
	}
	g := s.geometry()
	return g.Plausible()
}

var rewardMeasures = map[string]rewardMeasure{
	"stable": {"every atom has its valence", false, func(s *subject) any { return s.verdict().Stable() }},
	"stable_atoms": {"share of the atoms that have their valence", false,
		func(s *subject) any { return shareOf(s.verdict().StableAtoms) }},
	"valid":     {"RDKit would accept it, by a closed form", false, func(s *subject) any { return s.verdict().Valid }},
	"connected": {"one fragment", false, func(s *subject) any { return s.verdict().Connected() }},
	"plausible": {"stable, connected, and of lengths, angles, rings and contacts as in real molecules",
		false, plausible},
	"sound": {"", false, plausible}, // what earlier versions called it
	"atoms": {"number of atoms", false, func(s *subject) any { return len(s.Elements) }},
	"heavy_atoms": {"number of atoms other than hydrogen", false,
		func(s *subject) any { return len(s.Elements) - countOf(s.Elements, molecule.H) }},
	"formula":   {"such as C7H10O2", false, func(s *subject) any { return s.Formula() }},
	"number_of": {`number_of("N"): number of atoms of an element`, false, func(s *subject) any { return s.count }},
	"degree": {`degree("C", 3): number of atoms of an element with so many neighbours`, false,
		func(s *subject) any { return s.degree }},
	"rings": {"rings(3): number of rings of that many atoms, without a bond across", false,
		func(s *subject) any { return s.rings }},
	"aromatic_rings": {"number of aromatic rings", false, func(s *subject) any { return len(s.geometry().Rings) }},
	"clashes": {"number of pairs of atoms that are too close", false,
		func(s *subject) any { return len(s.geometry().Clashes) }},
	"logp": {"logP by Crippen", true, func(s *subject) any { return s.rdkit().LogP }},
	"tpsa": {"topological polar surface area, Å²", true, func(s *subject) any { return s.rdkit().TPSA }},
	"mass": {"average molecular mass, g/mol", true, func(s *subject) any { return s.rdkit().Mass }},
	"similarity": {`similarity("known.sdf"): greatest Tanimoto similarity with its molecules`,
		true, func(s *subject) any { return s.similarity }},
	"strain": {"MMFF94 energy above that of the nearest minimum, kcal/mol", true, func(s *subject) any {
		if found, _, err := rdkit.Relax(context.Background(), s.Molecule, 5000); err == nil {
			return found.Energy()
		}
		return math.NaN()
	}},
}

func plausible(s *subject) any { return s.plausible() }

// RewardMeasures lists what an expression may name, a line each.
func RewardMeasures() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(rewardMeasures)) {
		m := rewardMeasures[name]
		if m.help == "" {
			continue
		}
		line := fmt.Sprintf("%-15s %s", name, m.help)
		if m.rdkit {
			line += " (RDKit)"
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *subject) count(symbol string) (int, error) {
	e, ok := molecule.ParseElement(symbol)
	if !ok {
		return 0, fmt.Errorf("number_of(%q): no such element", symbol)
	}
	return countOf(s.Elements, e), nil
}

func (s *subject) degree(symbol string, neighbours int) (n int, err error) {
	e, ok := molecule.ParseElement(symbol)
	if !ok {
		return 0, fmt.Errorf("degree(%q, %d): no such element", symbol, neighbours)
	}
	degrees := make([]int, len(s.Elements))
	for _, b := range s.verdict().Bonds {
		degrees[b.I]++
		degrees[b.J]++
	}
	for i, d := range degrees {
		if s.Elements[i] == e && d == neighbours {
			n++
		}
	}
	return n, nil
}

func (s *subject) rings(size int) int { return chordless(len(s.Elements), s.verdict().Bonds, size) }

// similarity is the greatest one with the molecules of a file; NaN where RDKit does not accept the
// molecule.
func (s *subject) similarity(file string) (greatest float64) {
	print, err := rdkit.FingerprintOf(s.Molecule)
	if err != nil {
		return math.NaN()
	}
	known := s.known[file]
	for i := range known {
		greatest = max(greatest, print.Similarity(&known[i]))
	}
	return greatest
}

// fingerprints are those of the molecules of a file that RDKit accepts.
func fingerprints(file string) (list []rdkit.Fingerprint, err error) {
	for m, err := range dataset.Open(file) {
		if err != nil {
			return nil, err
		}
		if f, err := rdkit.FingerprintOf(m); err == nil {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no molecule that RDKit accepts", file)
	}
	return list, nil
}

func countOf[T comparable](list []T, v T) (n int) {
	for _, w := range list {
		if w == v {
			n++
		}
	}
	return n
}

func shareOf(list []bool) float64 {
	n := 0
	for _, v := range list {
		if v {
			n++
		}
	}
	return float64(n) / float64(max(1, len(list)))
}

// mostRing bounds the sizes of rings that are counted: QM9's molecules have nine atoms beside
// hydrogen.
const mostRing = 12

// chordless counts the cycles of size atoms of a graph that no bond crosses.
func chordless(n int, bonds []molecule.Bond, size int) (count int) {
	if size < 3 || size > mostRing {
		return 0
	}
	near := make([][]int, n)
	joined := map[[2]int]bool{}
	for _, b := range bonds {
		near[b.I], near[b.J] = append(near[b.I], b.J), append(near[b.J], b.I)
		joined[[2]int{b.I, b.J}], joined[[2]int{b.J, b.I}] = true, true
	}
	var walk func(path []int)
	walk = func(path []int) {
		last := path[len(path)-1]
		for _, next := range near[last] {
			if next <= path[0] || slices.Contains(path, next) {
				continue
			}
			// next may be bound to the last atom alone, or to the first too, where that closes the
			// ring.
			closes := joined[[2]int{next, path[0]}]
			crossed := slices.ContainsFunc(path[1:max(1, len(path)-1)],
				func(a int) bool { return joined[[2]int{next, a}] })
			switch {
			case crossed, closes && len(path) > 1 && len(path)+1 != size:
			case closes && len(path)+1 == size:
				if path[1] < next { // each ring is met in both directions
					count++
				}
			case len(path)+1 < size:
				walk(append(slices.Clone(path), next))
			}
		}
	}
	for first := range n {
		walk([]int{first})
	}
	return count
}

// expression is one over the measures of a molecule (see RewardMeasures).
type expression struct {
	setting string // that it is the value of
	rule    molecule.Rule
	program *vm.Program
	names   []string                       // measures that it names
	known   map[string][]rdkit.Fingerprint // of the files that it names
}

// compile reads an expression. Errors name the setting and the place in the expression.
func compile(setting, text string, rule molecule.Rule) (*expression, error) {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	var found nameFinder
	ast.Walk(&tree.Node, &found)
	names := slices.Compact(slices.Sorted(slices.Values(found.names)))
	names = slices.DeleteFunc(names,
		func(name string) bool { _, ok := rewardMeasures[name]; return !ok })
	for _, name := range names {
		if rewardMeasures[name].rdkit && !rdkit.Available {
			return nil, fmt.Errorf("%s: %s: %w", setting, name, rdkit.ErrMissing)
		}
	}
	env, empty := map[string]any{}, newSubject(&molecule.Molecule{}, rule, nil)
	for name, m := range rewardMeasures {
		env[name] = m.of(empty)
	}
	program, err := expr.Compile(text, expr.Env(env))
	if err != nil {
		return nil, fmt.Errorf("%s: %w\nmeasures:\n  %s", setting, err,
			strings.Join(RewardMeasures(), "\n  "))
	}
	known := map[string][]rdkit.Fingerprint{}
	for _, file := range found.files {
		if known[file], err = fingerprints(file); err != nil {
			return nil, fmt.Errorf("%s: similarity: %w", setting, err)
		}
	}
	if found.unnamed {
		return nil, fmt.Errorf(`%s: similarity: want the name of a file in quotes, similarity("known.sdf")`, setting)
	}
	return &expression{setting, rule, program, names, known}, nil
}

// nameFinder collects the names of an expression, and those of the files of its similarities.
type nameFinder struct {
	names, files []string
	unnamed      bool // a similarity with what is no text
}

func (v *nameFinder) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		v.names = append(v.names, n.Value)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); !ok || callee.Value != "similarity" {
			return
		}
		for _, argument := range n.Arguments {
			if file, ok := argument.(*ast.StringNode); ok {
				v.files = append(v.files, file.Value)
			} else {
				v.unnamed = true
			}
		}
	}
}

// of is the value of an expression of a molecule.
func (e *expression) of(m *molecule.Molecule) (any, error) {
	s, env := newSubject(m, e.rule, e.known), map[string]any{}
	for _, name := range e.names {
		env[name] = rewardMeasures[name].of(s)
	}
	return expr.Run(e.program, env)
}

// number is the value of an expression as a number: 1 and 0 for true and false, NaN for what is not
// finite.
func number(v any) (float64, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case int:
		return float64(v), nil
	case float64:
		if math.IsInf(v, 0) {
			return math.NaN(), nil
		}
		return v, nil
	}
	return 0, fmt.Errorf("the expression is a %T, want a number, or true or false", v)
}

// programReward asks a program, which reads molecules as SDF from its standard input and prints a
// number for each, one on a line; nan for one that it cannot judge.
func programReward(command []string) (rewarder, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("--reward: after %s comes a command", rewardProgram)
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, fmt.Errorf("--reward: %w", err)
	}
	return func(ctx context.Context, molecules []*molecule.Molecule) ([]float64, error) {
		var in, out bytes.Buffer
		for _, m := range molecules {
			if err := molecule.WriteSDF(&in, m); err != nil {
				return nil, err
			}
		}
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, os.Stderr
		cmd.WaitDelay = time.Second // children of a script that was ended may hold its output
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("--reward: %s: %w", command[0], err)
		}
		var values []float64
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			text := strings.TrimSpace(lines.Text())
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsInf(v, 0) {
				return nil, fmt.Errorf("--reward: %s, line %d: %q, want a number", command[0], len(values)+1,
					text)
			}
			values = append(values, v)
		}
		if len(values) != len(molecules) {
			return nil, fmt.Errorf("--reward: %s printed %d lines for %d molecules", command[0], len(values),
				len(molecules))
		}
		return values, nil
	}, nil
}
