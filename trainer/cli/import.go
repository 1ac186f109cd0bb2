package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/pytorch"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// newImportCommand turns a published checkpoint into a model file.
func newImportCommand() *cobra.Command {
	var args, out, dtype string
	var sizes []string
	c := pytorch.Choices{PadTo: -1}
	cmd := &cobra.Command{
		Use:   "import CHECKPOINT --out WEIGHTS.safetensors",
		Short: "Turn a published PyTorch checkpoint of SymDiff, DiT, EDM or GeoLDM into a model file",
		Long: `Turn a PyTorch checkpoint of the published code (generative_model_ema.npy, or any .pt or
.pth of its state_dict) into a model file for symdiff sample, nll and train --init. Nothing in the
checkpoint is executed: it may hold only tensors and plain containers.

Attention heads, noise schedule and scales come from the run's args.pickle, by default the one in
the checkpoint's folder. GeoLDM's noise schedule is the table in its file. A published model works
here as it was trained: with gamma in the released order, which is not equivariant, and with the
bias that its padded atoms cause (--pad-to 29 for QM9). A GeoLDM without the charge channel
(GEOM-Drugs) never makes the last type, because its code leaves out the last column; --all-types
takes it in. Models that are conditioned on properties are refused.

QM9 models get the histogram of molecule sizes of the shipped model. For other data, --sizes counts
the sizes in files of molecules.`,
		Example: `  symdiff import outputs/edm_qm9/generative_model_ema.npy --out edm.safetensors
  symdiff sample --model edm.safetensors -n 10`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, positional []string) error {
			t, err := parseDType(dtype)
			if err != nil {
				return err
			}
			if c.Args, err = readArgs(args, positional[0]); err != nil {
				return err
			}
			state, err := pytorch.ReadState(positional[0])
			if err != nil {
				return err
			}
			m, err := pytorch.Import(state, c)
			if err != nil {
				return err
			}
			if m.Meta.Histogram, err = histogramFor(newReader(cmd), m.Meta.Elements, sizes); err != nil {
				return err
			}
			n := 0
			for _, x := range m.Tensors {
				n += len(x.Data)
			}
			train.SetDType(m.Tensors, t)
			if err := safetensors.WriteFile(out, m.Tensors, m.Metadata()); err != nil {
				return err
			}
			if len(m.Meta.Histogram) == 0 {
				m.Notes = append(m.Notes,
					"no histogram of sizes: sample wants --atoms, or import again with --sizes FILE")
			}
			for _, note := range m.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), note)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %d parameters\n", out, m.Metadata()["kind"], n)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "file to write")
	f.StringVar(&args, "args", "", "args.pickle of the run")
	f.StringVar(&dtype, "dtype", "f32", "f32, f16, bf16 or int8")
	f.StringSliceVar(&sizes, "sizes", nil, "files of molecules, for the histogram of sizes")
	f.IntVar(&c.Heads, "heads", 0, "attention heads of k, where there is no args.pickle")
	f.IntVar(&c.EncHeads, "enc-heads", 0, "attention heads of f, where there is no args.pickle")
	f.IntVar(&c.PadTo, "pad-to", c.PadTo,
		"imitate padding to this many atoms; 0: none, -1: as published")
	f.BoolVar(&c.AllTypes, "all-types", false,
		"GeoLDM without charges: sample the last type too, which the published code cannot")
	f.StringVar(&c.Order, "gamma-order", "", "released or paper (default released)")
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return cmd
}

// readArgs reads the arguments of the run: the file that is given, or args.pickle beside the
// checkpoint.
func readArgs(given, checkpoint string) (map[string]any, error) {
	if given != "" {
		return pytorch.ReadNamespace(given)
	}
	args, err := pytorch.ReadNamespace(filepath.Join(filepath.Dir(checkpoint), "args.pickle"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return args, err
}

// histogramFor counts the sizes in files, or takes those of the data of the shipped model if the
// molecules that it makes are of the same elements.
func histogramFor(r *dataset.Reader, elements, files []string) (map[int]int, error) {
	var list []molecule.Element
	for _, symbol := range elements {
		e, _ := molecule.ParseElement(symbol) // Import has checked them
		list = append(list, e)
	}
	if len(files) == 0 {
		shipped, _, err := loadNetwork("")
		if err != nil {
			return nil, err
		}
		own := shipped.Meta.Apart()
		slices.Sort(own)
		if !slices.Equal(own, slices.Sorted(slices.Values(list))) {
			return nil, nil
		}
		return shipped.Meta.Sizes(), nil
	}
	set, err := r.Load(files, list, 0)
	if err != nil {
		return nil, err
	}
	return set.Histogram(), nil
}
