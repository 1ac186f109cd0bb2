package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"symdiff/core/molecule"
	"symdiff/core/symmetrise"
)

// guide are the flags of sample that lead the model away from a worse one.
type guide struct {
	file   string
	weight float64
	hash   string // of the file
}

func (g *guide) flags(f *pflag.FlagSet) {
	f.StringVar(&g.file, "guide", "", "weights of a worse model, from which predictions are led away (autoguidance; takes its network calls too)")
	f.Float64Var(&g.weight, "guidance", 1, "with --guide, how far: as a multiple of the difference")
	must(f.SetAnnotation("guide", "cobra_annotation_bash_completion_filename_extensions", []string{"safetensors"}))
}

func (g *guide) check() error {
	if !(g.weight >= 0 && g.weight <= 100) {
		return usagef("--guidance %g: want a number from 0 to 100", g.weight)
	}
	return nil
}

// lead is the network, led away from the guide if there is one. Types are given to both of them or, if they are free, to neither.
func (g *guide) lead(m network, freeTypes bool) (symmetrise.Network, error) {
	if g.file == "" {
		return m.Network, nil
	}
	worse, f, err := loadNetwork(g.file)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(worse.Meta.Elements, m.Meta.Elements) || worse.Meta.Schedule != m.Meta.Schedule || !symmetrise.Alike(m.Network, worse.Network) {
		return nil, fmt.Errorf("--guide %s: elements, schedule or noise of gamma are not the model's", g.file)
	}
	if m.Meta.TakesTypes() && !worse.Meta.TakesTypes() && !freeTypes {
		return nil, fmt.Errorf("--guide %s: it was not trained with --condition types as the model was; --free-types gives them to neither", g.file)
	}
	g.hash = f.hash
	return symmetrise.Guide(m.Network, worse.Network, float32(g.weight)), nil
}

// properties tell of the guide in what is sampled with it.
func (g *guide) properties() []molecule.Property {
	if g.file == "" {
		return nil
	}
	return []molecule.Property{{Key: "guide", Value: g.hash[:16]}, {Key: "guidance", Value: strconv.FormatFloat(g.weight, 'g', -1, 64)}}
}
