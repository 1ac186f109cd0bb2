package cli

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// trainConfig is how the settings of a run are given. Each setting is a key in its section of a
// TOML file and of --set; the most common ones are flags too. Files come first, then
// --set, then flags.
type trainConfig struct {
	kind   string // train, distill or posttrain
	shown  train.Posttraining
	files  []string
	set    []string
	resume string
	print  bool
	dry    bool
}

// flagsOf are the settings that are flags of a command.
var flagsOf = map[string][]string{
	"train": {"data", "val", "out", "init", "variant", "steps", "epochs", "max-time", "stop-after", "lr",
		"seed", "threads", "device"},
	"distill": {"teacher", "student-steps", "guide", "guidance", "data", "val", "out", "steps", "max-time",
		"stop-after", "seed", "threads", "device"},
	"posttrain": {"init", "data", "val", "out", "method", "rounds", "samples", "steps", "reward",
		"seed", "threads", "device"},
}

//go:embed recipes/*.toml
var recipes embed.FS

// recipeNames lists the settings of training that come with the command.
func recipeNames() []string {
	entries, err := recipes.ReadDir("recipes")
	if err != nil {
		panic(err) // they are in the binary
	}
	var names []string
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".toml"); !slices.Contains(recipesOfStages(), name) {
			names = append(names, name)
		}
	}
	return names
}

// bind defines the flags.
func (c *trainConfig) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	c.shown.Train = train.Defaults()
	if c.kind == "posttrain" {
		c.shown, _ = train.PosttrainDefaults("", train.DiffusionNFT) // of no weights
	}
	all := c.settings(&c.shown)
	for _, name := range flagsOf[c.kind] {
		f.AddFlag(all.Lookup(name))
	}
	f.StringArrayVar(&c.files, "config", nil, "TOML file, or name of a recipe: "+
		strings.Join(recipeNames(), ", "))
	f.StringArrayVar(&c.set, "set", nil,
		"another setting, such as model.depth=8; --print-config lists them")
	f.StringVar(&c.resume, "resume", "", "checkpoint, or folder of a run, to continue from")
	f.BoolVar(&c.print, "print-config", false, "print all settings as TOML and end")
	if c.kind != "posttrain" {
		f.BoolVar(&c.dry, "dry-run", false, "print parameters, memory and steps per epoch and end")
	}
	for flag, words := range map[string][]string{"variant": train.Variants(),
		"device": {"cpu", "cuda"}} {
		if f.Lookup(flag) != nil {
			must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words,
				cobra.ShellCompDirectiveNoFileComp)))
		}
	}
	must(cmd.RegisterFlagCompletionFunc("config", func(*cobra.Command, []string, string) ([]string,
		cobra.ShellCompDirective) {
		return recipeNames(), cobra.ShellCompDirectiveDefault // files too
	}))
	must(cmd.RegisterFlagCompletionFunc("set", func(*cobra.Command, []string, string) (list []string,
		_ cobra.ShellCompDirective) {
		for _, s := range c.sections() {
			for _, key := range c.keysOf(s.name) {
				list = append(list, s.name+"."+key+"=")
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}))
	for _, flag := range []string{"out", "resume"} {
		must(cmd.MarkFlagDirname(flag))
	}
	for _, flag := range []string{"init", "teacher", "guide"} {
		if f.Lookup(flag) != nil {
			must(cmd.MarkFlagFilename(flag, "safetensors"))
		}
	}
}

// section is a table of a file, with its keys as flags.
type section struct {
	name string
	bind func(f *pflag.FlagSet, p *train.Posttraining)
}

// sections are the tables of a file for the command.
func (c *trainConfig) sections() []section {
	of := func(bind func(*pflag.FlagSet, *train.Options)) func(*pflag.FlagSet, *train.Posttraining) {
		return func(f *pflag.FlagSet, p *train.Posttraining) { bind(f, &p.Train) }
	}
	list := []section{{"data", of(bindData)}, {"model", of(bindModel)}, {"objective", of(bindObjective)},
		{"optimiser", of(bindOptimiser)}, {"run", of(bindRun)}}
	if c.kind == "posttrain" {
		list = append(list, section{"posttrain", bindPosttrain})
	}
	return list
}

// settings are all keys of all sections, which set p.
func (c *trainConfig) settings(p *train.Posttraining) *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, s := range c.sections() {
		s.bind(f, p)
	}
	return f
}

