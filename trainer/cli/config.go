package cli

import (
	"bytes"
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

// trainConfig is how the settings of a run are given: recipes and TOML files, and flags, which come last. Each setting is a flag, and
// a key of the same name in its section of a file.
type trainConfig struct {
	o      train.Options
	files  []string
	resume string
	print  bool
	dry    bool

	student bool // the defaults are those of a student of --teacher
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
func (c *trainConfig) bind(f *pflag.FlagSet) {
	c.o = train.Defaults()
	bindOptions(f, &c.o)
	f.StringArrayVar(&c.files, "config", nil, "TOML file, or name of a recipe: "+strings.Join(recipeNames(), ", "))
	f.StringVar(&c.resume, "resume", "", "checkpoint, or folder of a run, to go on from")
	f.BoolVar(&c.print, "print-config", false, "print all settings as TOML, and end")
	f.BoolVar(&c.dry, "dry-run", false, "print parameters, memory and steps per epoch, and end")
}

// completeTrain tells the shell what flags take.
func completeTrain(cmd *cobra.Command) {
	for flag, words := range map[string][]string{
		"variant": train.Variants(), "loss": {train.LossL2, train.LossVLB}, "schedule": {"polynomial_2", "cosine", "learned"}, "mlp-type": {"swiglu", "mlp"},
		"gamma-order": {"paper", "released"}, "device": {"cpu", "cuda"},
	} {
		must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	}
	must(cmd.RegisterFlagCompletionFunc("config", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return recipeNames(), cobra.ShellCompDirectiveDefault // files too
	}))
	for _, flag := range []string{"out", "resume"} {
		must(cmd.MarkFlagDirname(flag))
	}
	must(cmd.MarkFlagFilename("init", "safetensors"))
}

// sections are the tables of a file, each with its flags.
var sections = []struct {
	name string
	bind func(f *pflag.FlagSet, o *train.Options)
}{
	{"data", bindData}, {"model", bindModel}, {"objective", bindObjective}, {"optimiser", bindOptimiser}, {"run", bindRun},
}

func bindOptions(f *pflag.FlagSet, o *train.Options) {
	for _, s := range sections {
		s.bind(f, o)
	}
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
	f.Var(variantValue{o}, "variant", strings.Join(train.Variants(), ", ")+": the network, its symmetrisation, and whether the data are turned (dit-aug, as --augment)")
	f.StringVar(&c.GammaOrder, "gamma-order", c.GammaOrder, "paper, or released as the published code has it (not equivariant)")
	f.BoolVar(&c.FixQR, "fix-qr", c.FixQR, "orthonormalise f's output by rows rather than by columns")
	f.IntVar(&c.PadTo, "pad-to", c.PadTo, "imitate the published code's padding to this many atoms, 0: do not")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "width of the backbone k")
	f.IntVar(&c.Depth, "depth", c.Depth, "blocks of k")
	f.IntVar(&c.Heads, "heads", c.Heads, "attention heads of k")
	f.Float64Var(&c.MLPRatio, "mlp-ratio", c.MLPRatio, "width of k's MLPs as a multiple of its width")
	f.StringVar(&c.MLPType, "mlp-type", c.MLPType, "swiglu or mlp")
	f.IntVar(&c.XHHidden, "xh-hidden", c.XHHidden, "width of the embedding of positions and features, the rest is for distances")
	f.IntVar(&c.K, "K", c.K, "Gaussians of the distance features")
	f.BoolVar(&o.DistanceGrid, "distance-grid", o.DistanceGrid, "start the Gaussians on an even grid rather than at random as published")
	f.IntVar(&c.EncHidden, "enc-hidden", c.EncHidden, "width of f")
	f.IntVar(&c.EncDepth, "enc-depth", c.EncDepth, "blocks of f")
	f.IntVar(&c.EncHeads, "enc-heads", c.EncHeads, "attention heads of f")
	f.Float64Var(&c.EncMLPRatio, "enc-mlp-ratio", c.EncMLPRatio, "width of f's MLPs as a multiple of its width")
	f.IntVar(&c.DecHidden, "dec-hidden", c.DecHidden, "width of the MLP at the end of f")
	f.IntVar(&c.NoiseDims, "noise-dims", c.NoiseDims, "dimensions of eta per atom")
	f.Float64Var(&c.NoiseStd, "noise-std", c.NoiseStd, "standard deviation of eta")
	f.StringVar(&c.GammaBase, "gamma-base", c.GammaBase, "what f refines, or gamma is without f: empty for the Haar measure, or frame")
	f.StringVar(&c.GammaHead, "gamma-head", c.GammaHead, "how f makes its matrix: empty as published, or moments")
	f.BoolVar(&c.PairBias, "pair-bias", c.PairBias, "let k's attention see the distances of pairs (not in the published network)")
	f.Float64Var(&c.TimeScale, "time-scale", c.TimeScale, "multiply t by this before its sinusoids, 0: do not, as published")
	f.StringVar(&o.Init, "init", o.Init, "weights file to start from; parameters that it lacks start as usual, time embeddings are fitted to --time-scale")
	f.IntVar(&e.Hidden, "nf", e.Hidden, "EGNN: width")
	f.IntVar(&e.Layers, "n-layers", e.Layers, "EGNN: blocks")
	f.IntVar(&e.InvSublayers, "inv-sublayers", e.InvSublayers, "EGNN: updates of the features per block")
	f.BoolVar(&e.Attention, "attention", e.Attention, "EGNN: weigh messages by a gate")
	f.BoolVar(&e.Tanh, "tanh", e.Tanh, "EGNN: bound the moves of the coordinates")
	f.IntVar(&o.Latent.Size, "latent-nf", o.Latent.Size, "GeoLDM: scalars of an atom's latent; encoder and decoder are EGNNs")
	f.Float64Var(&e.NormConstant, "norm-constant", e.NormConstant, "EGNN: added to distances before they divide")
	f.Float64Var(&e.NormFactor, "normalization-factor", e.NormFactor, "EGNN: sums over neighbours are divided by this")
}

