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

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// rewarder gives each molecule a number: the higher, the more it is wanted. NaN: it cannot be
// judged.
type rewarder func(ctx context.Context, molecules []*molecule.Molecule) ([]float64, error)

// rewardProgram in front of a reward has the numbers told by a program (see programReward).
const rewardProgram = "program:"

// newRewarder reads a reward: an expression over the measures of a molecule (see RewardMeasures),
// or program:COMMAND; nil where it is empty. Errors name the place in the expression.
func newRewarder(text string) (rewarder, error) {
	if command, ok := strings.CutPrefix(text, rewardProgram); ok {
		return programReward(strings.Fields(command))
	}
	if text == "" {
		return nil, nil
	}
	program, names, err := compileReward(text)
	if err != nil {
		return nil, fmt.Errorf("--reward: %w", err)
	}
	return func(ctx context.Context, molecules []*molecule.Molecule) ([]float64, error) {
		values, errs := make([]float64, len(molecules)), make([]error, len(molecules))
		var workers sync.WaitGroup
		n := runtime.GOMAXPROCS(0)
		for w := range n {
			workers.Go(func() {
				for i := w; i < len(molecules) && ctx.Err() == nil; i += n {
					if values[i], errs[i] = reward(program, names, molecules[i]); errs[i] != nil {
						errs[i] = fmt.Errorf("--reward: molecule %d: %w", i+1, errs[i])
					}
				}
			})
		}
		workers.Wait()
		return values, errors.Join(ctx.Err(), errors.Join(errs...))
	}, nil
}

// rewardMeasure is a quantity of a molecule that an expression may name.
type rewardMeasure struct {
	help  string
	rdkit bool
	of    func(*subject) any // a bool, an int, a float64, or a function
}

// subject is a molecule with what several measures need.
type subject struct {
	*molecule.Molecule
	geometry func() molecule.Geometry
	rdkit    func() rdkit.Descriptors // NaN where the molecule is not valid
}

func newSubject(m *molecule.Molecule) *subject {
	return &subject{m, sync.OnceValue(m.Geometry), sync.OnceValue(func() rdkit.Descriptors {
		d, err := rdkit.Describe(m)
		if err != nil {
			return rdkit.Descriptors{LogP: math.NaN(), TPSA: math.NaN(), Mass: math.NaN()}
		}
		return d
	})}
}

var rewardMeasures = map[string]rewardMeasure{
	"stable": {"every atom has its valence", false, func(s *subject) any { return s.Stable() }},
	"stable_atoms": {"share of the atoms that have their valence", false,
		func(s *subject) any { return shareOf(s.StableAtoms()) }},
	"valid": {"RDKit would accept it, by the closed form", false, func(s *subject) any {
		ok,
			_ := s.Valid()
		return ok
	}},
	"connected": {"one fragment", false, func(s *subject) any { return s.Connected() }},
	"sound": {"stable, connected, lengths, angles, rings and distances as they should be", false,
		func(s *subject) any { return s.Stable() && s.Connected() && s.Plausible() }},
	"atoms": {"number of atoms", false, func(s *subject) any { return len(s.Elements) }},
	"heavy_atoms": {"number of atoms but hydrogens", false,
		func(s *subject) any { return len(s.Elements) - countOf(s.Elements, molecule.H) }},
	"formula":   {"as C7H10O2", false, func(s *subject) any { return s.Formula() }},
	"number_of": {`number_of("N"): number of atoms of an element`, false, func(s *subject) any { return s.count }},
	"rings": {"rings(3): number of rings of so many atoms, none with a bond across", false,
		func(s *subject) any { return s.rings }},
	"aromatic_rings": {"number of aromatic rings", false, func(s *subject) any { return len(s.geometry().Rings) }},
	"clashes": {"number of pairs of atoms that are too near", false,
		func(s *subject) any { return len(s.geometry().Clashes) }},
	"logp": {"logP by Crippen", true, func(s *subject) any { return s.rdkit().LogP }},
	"tpsa": {"topological polar surface area, Å²", true, func(s *subject) any { return s.rdkit().TPSA }},
	"mass": {"average molecular mass, g/mol", true, func(s *subject) any { return s.rdkit().Mass }},
	"strain": {"MMFF94 energy above the next minimum, kcal/mol", true, func(s *subject) any {
		if found, _, err := rdkit.Relax(context.Background(), s.Molecule, 5000); err == nil {
			return found.Energy()
		}
		return math.NaN()
	}},
}