func bindPosttrain(f *pflag.FlagSet, p *train.Posttraining) {
	f.StringVar(&p.Method, "method", p.Method, train.DiffusionNFT+" or "+train.TaskVector)
	f.IntVar(&p.Rounds, "rounds", p.Rounds, "rounds at most")
	f.IntVar(&p.Patience, "patience", p.Patience, "end after this many rounds without a better score")
	f.IntVar(&p.Samples, "samples", p.Samples, "molecules sampled in a round")
	f.StringVar(&p.Reward, "reward", p.Reward,
		"what the samples are rewarded for: an expression over measures, or program:COMMAND")
	f.Float64Var(&p.RewardBelow, "reward-below", p.RewardBelow,
		"with a reward, t/T below which it counts; above, the data against all samples")
	f.IntVar(&p.Positives, "positives", p.Positives,
		"molecules of the data in a round; task-vector: with a reward")
	f.Float64Var(&p.Scale, "scale", p.Scale,
		"task-vector: scale of the task vector that the first round adds")
	f.Float64Var(&p.Beta, "beta", p.Beta,
		"diffusionnft: the smaller, the more a round changes the network")
	f.Float64Var(&p.From, "from", p.From, "diffusionnft: t/T from which the network changes")
	f.Float64Var(&p.To, "to", p.To, "diffusionnft: t/T up to which the network changes")
	f.Float64Var(&p.Ramp, "ramp", p.Ramp,
		"diffusionnft: t/T below which a round changes the network less, in proportion to t")
	f.Float64Var(&p.Negative, "negative", p.Negative,
		"diffusionnft: weight of the samples, where that of the data is 1")
	f.Float64Var(&p.Mix, "mix", p.Mix,
		"diffusionnft: with a reward, share of the data against the samples")
	f.StringVar(&p.Group, "group", p.Group,
		"with a reward, an expression: only samples of equal value are compared with each other")
}

func bindData(f *pflag.FlagSet, o *train.Options) {
	f.StringSliceVar(&o.Data, "data", o.Data, "files of molecules to train on")
	f.StringSliceVar(&o.Val, "val", o.Val, "files of held-out molecules")
	f.IntVar(&o.Limit, "limit", o.Limit, "molecules to train on, 0: all")
	f.StringSliceVar(&o.Elements, "elements", o.Elements, "elements of the model, in order")
	f.BoolVar(&o.Charge, "charge", o.Charge, "atomic number as a feature beside the one-hot type")
}