func bindObjective(f *pflag.FlagSet, o *train.Options) {
	f.StringSliceVar(&o.Condition, "condition", o.Condition, "what the network is given: scalar properties of the data, such as gap, for sample --properties; types: those of the atoms, drawn first or by --formula")
	f.Float64Var(&o.Dropout, "condition-dropout", o.Dropout, "share of molecules whose values are kept from the network, for guidance without a classifier")
	f.Float64Var(&o.Parts, "parts", o.Parts, "share of molecules with given types of which a part is given too, for sample --keep")
	f.StringVar(&o.Loss, "loss", o.Loss, "l2, or vlb: terms weighted as in the variational bound")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "noise schedule: polynomial_2, cosine, or learned with --loss vlb")
	f.IntVar(&o.Timesteps, "timesteps", o.Timesteps, "T, the steps of the diffusion process")
	f.StringVar(&o.Teacher, "teacher", o.Teacher, "weights file whose prediction is learned in place of the noise")
	f.StringVar(&o.Guide, "guide", o.Guide, "weights file of a worse network, from which the teacher's prediction is led away")
	f.StringVar(&o.Better, "better", o.Better, "weights file of the better network that the guide is compared with, if not the teacher")
	f.Float64Var(&o.GuideFrom, "guide-from", o.GuideFrom, "t/T from which the teacher is led")
	f.Float64Var(&o.GuideTo, "guide-to", o.GuideTo, "t/T up to which the teacher is led, 0: to the end")
	f.Float64Var(&o.Guidance, "guidance", o.Guidance, "how far, as a multiple of their difference")
	f.BoolVar(&o.Augment, "augment", o.Augment, "turn each molecule by a Haar matrix (with --variant none: DiT-Aug)")
	f.StringVar(&o.Latent.Stage, "stage", o.Latent.Stage, "GeoLDM: released trains decoder and denoiser, autoencoder encoder and decoder, diffusion the denoiser of an autoencoder from --init, joint all")
	f.Float64Var(&o.Latent.KLWeight, "kl-weight", o.Latent.KLWeight, "GeoLDM: weight of the KL divergence, where the encoder is trained")
	f.BoolVar(&o.UniformTimes, "uniform-times", o.UniformTimes, "independent times in a batch instead of stratified ones")
	f.Float64Var(&o.TimePower, "time-power", o.TimePower, "draw t/T as the power of a uniform number: above 1 trains more at low noise")
}

func bindOptimiser(f *pflag.FlagSet, o *train.Options) {
	f.IntVar(&o.BatchAtoms, "batch-atoms", o.BatchAtoms, "atoms per batch")
	f.IntVar(&o.Accumulate, "accumulate", o.Accumulate, "parts of --batch-atoms each that make a step, one after the other")
	f.Float64Var(&o.LR, "lr", o.LR, "learning rate")
	f.Float64Var(&o.MinLR, "min-lr", o.MinLR, "floor of the cosine decay, as a share of --lr")
	f.IntVar(&o.Warmup, "warmup", o.Warmup, "steps of linear warm-up")
	f.Float64Var(&o.EMA, "ema", o.EMA, "decay of the moving average of the weights")
	f.Float64Var(&o.Clip, "clip", o.Clip, "largest norm of the gradient, 0: no clipping")
	f.Float64Var(&o.WeightDecay, "weight-decay", o.WeightDecay, "decoupled weight decay")
	f.BoolVar(&o.AMSGrad, "amsgrad", o.AMSGrad, "the AMSGrad form of AdamW")
	f.BoolVar(&o.Muon, "muon", o.Muon, "step the matrices of attention and MLPs by Muon, the rest by AdamW")
	f.BoolVar(&o.TF32, "tf32", o.TF32, "matrix products in TensorFloat-32, on CUDA")
	f.BoolVar(&o.BF16, "bf16", o.BF16, "matrix products in bfloat16, weights kept in float32")
}

