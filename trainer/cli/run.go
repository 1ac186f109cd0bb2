package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// recipe is a list of stages, each a subcommand.
type recipe struct {
	Vars   map[string]any `toml:"vars"` // text, or a list of text
	Stages []stage        `toml:"stage"`
}

// stage is one subcommand of a recipe. {name} in its arguments stands for a variable, {out} for the
// folder of the run.
type stage struct {
	Name   string   `toml:"name"`
	Run    []string `toml:"run"`
	CUDA   []string `toml:"cuda"`   // arguments that are added where {device} is a GPU
	Stdout string   `toml:"stdout"` // file that gets what the command prints
	// variables that later stages may use, and the files that they name
	Gives map[string]string `toml:"gives"`
}

// runState is the journal of a recipe: what is done, and what came of it.
type runState struct {
	Recipe string      `json:"recipe"` // its file
	Stages []stageDone `json:"stages"`
}

type stageDone struct {
	Name    string            `json:"name"`
	Args    []string          `json:"args"`
	Version string            `json:"version"`
	Hours   float64           `json:"hours"` // of the clock, over all resumes
	Files   map[string]string `json:"files,omitempty"`
	Done    bool              `json:"done"`
}

func newRunCommand() *cobra.Command {
	var out string
	var given []string
	var dry, quiet bool
	cmd := &cobra.Command{
		Use:   "run RECIPE.toml --out DIR [--set NAME=VALUE]...",
		Short: "Make a model by a recipe: train, post-train, export, evaluate",
		Long: `Run the stages of a recipe. RECIPE is a TOML file, or the name of a recipe inside the
command (` + strings.Join(recipesOfStages(), ", ") + `). Each stage is a subcommand of symdiff:

  [vars]
  train = ["train.xyz.gz"]
  device = "cpu"

  [[stage]]
  name = "base"
  run = ["train", "--config", "fast", "--data", "{train}", "--out", "{out}/base"]
  cuda = ["--set", "batch-atoms=73728"]             # more arguments where device is a GPU
  gives = { base = "{out}/base/best.safetensors" }  # a variable of the stages that follow

--set sets a variable. A stage whose files are all set is skipped, and so are the stages that only
it needs: --set base=FILE starts after the base stage.

DIR/run.json records finished stages. After an interrupt or a kill, run the same command again: it
skips finished stages, and train, distill and posttrain continue from their checkpoints. If the
arguments of a stage differ from those in DIR, that is an error.`,
		Example: `  symdiff run qm9 --out run --set train=qm9_train.xyz.gz --set val=qm9_val.xyz.gz --set test=qm9_test.xyz.gz
  symdiff run qm9 --out run --set base=qm9-base.safetensors --dry-run`,
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{finishes: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out: no folder given")
			}
			r, err := readRecipe(args[0])
			if err != nil {
				return err
			}
			plan, err := r.plan(args[0], out, given)
			if err != nil {
				return err
			}
			if dry {
				for _, s := range plan {
					fmt.Fprintf(cmd.OutOrStdout(), "%-12s %s\n", s.Name,
						commandLine(append([]string{""}, s.Run...)))
				}
				return nil
			}
			return runStages(cmd, args[0], out, plan, quiet)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "folder of all that is made")
	f.StringArrayVar(&given, "set", nil, "value of a variable, as NAME=VALUE; commas separate a list")
	f.BoolVar(&dry, "dry-run", false, "print the commands, and end")
	f.BoolVarP(&quiet, "quiet", "q", false, "no notes on standard error")
	must(cmd.MarkFlagDirname("out"))
	return cmd
}

// recipesOfStages lists the recipes that come with the command.
func recipesOfStages() (names []string) {
	entries, err := recipes.ReadDir("recipes")
	must(err) // they are in the binary
	for _, e := range entries {
		if text, err := recipes.ReadFile("recipes/" + e.Name()); err == nil &&
			bytes.Contains(text, []byte("[[stage]]")) {
			names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
		}
	}
	return names
}