func bindModel(f *pflag.FlagSet, o *train.Options) {
	c, e := &o.Config, &o.EGNN
	f.Var(variantValue{o}, "variant", strings.Join(train.Variants(),
		", ")+": the network and its symmetrisation; dit-aug rotates the data (augment)")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "width of the backbone k")
	f.IntVar(&c.Depth, "depth", c.Depth, "blocks of k")
	f.IntVar(&c.Heads, "heads", c.Heads, "attention heads of k")
	f.Float64Var(&c.MLPRatio, "mlp-ratio", c.MLPRatio, "width of k's MLPs as a multiple of its width")
	f.StringVar(&c.MLPType, "mlp-type", c.MLPType, "swiglu or mlp")
	f.IntVar(&c.XHHidden, "xh-hidden", c.XHHidden,
		"width of the embedding of positions and features; the rest of hidden is for distances")
	f.IntVar(&c.K, "K", c.K, "Gaussians of the distance features")
	f.BoolVar(&o.DistanceGrid, "distance-grid", o.DistanceGrid,
		"start the Gaussians on an even grid; as published they start at random")
	f.IntVar(&c.EncHidden, "enc-hidden", c.EncHidden, "width of f")
	f.IntVar(&c.EncDepth, "enc-depth", c.EncDepth, "blocks of f")
	f.IntVar(&c.EncHeads, "enc-heads", c.EncHeads, "attention heads of f")
	f.Float64Var(&c.EncMLPRatio, "enc-mlp-ratio", c.EncMLPRatio,
		"width of f's MLPs as a multiple of its width")
	f.IntVar(&c.DecHidden, "dec-hidden", c.DecHidden, "width of the MLP at the end of f")
	f.IntVar(&c.NoiseDims, "noise-dims", c.NoiseDims, "dimensions of eta per atom")
	f.Float64Var(&c.NoiseStd, "noise-std", c.NoiseStd, "standard deviation of eta")
	f.StringVar(&c.GammaBase, "gamma-base", c.GammaBase,
		"what f refines, or gamma is without f: empty for the Haar measure, or frame")
	f.StringVar(&c.GammaHead, "gamma-head", c.GammaHead,
		"how f makes its matrix: empty as published, or moments")
	f.BoolVar(&c.PairBias, "pair-bias", c.PairBias,
		"let k's attention see the distances of pairs (not in the published network)")
	f.Float64Var(&c.TimeScale, "time-scale", c.TimeScale,
		"multiply t by this before its sinusoids, 0: do not, as published")
	f.StringVar(&o.Init, "init", o.Init,
		"weights file to start from; parameters that it lacks start at random, and time embeddings are fitted to time-scale")
	f.IntVar(&e.Hidden, "nf", e.Hidden, "EGNN: width")
	f.IntVar(&e.Layers, "n-layers", e.Layers, "EGNN: blocks")
	f.IntVar(&e.InvSublayers, "inv-sublayers", e.InvSublayers,
		"EGNN: updates of the features per block")
	f.BoolVar(&e.Attention, "attention", e.Attention, "EGNN: weigh messages by a gate")
	f.BoolVar(&e.Tanh, "tanh", e.Tanh, "EGNN: bound the moves of the coordinates")
	f.IntVar(&o.Latent.Size, "latent-nf", o.Latent.Size,
		"GeoLDM: scalars of an atom's latent; encoder and decoder are EGNNs")
	f.Float64Var(&e.NormConstant, "norm-constant", e.NormConstant,
		"EGNN: constant added to a distance before dividing by it")
	f.Float64Var(&e.NormFactor, "normalization-factor", e.NormFactor,
		"EGNN: sums over neighbours are divided by this")
}

func bindObjective(f *pflag.FlagSet, o *train.Options) {
	f.StringSliceVar(&o.Condition, "condition", o.Condition,
		"conditions of the network: scalar properties of the data, such as gap (sample "+
			"--properties), and types, the elements of the atoms (sample --formula)")
	f.Float64Var(&o.Dropout, "condition-dropout", o.Dropout,
		"share of molecules whose conditions are dropped, for classifier-free guidance")
	f.Float64Var(&o.Fragments, "fragments", o.Fragments,
		"share of the molecules with given types of which a fragment is fixed, for sample --fragment")
	f.StringVar(&o.Loss, "loss", o.Loss, "l2, or vlb: terms weighted as in the variational bound")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "noise schedule: polynomial_2 or cosine")
	f.IntVar(&o.Timesteps, "timesteps", o.Timesteps, "T, the steps of the diffusion process")
	f.StringVar(&o.Teacher, "teacher", o.Teacher,
		"weights file whose prediction is learned in place of the noise")
	f.IntVar(&o.StudentSteps, "student-steps", o.StudentSteps,
		"steps of the student's sampler, each like several of the teacher; 0: any number")
	f.IntVar(&o.TeacherSteps, "teacher-steps", o.TeacherSteps,
		"with student-steps, DDIM steps of the teacher for one of the student")
	f.StringVar(&o.Guide, "guide", o.Guide,
		"weights file of a weak model that guides the teacher (autoguidance)")
	f.Float64Var(&o.Guidance, "guidance", o.Guidance,
		"guidance weight w, the factor of the difference")
	f.BoolVar(&o.Augment, "augment", o.Augment,
		"rotate each molecule by a Haar matrix (with the variant dit: DiT-Aug)")
	f.StringVar(&o.Latent.Stage, "stage", o.Latent.Stage,
		"GeoLDM: released trains decoder and denoiser, autoencoder encoder and decoder, diffusion the "+
			"denoiser of an autoencoder from --init, joint all")
	f.Float64Var(&o.Latent.KLWeight, "kl-weight", o.Latent.KLWeight,
		"GeoLDM: weight of the KL divergence, where the encoder is trained")
	f.BoolVar(&o.UniformTimes, "uniform-times", o.UniformTimes,
		"independent times in a batch instead of stratified ones")
	f.Float64Var(&o.TimePower, "time-power", o.TimePower,
		"draw t/T as the power of a uniform number: above 1 trains more at low noise")
}

