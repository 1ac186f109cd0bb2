package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"symdiff/core/safetensors"
	"symdiff/trainer/train"
)

// newExportCommand turns a checkpoint into a model file.
func newExportCommand() *cobra.Command {
	var out, dtype string
	cmd := &cobra.Command{
		Use:   "export CHECKPOINT --out WEIGHTS.safetensors",
		Short: "Write the averaged weights of a checkpoint as a model file",
		Long: `Write the averaged (EMA) weights of a checkpoint, or of a run's folder, as a model file: safetensors with the configuration, the
noise schedule, the histogram of sizes, the elements and the provenance of the training in its metadata.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			types := map[string]safetensors.DType{"f32": "F32", "f16": "F16", "bf16": "BF16"}
			t, ok := types[strings.ToLower(dtype)]
			if !ok {
				return fmt.Errorf("--dtype: %q, want f32, f16 or bf16", dtype)
			}
			c, err := train.Export(args[0], out, t)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d parameters as %s, step %d, validation loss %g\n", out, c.Config.NumParameters(),
				strings.ToLower(dtype), c.Progress.Step, c.Provenance.ValLoss)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.Flags().StringVar(&dtype, "dtype", "f32", "f32, f16 or bf16")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return cmd
}