func bindRun(f *pflag.FlagSet, o *train.Options) {
	f.StringVar(&o.Out, "out", o.Out, "folder for log and checkpoints")
	f.IntVar(&o.Steps, "steps", o.Steps, "end after this many steps")
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "end after this many epochs")
	f.DurationVar((*time.Duration)(&o.MaxTime), "max-time", time.Duration(o.MaxTime), "end after this time, as in 2h30m")
	f.DurationVar((*time.Duration)(&o.StopAfter), "stop-after", time.Duration(o.StopAfter), "end this part of the run after this time, with a checkpoint to --resume; its schedule stays")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of weights, order and noise")
	f.IntVar(&o.Threads, "threads", o.Threads, "workers that share each batch, one thread each, 0: one per CPU")
	f.StringVar(&o.Device, "device", o.Device, "cpu, cuda or cuda:N")
	f.IntVar(&o.ValEvery, "val-every", o.ValEvery, "steps between validations, 0: at the end only")
	f.IntVar(&o.ValMolecules, "val-molecules", o.ValMolecules, "held-out molecules to use, 0: none")
	f.IntVar(&o.SampleMolecules, "sample-molecules", o.SampleMolecules, "molecules to sample and measure after each validation, 0: none")
	f.IntVar(&o.LogEvery, "log-every", o.LogEvery, "steps between lines of the log")
	f.DurationVar((*time.Duration)(&o.CheckpointEvery), "checkpoint-every", time.Duration(o.CheckpointEvery), "time between checkpoints, 0: at the end only")
	f.IntVar(&o.Keep, "keep", o.Keep, "older checkpoints that stay beside the newest one and the best")
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

// options are the settings of the run: the defaults, or those of the checkpoint that is resumed; then what files say, in turn; then
// the flags that were given.
func (c *trainConfig) options(flags *pflag.FlagSet) (train.Options, error) {
	o := train.Defaults()
	var err error
	switch {
	case c.resume != "":
		o, err = resumedOptions(c.resume)
	case c.student && c.o.Teacher == "":
		err = usagef("--teacher: no weights file given")
	case c.student:
		o, err = train.Student(c.o.Teacher)
	}
	if err != nil {
		return o, err
	}
	var given []setting
	for _, file := range c.files {
		list, err := readConfig(file)
		if err != nil {
			return o, err
		}
		given = append(given, list...)
	}
	fresh := pflag.NewFlagSet("", pflag.ContinueOnError)
	bindOptions(fresh, &o)
	flags.Visit(func(f *pflag.Flag) {
		if fresh.Lookup(f.Name) != nil {
			given = append(given, setting{f.Name, flagText(f), "--" + f.Name})
		}
	})
	for _, s := range given {
		f := fresh.Lookup(s.name)
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
			return o, usagef("%s: %w", s.source, err)
		}
		if err != nil {
			return o, fmt.Errorf("%s: %w", s.source, err)
		}
	}
	o.Resume = c.resume
	return o, nil
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

// readConfig reads a TOML file, or a recipe if there is no such file. Errors name the file and the key.
func readConfig(name string) ([]setting, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(recipeNames(), name) {
		text, err = recipes.ReadFile(path.Join("recipes", name+".toml"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("--config %s: neither a file nor one of the recipes %s", name, strings.Join(recipeNames(), ", "))
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
		return nil, fmt.Errorf("%s: %w (want tables %s)", name, err, sectionNames())
	}
	var list []setting
	for _, key := range meta.Keys() {
		if len(key) == 1 {
			if keysOf(key[0]) == nil {
				return nil, fmt.Errorf("%s: unknown table [%s], want %s", name, key[0], sectionNames())
			}
			continue
		}
		known := keysOf(key[0])
		if len(key) != 2 || !slices.Contains(known, key[1]) {
			return nil, fmt.Errorf("%s: unknown key %s; [%s] has %s", name, key, key[0], strings.Join(known, ", "))
		}
		value, err := tomlText(tables[key[0]][key[1]])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, key, err)
		}
		list = append(list, setting{key[1], value, name + ": " + key.String()})
	}
	return list, nil
}

func sectionNames() string {
	var names []string
	for _, s := range sections {
		names = append(names, "["+s.name+"]")
	}
	return strings.Join(names, " ")
}

// keysOf are the keys of a section.
func keysOf(section string) (keys []string) {
	for _, s := range sections {
		if s.name == section {
			f, o := pflag.NewFlagSet("", pflag.ContinueOnError), train.Defaults()
			s.bind(f, &o)
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
				return "", fmt.Errorf("a list of %T, want text", x)
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("a %T is no value of a setting", v)
}

// writeConfig writes all settings as a file that readConfig reads.
func writeConfig(w io.Writer, o train.Options) error {
	var b bytes.Buffer
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", s.name)
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		s.bind(f, &o)
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