func bindOptimiser(f *pflag.FlagSet, o *train.Options) {
	f.IntVar(&o.BatchAtoms, "batch-atoms", o.BatchAtoms, "atoms per batch")
	f.IntVar(&o.Accumulate, "accumulate", o.Accumulate,
		"batches of a step, one after the other, whose gradients are summed")
	f.Float64Var(&o.LR, "lr", o.LR, "learning rate")
	f.Float64Var(&o.MinLR, "min-lr", o.MinLR, "floor of the cosine decay, as a share of lr")
	f.IntVar(&o.Warmup, "warmup", o.Warmup, "steps of linear warm-up")
	f.Float64Var(&o.EMA, "ema", o.EMA, "decay of the moving average of the weights")
	f.Float64Var(&o.Clip, "clip", o.Clip, "largest norm of the gradient, 0: no clipping")
	f.BoolVar(&o.AdaptiveClip, "adaptive-clip", o.AdaptiveClip,
		"clip at 1.5 times the mean of the last 50 norms plus two standard deviations, in place of clip")
	f.Float64Var(&o.WeightDecay, "weight-decay", o.WeightDecay, "decoupled weight decay")
	f.BoolVar(&o.AMSGrad, "amsgrad", o.AMSGrad, "the AMSGrad form of AdamW")
	f.BoolVar(&o.Muon, "muon", o.Muon,
		"step the matrices of attention and MLPs by Muon, the rest by AdamW")
	f.BoolVar(&o.TF32, "tf32", o.TF32, "matrix products in TensorFloat-32, on CUDA")
	f.BoolVar(&o.BF16, "bf16", o.BF16,
		"matrix products in bfloat16, weights kept in float32; on a CPU it needs AVX-512")
}

func bindRun(f *pflag.FlagSet, o *train.Options) {
	f.StringVarP(&o.Out, "out", "o", o.Out, "folder for log and checkpoints")
	f.IntVar(&o.Steps, "steps", o.Steps, "end after this many steps")
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "end after this many epochs")
	f.DurationVar((*time.Duration)(&o.MaxTime), "max-time", time.Duration(o.MaxTime),
		"end after this time, such as 2h30m")
	f.DurationVar((*time.Duration)(&o.StopAfter), "stop-after", time.Duration(o.StopAfter),
		"stop after this time with a checkpoint for --resume; the schedule of the run stays")
	f.Uint64VarP(&o.Seed, "seed", "s", o.Seed, "seed of weights, order and noise")
	f.IntVar(&o.Threads, "threads", o.Threads,
		"workers that share each batch, one thread each, 0: one per core")
	f.StringVar(&o.Device, "device", o.Device, "cpu, cuda or cuda:N")
	f.IntVar(&o.ValEvery, "val-every", o.ValEvery, "steps between validations, 0: at the end only")
	f.IntVar(&o.ValMolecules, "val-molecules", o.ValMolecules, "held-out molecules to use, 0: none")
	f.IntVar(&o.SampleMolecules, "sample-molecules", o.SampleMolecules,
		"molecules to sample and measure after each validation, 0: none")
	f.IntVar(&o.LogEvery, "log-every", o.LogEvery, "steps between lines of the log")
	f.DurationVar((*time.Duration)(&o.CheckpointEvery), "checkpoint-every",
		time.Duration(o.CheckpointEvery), "time between checkpoints, 0: at the end only")
	f.IntVar(&o.Keep, "keep", o.Keep, "older checkpoints to keep beside the newest and the best")
}

// variantValue is --variant.
type variantValue struct{ o *train.Options }