// readRecipe reads a file, or a recipe that comes with the command. Errors name the file and the
// place.
func readRecipe(name string) (*recipe, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(recipesOfStages(), name) {
		text, err = recipes.ReadFile("recipes/" + name + ".toml")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: neither a file nor one of the recipes %s", name,
			strings.Join(recipesOfStages(), ", "))
	}
	if err != nil {
		return nil, err
	}
	r := new(recipe)
	meta, err := toml.Decode(string(text), r)
	if e, ok := errors.AsType[toml.ParseError](err); ok {
		return nil, fmt.Errorf("%s, line %d: %s", name, e.Position.Line, e.Message)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(meta.Undecoded()) > 0:
		return nil, fmt.Errorf("%s: unknown key %s; a recipe has [vars] and [[stage]] with name, run, "+
			"cuda, stdout and gives", name, meta.Undecoded()[0])
	case len(r.Stages) == 0:
		return nil, fmt.Errorf("%s: no [[stage]], want one or more", name)
	}
	seen := map[string]bool{}
	for i, s := range r.Stages {
		switch {
		case s.Name == "" || seen[s.Name]:
			return nil, fmt.Errorf("%s: stage %d: name %q, want each stage to have its own", name, i+1,
				s.Name)
		case len(s.Run) == 0:
			return nil, fmt.Errorf("%s: stage %s: no run, want the words of a symdiff command", name, s.Name)
		}
		seen[s.Name] = true
	}
	return r, nil
}

// plan are the stages that are to run, with the values of the variables in their places.
func (r *recipe) plan(name, out string, given []string) (plan []stage, err error) {
	vars := map[string]string{"out": out, "device": "cpu"}
	for key, v := range r.Vars {
		if vars[key], err = tomlText(v); err != nil {
			return nil, fmt.Errorf("%s: vars.%s: %w", name, key, err)
		}
	}
	made := map[string]bool{}
	for _, s := range r.Stages {
		for key := range s.Gives {
			made[key] = true
		}
	}
	fixed := map[string]bool{}
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if _, known := vars[key]; !ok || !known && !made[key] || key == "out" {
			known := slices.AppendSeq(slices.Collect(maps.Keys(vars)), maps.Keys(made))
			known = slices.DeleteFunc(known, func(key string) bool { return key == "out" })
			slices.Sort(known)
			return nil, usagef("--set %q: want NAME=VALUE of a variable of %s: %s", text, name,
				strings.Join(slices.Compact(known), ", "))
		}
		vars[key], fixed[key] = value, true
	}
	left := r.leftOut(fixed)
	for i, s := range r.Stages {
		if left[i] {
			continue
		}
		run := slices.Clone(s.Run)
		if strings.HasPrefix(vars["device"], "cuda") {
			run = append(run, s.CUDA...)
		}
		var unknown string
		fill := func(text string) string {
			var b strings.Builder
			for {
				before, rest, ok := strings.Cut(text, "{")
				b.WriteString(before)
				if !ok {
					return b.String()
				}
				key, after, closed := strings.Cut(rest, "}")
				value, known := vars[key]
				if !closed || !known {
					unknown = "{" + key + "}"
				}
				b.WriteString(value)
				text = after
			}
		}
		for i := range run {
			run[i] = fill(run[i])
		}
		done := stage{Name: s.Name, Run: run, Stdout: fill(s.Stdout), Gives: map[string]string{}}
		for key, file := range s.Gives {
			if done.Gives[key] = fill(file); !fixed[key] {
				vars[key] = done.Gives[key]
			}
		}
		if unknown != "" {
			return nil, fmt.Errorf("%s: stage %s: no variable %s before it", name, s.Name, unknown)
		}
		plan = append(plan, done)
	}
	return plan, nil
}

// leftOut says which stages need not run where variables are given: those all of whose files are
// given, or used by such stages alone.
func (r *recipe) leftOut(given map[string]bool) []bool {
	left := make([]bool, len(r.Stages))
	for i, s := range slices.Backward(r.Stages) {
		all, used, needed := len(s.Gives) > 0, false, false
		for key := range s.Gives {
			all = all && given[key]
			for j := i + 1; j < len(r.Stages); j++ {
				if !given[key] && r.Stages[j].names(key) {
					used, needed = true, needed || !left[j]
				}
			}
		}
		left[i] = all || used && !needed
	}
	return left
}

// names tells whether a stage uses a variable.
func (s *stage) names(key string) bool {
	texts := append(slices.Concat(s.Run, s.CUDA), s.Stdout)
	return slices.ContainsFunc(texts,
		func(text string) bool { return strings.Contains(text, "{"+key+"}") })
}

func keysOfMap(m map[string]string) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// readJournal reads run.json of a recipe; errors name the file.
func readJournal(file string) (*runState, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	state := new(runState)
	if err := json.Unmarshal(b, state); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return state, nil
}

