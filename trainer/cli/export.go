package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/pytorch"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// newExportCommand turns a checkpoint into a model file.
func newExportCommand() *cobra.Command {
	var out, dtype, to, moments, journal string
	cmd := &cobra.Command{
		Use:   "export CHECKPOINT --out WEIGHTS.safetensors",
		Short: "Write the averaged weights of a checkpoint as a model file, or for PyTorch",
		Long: `Write the averaged (EMA) weights of a checkpoint, or of a run's folder, as a model file. It
is a safetensors file whose metadata hold the configuration, the noise schedule, the histogram of
molecule sizes, the elements and the provenance of the training. CHECKPOINT may also be a model
file.

--dtype int8 stores matrices as 8-bit integers with a scale for each output channel. Embedders, the
last layer and the rest stay f16, because rounding costs most there. The file has little more than
half the size of f16. Compare both with symdiff evaluate.

--moments DATA adds the moments of these molecules, which truncated diffusion (symdiff sample
--t-start) needs. A checkpoint has the moments of its training data.

--journal RUN.json records the finished stages of a recipe (symdiff run) in the provenance: their
commands, versions and hours.

--to pytorch writes a state_dict with the published names, for torch.load and load_state_dict of
the published classes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := parseDType(dtype)
			if err != nil {
				return err
			}
			if to == "pytorch" && (moments != "" || cmd.Flags().Changed("dtype")) {
				return usagef("--dtype and --moments: not with --to pytorch, whose state_dict is of float32 " +
					"tensors alone")
			}
			w, c, err := train.ReadWeights(args[0])
			if err != nil {
				return err
			}
			if journal != "" {
				if err := addStages(w, journal); err != nil {
					return err
				}
			}
			said := ""
			switch to {
			case "pytorch":
				said, err = exportPyTorch(w, out)
			case "safetensors":
				said, err = exportModel(newReader(cmd), w, c, out, moments, t)
			default:
				return usagef("--to: %q, want safetensors or pytorch", to)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", out, said)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write")
	cmd.Flags().StringVar(&dtype, "dtype", "f32", "f32, f16, bf16 or int8")
	cmd.Flags().StringVar(&to, "to", "safetensors", "safetensors or pytorch")
	cmd.Flags().StringVar(&moments, "moments", "",
		"file of the training molecules, whose moments are written into the model")
	cmd.Flags().StringVar(&journal, "journal", "", "run.json of a recipe, whose stages go into the provenance")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return cmd
}

// exportModel writes a model file, with the moments of the molecules of a file where one is given,
// and says what it wrote.
func exportModel(r *dataset.Reader, w train.Weights, c *train.Checkpoint, out, data string,
	dtype safetensors.DType) (said string, err error) {
	n := 0
	for _, t := range w.Tensors {
		n += len(t.Data)
	}
	said = fmt.Sprintf("%d parameters as %s", n, dtypeName(dtype))
	if c != nil {
		said += fmt.Sprintf(", step %d", c.Progress.Step)
		if c.Provenance.ValLoss != 0 {
			said += fmt.Sprintf(", validation loss %g", c.Provenance.ValLoss)
		} else {
			said += ", without validation"
		}
	}
	if data != "" {
		n, err := addMoments(r, w, data)
		if err != nil {
			return "", err
		}
		said += fmt.Sprintf(", with the moments of %d molecules", n)
	}
	train.SetDType(w.Tensors, dtype)
	return said, safetensors.WriteFile(out, w.Tensors, w.Metadata)
}

// addStages puts the finished stages of a recipe, as its journal has them, to the provenance of a model.
func addStages(w train.Weights, journal string) error {
	state, err := readJournal(journal)
	if err != nil {
		return fmt.Errorf("--journal: %w", err)
	}
	var stages []train.Stage
	for _, s := range state.Stages {
		if s.Done {
			stages = append(stages, train.Stage{Name: s.Name, Command: recordedCommand(append([]string{""}, s.Args...)),
				Version: s.Version, Hours: s.Hours})
		}
	}
	return w.MadeBy(stages)
}

// addMoments puts the moments of the molecules of data, and their number, to the metadata of a
// model.
func addMoments(r *dataset.Reader, w train.Weights, data string) (n int, err error) {
	meta, err := encoding.Parse(w.Name, w.Metadata)
	if err != nil {
		return 0, err
	}
	sum := encoding.NewMomentsSum(meta)
	for m, err := range r.Open(data) {
		if err != nil {
			return n, fmt.Errorf("--moments: %w", err)
		}
		n++
		if err := sum.Add(m); err != nil {
			return n, fmt.Errorf("--moments %s: molecule %d: %w", data, n, err)
		}
	}
	if meta.Moments = sum.Moments(); meta.Moments == nil {
		return n, fmt.Errorf("--moments %s: no molecules of two atoms or more", data)
	}
	meta.Describe(w.Metadata)
	return n, nil
}

// dtypes are the values of --dtype.
var dtypes = []struct {
	name  string
	dtype safetensors.DType
}{{"f32", safetensors.F32}, {"f16", safetensors.F16}, {"bf16", safetensors.BF16},
	{"int8", safetensors.I8}}

// parseDType reads the value of --dtype.
func parseDType(name string) (safetensors.DType, error) {
	for _, t := range dtypes {
		if t.name == strings.ToLower(name) {
			return t.dtype, nil
		}
	}
	return "", usagef("--dtype: %q, want f32, f16, bf16 or int8", name)
}

func dtypeName(dtype safetensors.DType) string {
	for _, t := range dtypes {
		if t.dtype == dtype {
			return t.name
		}
	}
	return string(dtype)
}

// exportPyTorch writes the weights of a model file, or the averaged ones of a checkpoint, as a
// state_dict.
func exportPyTorch(w train.Weights, out string) (said string, err error) {
	list, err := pytorch.Export(w.Tensors, w.Metadata)
	if err != nil {
		return "", err
	}
	o, err := createOutput(out, false)
	if err != nil {
		return "", err
	}
	if err := pytorch.Write(o, list); err != nil {
		o.Discard()
		return "", err
	}
	return fmt.Sprintf("%d tensors for PyTorch", len(list)), o.Commit()
}

// commandLine is what would start the same run from a shell.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>*?()[]{}~#!`") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	quoted[0] = "symdiff"
	return strings.Join(quoted, " ")
}

// recordedCommand is the command line as weights and data sets record it. Such files are given away,
// so an absolute path becomes the name of the file.
func recordedCommand(args []string) string {
	short := slices.Clone(args)
	for i, a := range short {
		short[i] = dataset.ShareableArgument(a)
	}
	return commandLine(short)
}