func (v variantValue) String() string {
	if v.o == nil {
		return ""
	}
	return v.o.VariantName()
}
func (v variantValue) Set(name string) error { return v.o.SetVariant(name) }
func (v variantValue) Type() string          { return "string" }

// setting is a value that was given, and where.
type setting struct{ name, value, source string }

// options are the settings of the run: the defaults, or those of the state that is resumed; then
// what files say, in turn; then --set; then the flags that were given.
func (c *trainConfig) options(flags *pflag.FlagSet) (p train.Posttraining, err error) {
	given, err := c.given(flags)
	if err != nil {
		return p, err
	}
	last := func(name string) (value string) {
		for _, s := range given {
			if s.name == name {
				value = s.value
			}
		}
		return value
	}
	p.Train = train.Defaults()
	switch {
	case c.resume != "" && c.kind == "posttrain":
		p, err = train.ReadPosttraining(c.resume)
	case c.resume != "":
		p.Train, err = resumedOptions(c.resume)
	case c.kind == "distill" && last("teacher") == "":
		err = usagef("--teacher: no weights file given")
	case c.kind == "distill":
		p.Train, err = train.Student(last("teacher"))
	case c.kind == "posttrain" && last("init") == "":
		err = usagef("--init: no weights file given")
	case c.kind == "posttrain":
		p, err = train.PosttrainDefaults(last("init"), cmp.Or(last("method"), train.DiffusionNFT))
	}
	if err != nil {
		return p, err
	}
	all := c.settings(&p)
	for _, s := range given {
		f := all.Lookup(s.name)
		list, isList := f.Value.(pflag.SliceValue)
		var err error
		switch {
		case isList && s.value == "":
			err = list.Replace(nil)
		case isList:
			err = list.Replace(strings.Split(s.value, ","))
		default:
			err = f.Value.Set(s.value)
		}
		if err != nil && strings.HasPrefix(s.source, "--") {
			return p, usagef("%s: %w", s.source, err)
		}
		if err != nil {
			return p, fmt.Errorf("%s: %w", s.source, err)
		}
	}
	if c.kind != "posttrain" {
		p.Train.Resume = c.resume
	}
	return p, unread(p.Train, given)
}

// Keys of the table model that one kind of network has, and the other not.
var (
	ditKeys = []string{"hidden", "depth", "heads", "mlp-ratio", "mlp-type", "xh-hidden", "K",
		"distance-grid", "pair-bias", "time-scale"}
	egnnKeys = []string{"nf", "n-layers", "inv-sublayers", "attention", "tanh", "norm-constant",
		"normalization-factor"}
)

// unread refuses a --set of the network's sizes that the variant does not read.
func unread(o train.Options, given []setting) error {
	for _, keys := range []struct {
		list []string
		has  bool
	}{{ditKeys, o.HasDiT()}, {egnnKeys, o.HasEGNN()}} {
		for _, s := range given {
			if !keys.has && strings.HasPrefix(s.source, "--set ") && slices.Contains(keys.list, s.name) {
				return usagef("%s: the network of %s has no such setting", s.source, o.VariantName())
			}
		}
	}
	return nil
}

// given are the settings of files, of --set and of flags, in turn.
func (c *trainConfig) given(flags *pflag.FlagSet) (given []setting, err error) {
	for _, file := range c.files {
		list, err := c.readConfig(file)
		if err != nil {
			return nil, err
		}
		given = append(given, list...)
	}
	for _, text := range c.set {
		s, err := c.assignment(text)
		if err != nil {
			return nil, err
		}
		given = append(given, s)
	}
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(flagsOf[c.kind], f.Name) {
			given = append(given, setting{f.Name, flagText(f), "--" + f.Name})
		}
	})
	return given, nil
}

// oldKeys are keys by the names that files of earlier versions give them.
var oldKeys = map[string]string{"parts": "fragments"}

// keyOf is the key that a file or --set names.
func keyOf(name string) string { return cmp.Or(oldKeys[name], name) }