// RewardMeasures lists what an expression may name, a line each.
func RewardMeasures() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(rewardMeasures)) {
		m := rewardMeasures[name]
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

func (s *subject) rings(size int) int { return chordless(len(s.Elements), s.Bonds(), size) }

func countOf(elements []molecule.Element, e molecule.Element) (n int) {
	for _, f := range elements {
		if f == e {
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
			crossed := slices.ContainsFunc(path[1:max(1, len(path)-1)], func(a int) bool { return joined[[2]int{next, a}] })
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

// compileReward checks an expression, and tells which measures it names.
func compileReward(text string) (*vm.Program, []string, error) {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	var found identifiers
	ast.Walk(&tree.Node, &found)
	names := slices.Compact(slices.Sorted(slices.Values(found)))
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := rewardMeasures[name]; return !ok })
	for _, name := range names {
		if rewardMeasures[name].rdkit && !rdkit.Available {
			return nil, nil, fmt.Errorf("%s: %w", name, rdkit.ErrMissing)
		}
	}
	env, empty := map[string]any{}, newSubject(&molecule.Molecule{})
	for name, m := range rewardMeasures {
		if !m.rdkit {
			env[name] = m.of(empty)
		} else {
			env[name] = 0.0
		}
	}
	program, err := expr.Compile(text, expr.Env(env))
	if err != nil {
		return nil, nil, fmt.Errorf("%w\nmeasures:\n  %s", err, strings.Join(RewardMeasures(), "\n  "))
	}
	return program, names, nil
}

// identifiers collects the names of an expression.
type identifiers []string

func (v *identifiers) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.IdentifierNode); ok {
		*v = append(*v, n.Value)
	}
}

// reward is the value of an expression of a molecule: a number, or 1 and 0 for true and false.
func reward(program *vm.Program, names []string, m *molecule.Molecule) (float64, error) {
	s, env := newSubject(m), map[string]any{}
	for _, name := range names {
		env[name] = rewardMeasures[name].of(s)
	}
	out, err := expr.Run(program, env)
	if err != nil {
		return 0, err
	}
	switch v := out.(type) {
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
	return 0, fmt.Errorf("the expression is a %T, want a number, or true or false", out)
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
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("--reward: %s: %w", command[0], err)
		}
		var values []float64
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			text := strings.TrimSpace(lines.Text())
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsInf(v, 0) {
				return nil, fmt.Errorf("--reward: %s, line %d: %q, want a number", command[0], len(values)+1, text)
			}
			values = append(values, v)
		}
		if len(values) != len(molecules) {
			return nil, fmt.Errorf("--reward: %s printed %d lines for %d molecules", command[0], len(values), len(molecules))
		}
		return values, nil
	}, nil
}

// rewardWeights are the weights a of samples with the given rewards (see Contrast), and the mean of
// the rewards:
//
//	a = (1 - mix)·clip((R - mean)/std, -1, 1) - mix·negative
//
// where mix is the share of the data against the samples. A molecule that cannot be judged has the
// lowest reward of the others, or 0.
func rewardWeights(rewards []float64, mix, negative float64) (weights []float64, mean float64) {
	low := math.Inf(1)
	for _, v := range rewards {
		low = min(low, orInf(v))
	}
	if math.IsInf(low, 0) {
		low = 0
	}
	values := make([]float64, len(rewards))
	for i, v := range rewards {
		if values[i] = v; math.IsNaN(v) {
			values[i] = low
		}
		mean += values[i] / float64(len(rewards))
	}
	variance := 0.0
	for _, v := range values {
		variance += (v - mean) * (v - mean) / float64(len(values))
	}
	for _, v := range values {
		a := 0.0
		if variance > 0 {
			a = min(1, max(-1, (v-mean)/math.Sqrt(variance)))
		}
		weights = append(weights, (1-mix)*a-mix*negative)
	}
	return weights, mean
}

func orInf(v float64) float64 {
	if math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}