// runStages runs what is not done yet.
func runStages(cmd *cobra.Command, name, out string, plan []stage, quiet bool) error {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	journal := filepath.Join(out, "run.json")
	state, err := readJournal(journal)
	if errors.Is(err, fs.ErrNotExist) {
		state = &runState{Recipe: name}
	} else if err != nil {
		return err
	}
	note := func(format string, args ...any) {
		if !quiet {
			fmt.Fprintf(cmd.ErrOrStderr(), "symdiff run: "+format+"\n", args...)
		}
	}
	for i, s := range plan {
		if i < len(state.Stages) {
			d := state.Stages[i]
			if d.Name != s.Name || !slices.Equal(d.Args, s.Run) {
				return fmt.Errorf("%s: stage %s was run as %q, asked for is %q; choose another --out", journal,
					d.Name, d.Args, s.Run)
			}
			if d.Done {
				if err := d.check(); err != nil {
					return fmt.Errorf("%s: %w", journal, err)
				}
				note("%s: done before", s.Name)
				continue
			}
		} else {
			state.Stages = append(state.Stages, stageDone{Name: s.Name, Args: s.Run,
				Version: currentVersion().Version})
		}
		d := &state.Stages[i]
		args := resumed(s.Run)
		note("%s: %s", s.Name, commandLine(append([]string{""}, args...)))
		from := time.Now()
		if err := writeJournal(journal, state); err != nil { // which the stage may read
			return err
		}
		err := runStage(cmd, s, args)
		d.Hours += time.Since(from).Hours()
		if err == nil {
			d.Done, d.Files = true, map[string]string{}
			for _, key := range keysOfMap(s.Gives) {
				file := s.Gives[key]
				if d.Files[file], err = fileHash(file); err != nil {
					err = fmt.Errorf("stage %s was to make it: %w", s.Name, err)
					d.Done = false
					break
				}
			}
		}
		if werr := writeJournal(journal, state); err == nil {
			err = werr
		}
		if err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
	}
	note("done: %s", out)
	return nil
}

// runStage runs one subcommand in this process.
func runStage(cmd *cobra.Command, s stage, args []string) (err error) {
	stdout := cmd.OutOrStdout()
	var file *output
	if s.Stdout != "" {
		if file, err = createOutput(s.Stdout, false); err != nil {
			return err
		}
		stdout = file
	}
	root := newRootCommand(func(*cobra.Command) {})
	root.SetArgs(args)
	root.SetIn(strings.NewReader(""))
	root.SetOut(stdout)
	root.SetErr(cmd.ErrOrStderr())
	ctx := context.WithValue(cmd.Context(), stageArgs{}, args)
	_, err = root.ExecuteContextC(ctx)
	switch {
	case file == nil:
	case err != nil:
		file.Discard()
	default:
		err = file.Commit()
	}
	return err
}

// stageArgs is the key of a context under which a stage finds its arguments.
type stageArgs struct{}

// startedAs is the command line of cmd as files record it: that of the process, or that of a stage of
// a recipe.
func startedAs(cmd *cobra.Command) string {
	if args, ok := cmd.Context().Value(stageArgs{}).([]string); ok {
		return recordedCommand(append([]string{""}, args...))
	}
	return recordedCommand(os.Args)
}

// resumed are the arguments by which a stage goes on, where its folder holds a state of training to
// go on from.
func resumed(args []string) []string {
	if !slices.Contains([]string{"train", "distill", "posttrain"}, args[0]) {
		return args
	}
	out := ""
	for i, arg := range args {
		switch value, ok := strings.CutPrefix(arg, "--out="); {
		case ok:
			out = value
		case (arg == "--out" || arg == "-o") && i+1 < len(args):
			out = args[i+1]
		}
	}
	if out == "" || !train.CanResume(out) {
		return args
	}
	command := args[0]
	if command == "distill" {
		command = "train"
	}
	return []string{command, "--resume", out}
}

// check tells whether the files of a stage are those that it made.
func (d *stageDone) check() error {
	for file, want := range d.Files {
		got, err := fileHash(file)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is not what stage %s made", file, d.Name)
		}
	}
	return nil
}

func fileHash(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func writeJournal(path string, state *runState) error {
	f, err := createOutput(path, false)
	if err != nil {
		return err
	}
	if err := writeJSON(f, state); err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}
