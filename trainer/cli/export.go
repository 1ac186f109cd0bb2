package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"symdiff/core/model"
	"symdiff/core/molecule"
	"symdiff/core/safetensors"
	"symdiff/trainer/pytorch"
	"symdiff/trainer/train"
)

// newExportCommand turns a checkpoint into a model file.
func newExportCommand() *cobra.Command {
	var out, dtype, to, moments string
	cmd := &cobra.Command{
		Use:   "export CHECKPOINT --out WEIGHTS.safetensors",
		Short: "Write the averaged weights of a checkpoint as a model file, or for PyTorch",
		Long: `Write the averaged (EMA) weights of a checkpoint, or of a run's folder, as a model file: safetensors with the configuration, the
noise schedule, the histogram of sizes, the elements and the provenance of the training in its metadata.

--moments DATA adds the moments of these molecules, which let --start of symdiff sample begin part-way, to those or to a model
file; a checkpoint of a new training has those of its molecules.

--to pytorch writes a state_dict under the published names instead, of a checkpoint or of a model file, which torch.load reads and the
published classes take by load_state_dict.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := parseDType(dtype)
			if err != nil {
				return err
			}
			switch to {
			case "pytorch":
				n, err := exportPyTorch(args[0], out)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d tensors for PyTorch\n", out, n)
				return err
			case "safetensors":
			default:
				return usagef("--to: %q, want safetensors or pytorch", to)
			}
			if moments != "" {
				return exportMoments(cmd, args[0], moments, out, t)
			}
			c, err := train.Export(args[0], out, t)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d parameters as %s, step %d, validation loss %g\n", out, len(c.Averaged()),
				strings.ToLower(dtype), c.Progress.Step, c.Provenance.ValLoss)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.Flags().StringVar(&dtype, "dtype", "f32", "f32, f16 or bf16")
	cmd.Flags().StringVar(&to, "to", "safetensors", "safetensors or pytorch")
	cmd.Flags().StringVar(&moments, "moments", "", "file of molecules, those of the training, whose moments are written too")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return cmd
}

// exportMoments writes a model file with the moments of the molecules of a file.
func exportMoments(cmd *cobra.Command, from, data, out string, dtype safetensors.DType) error {
	tensors, md, err := modelTensors(from)
	if err != nil {
		return err
	}
	meta, err := model.ParseMeta(from, md)
	if err != nil {
		return err
	}
	sum, n := model.NewMomentsSum(meta), 0
	for m, err := range molecule.Open(data) {
		if err == nil {
			err = sum.Add(m)
		}
		if err != nil {
			return fmt.Errorf("--moments %s: molecule %d: %w", data, n, err)
		}
		n++
	}
	if meta.Moments = sum.Moments(); meta.Moments == nil {
		return fmt.Errorf("--moments %s: no molecules of two atoms or more", data)
	}
	meta.Describe(md)
	for i := range tensors {
		tensors[i].DType = dtype
	}
	if err := safetensors.WriteFile(out, tensors, md); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: with the moments of %d molecules\n", out, n)
	return err
}

// parseDType reads the value of --dtype.
func parseDType(name string) (safetensors.DType, error) {
	t, ok := map[string]safetensors.DType{"f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16}[strings.ToLower(name)]
	if !ok {
		return "", fmt.Errorf("--dtype: %q, want f32, f16 or bf16", name)
	}
	return t, nil
}

// exportPyTorch writes the weights of a model file, or the averaged ones of a checkpoint, as a state_dict.
func exportPyTorch(from, out string) (n int, err error) {
	tensors, md, err := modelTensors(from)
	if err != nil {
		return 0, err
	}
	list, err := pytorch.Export(tensors, md)
	if err != nil {
		return 0, err
	}
	o, err := createOutput(out, false)
	if err != nil {
		return 0, err
	}
	if err := pytorch.Write(o, list); err != nil {
		o.Discard()
		return 0, err
	}
	return len(list), o.Commit()
}

// modelTensors are the tensors and metadata of a model file or of a checkpoint.
func modelTensors(path string) ([]safetensors.Tensor, map[string]string, error) {
	f, err := openWeights(train.CheckpointPath(path))
	if err != nil {
		return nil, nil, err
	}
	if train.IsCheckpoint(f.File) {
		c, err := train.ReadCheckpoint(path)
		if err != nil {
			return nil, nil, err
		}
		tensors, md := c.Model()
		return tensors, md, nil
	}
	if _, err := networkOf(f); err != nil {
		return nil, nil, err
	}
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v, err := f.Float32(name)
		if err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: info.Shape, Data: v})
	}
	if len(tensors) == 0 {
		return nil, nil, errors.New(path + ": no tensors")
	}
	return tensors, f.Metadata, nil
}