// assignment reads the value of --set, SECTION.KEY=VALUE, or KEY=VALUE.
func (c *trainConfig) assignment(text string) (setting, error) {
	name, value, ok := strings.Cut(text, "=")
	table, key, dotted := strings.Cut(name, ".")
	if !dotted {
		key = name
	}
	key = keyOf(key)
	for _, s := range c.sections() {
		if ok && (!dotted || s.name == table) && slices.Contains(c.keysOf(s.name), key) {
			return setting{key, value, "--set " + name}, nil
		}
	}
	return setting{}, usagef("--set %q: want SECTION.KEY=VALUE of what --print-config lists", text)
}

// flagText is a flag's value as Set takes it.
func flagText(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}

// resumedOptions are the options of a checkpoint.
func resumedOptions(from string) (train.Options, error) {
	c, _, err := train.ResumeCheckpoint(from)
	if err != nil {
		return train.Options{}, err
	}
	o := c.Options
	if fi, err := os.Stat(from); err == nil && fi.IsDir() {
		o.Out = from // it may have been moved
	}
	return o, nil
}

// readConfig reads a TOML file, or a recipe if there is no such file. Errors name the file and the
// key.
func (c *trainConfig) readConfig(name string) ([]setting, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(recipeNames(), name) {
		text, err = recipes.ReadFile(path.Join("recipes", name+".toml"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("--config %s: neither a file nor one of the recipes %s", name,
			strings.Join(recipeNames(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	var tables map[string]map[string]any
	meta, err := toml.Decode(string(text), &tables)
	if err != nil {
		if e, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("%s, line %d: %s", name, e.Position.Line, e.Message)
		}
		return nil, fmt.Errorf("%s: %w (want tables %s)", name, err, c.sectionNames())
	}
	var list []setting
	for _, key := range meta.Keys() {
		if len(key) == 1 {
			if c.keysOf(key[0]) == nil {
				return nil, fmt.Errorf("%s: unknown table [%s], want %s", name, key[0], c.sectionNames())
			}
			continue
		}
		known := c.keysOf(key[0])
		if len(key) != 2 || !slices.Contains(known, keyOf(key[1])) {
			return nil, fmt.Errorf("%s: unknown key %s; [%s] has %s", name, key, key[0],
				strings.Join(known, ", "))
		}
		value, err := tomlText(tables[key[0]][key[1]])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, key, err)
		}
		list = append(list, setting{keyOf(key[1]), value, name + ": " + key.String()})
	}
	return list, nil
}

func (c *trainConfig) sectionNames() string {
	var names []string
	for _, s := range c.sections() {
		names = append(names, "["+s.name+"]")
	}
	return strings.Join(names, " ")
}

// keysOf are the keys of a section.
func (c *trainConfig) keysOf(section string) (keys []string) {
	for _, s := range c.sections() {
		if s.name == section {
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			s.bind(f, &train.Posttraining{Train: train.Defaults()})
			f.VisitAll(func(f *pflag.Flag) { keys = append(keys, f.Name) })
		}
	}
	return keys
}

// tomlText is a value of a file as a flag takes it.
func tomlText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int64:
		return fmt.Sprint(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		var parts []string
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return "", fmt.Errorf("a list of %T, want a list of texts", x)
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("a setting cannot be a %T", v)
}

// writeConfig writes all settings as a file that readConfig reads.
func (c *trainConfig) writeConfig(w io.Writer, p train.Posttraining) error {
	var b bytes.Buffer
	for i, s := range c.sections() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", s.name)
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		s.bind(f, &p)
		f.SortFlags = false
		f.VisitAll(func(f *pflag.Flag) {
			fmt.Fprintf(&b, "%-20s = %-24s # %s\n", f.Name, tomlValue(f), f.Usage)
		})
	}
	_, err := w.Write(b.Bytes())
	return err
}

// tomlValue is the value of a flag in TOML.
func tomlValue(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		var parts []string
		for _, s := range list.GetSlice() {
			parts = append(parts, strconv.Quote(s))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	text := f.Value.String()
	switch f.Value.Type() {
	case "bool", "int":
		return text
	case "uint64":
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text // larger ones are no integers of TOML, and go as text
		}
	case "float64":
		if !strings.ContainsAny(text, ".eE") {
			text += ".0"
		}
		return text
	}
	return strconv.Quote(text)
}
