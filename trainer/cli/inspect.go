package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// inspection is what `symdiff inspect --json` prints.
type inspection struct {
	File       string          `json:"file"`
	Bytes      int             `json:"bytes"`
	SHA256     string          `json:"sha256"`
	Network    *networkInfo    `json:"network,omitempty"`  // where the file holds one
	Training   json.RawMessage `json:"training,omitempty"` // provenance
	Metadata   map[string]any  `json:"metadata"`
	Parameters int             `json:"parameters"`
	Types      map[string]int  `json:"types"` // elements by type
	Tensors    []tensorInfo    `json:"tensors"`
}

type networkInfo struct {
	Variant    string     `json:"variant"`
	GammaOrder string     `json:"gamma_order,omitempty"`
	Elements   []string   `json:"elements,omitempty"`
	Charge     bool       `json:"charge"`
	Features   int        `json:"features"`
	Schedule   string     `json:"schedule,omitempty"`
	Timesteps  int        `json:"timesteps,omitempty"`
	Histogram  *histogram `json:"histogram,omitempty"`
	Formulas   int        `json:"formulas,omitempty"` // of the training data
}

// histogram sums up the numbers of atoms of the training set.
type histogram struct {
	Molecules int         `json:"molecules"`
	Min       int         `json:"min"`
	Max       int         `json:"max"`
	Mean      float64     `json:"mean"`
	Std       float64     `json:"std"`
	Counts    map[int]int `json:"counts"`
}

type tensorInfo struct {
	Name  string            `json:"name"`
	DType safetensors.DType `json:"dtype"`
	Shape []int             `json:"shape"`
}

func summarise(counts map[int]int) *histogram {
	if len(counts) == 0 {
		return nil
	}
	sizes := slices.Sorted(maps.Keys(counts))
	h := &histogram{Min: sizes[0], Max: sizes[len(sizes)-1], Counts: counts}
	var x, w []float64
	for _, n := range sizes {
		h.Molecules += counts[n]
		x, w = append(x, float64(n)), append(w, float64(counts[n]))
	}
	h.Mean, h.Std = stat.PopMeanStdDev(x, w)
	return h
}

// inspect describes a file. The error is that of a network that cannot run; all else is
// described nevertheless.
func inspect(path string) (inspection, error) {
	f, err := openWeights(path)
	if err != nil {
		return inspection{}, err
	}
	r := inspection{File: f.Name, Bytes: f.bytes, SHA256: f.hash, Metadata: make(map[string]any),
		Types: make(map[string]int)}
	for key, text := range f.Metadata {
		if r.Metadata[key] = text; json.Valid([]byte(text)) {
			r.Metadata[key] = json.RawMessage(text)
		}
	}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		r.Tensors = append(r.Tensors, tensorInfo{name, info.DType, info.Shape})
		r.Parameters += info.Len()
		r.Types[string(info.DType)] += info.Len()
	}
	if _, ok := f.Metadata["kind"]; !ok {
		return r, nil
	}
	n, err := checkpoint.Load(f.File)
	if err != nil {
		return r, err
	}
	meta := n.Meta
	r.Network = &networkInfo{
		Variant: n.Kind, Elements: meta.Elements, Charge: meta.Charge, Features: n.Features(),
		Schedule: meta.Schedule.Name, Timesteps: meta.Schedule.Timesteps, Histogram: summarise(meta.Histogram),
		Formulas: len(meta.Compositions),
	}
	if n.Kind == string(model.Symdiff) {
		r.Network.GammaOrder = cmp.Or(f.Metadata["gamma_order"], model.GammaPaper)
	}
	r.Training = meta.Training
	return r, nil
}

// print writes the description for a reader.
func (r inspection) print(w io.Writer, tensors bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "file\t%s, %d bytes\n", r.File, r.Bytes)
	fmt.Fprintf(t, "SHA-256\t%s\n", r.SHA256)
	types := slices.Sorted(maps.Keys(r.Types))
	fmt.Fprintf(t, "parameters\t%d in %d tensors (%s)\n", r.Parameters, len(r.Tensors),
		strings.Join(types, ", "))
	if n := r.Network; n != nil {
		variant := n.Variant
		if n.GammaOrder != "" {
			variant += ", gamma order " + n.GammaOrder
		}
		fmt.Fprintf(t, "variant\t%s\n", variant)
		if len(n.Elements) > 0 {
			fmt.Fprintf(t, "elements\t%s, charge channel: %s\n", strings.Join(n.Elements, " "),
				yesNo(n.Charge))
			fmt.Fprintf(t, "schedule\t%s, %d time steps\n", n.Schedule, n.Timesteps)
		}
		if h := n.Histogram; h != nil {
			fmt.Fprintf(t, "sizes\t%d to %d atoms, mean %.2f, standard deviation %.2f (%d molecules)\n",
				h.Min, h.Max, h.Mean, h.Std, h.Molecules)
		}
		if n.Formulas > 0 {
			fmt.Fprintf(t, "formulas\t%d, all of them in --json\n", n.Formulas)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		if r.Network != nil && (key == "histogram" || key == "compositions") {
			continue
		}
		text, ok := r.Metadata[key].(string)
		if raw, isJSON := r.Metadata[key].(json.RawMessage); isJSON {
			text, ok = string(raw), true
		}
		if ok {
			fmt.Fprintf(t, "metadata %s\t%s\n", key, text)
		}
	}
	if err := t.Flush(); err != nil || !tensors {
		return err
	}
	fmt.Fprintln(w)
	for _, info := range r.Tensors {
		fmt.Fprintf(t, "%s\t%s\t%v\n", info.Name, info.DType, info.Shape)
	}
	return t.Flush()
}

func newInspectCommand() *cobra.Command {
	var asJSON, tensors bool
	cmd := &cobra.Command{
		Use:   "inspect [WEIGHTS] [--tensors] [--json]",
		Short: "Describe a weights file: configuration, sizes, provenance, tensors",
		Long: `Describe a safetensors file: its hash, metadata and tensors. If it holds a network, describe
the network and the provenance of its training too. Without WEIGHTS, describe the shipped model. If
the network cannot run, the command says why and ends with code 1.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"safetensors"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				if path = args[0]; path == "" {
					return usagef("empty name of the weights file")
				}
			}
			r, failed := inspect(path)
			if failed != nil && r.File == "" {
				return failed
			}
			var err error
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd.OutOrStdout(), tensors)
			}
			if failed != nil {
				return failed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&tensors, "tensors", false, "list the tensors")
	return cmd
}
