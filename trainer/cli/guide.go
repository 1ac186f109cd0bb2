package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// guide are the flags of sample that lead the model away from a worse one.
type guide struct {
	file, better     string
	weight           float64
	from, to         float64 // times at which it leads, as shares of T
	hash, betterHash string  // of the files
}

func (g *guide) flags(f *pflag.FlagSet) {
	f.StringVar(&g.file, "guide", "", "weights of a worse model, from which predictions are led away (autoguidance; takes its network calls too)")
	f.StringVar(&g.better, "better", "", "with --guide, weights of the better model that it is compared with, if not --model (takes its network calls too)")
	f.Float64Var(&g.weight, "guidance", 1, "with --guide, how far: as a multiple of the difference")
	f.Float64Var(&g.from, "guide-from", 0, "with --guide, t/T from which it leads")
	f.Float64Var(&g.to, "guide-to", 1, "with --guide, t/T up to which it leads")
	for _, flag := range []string{"guide", "better"} {
		must(f.SetAnnotation(flag, "cobra_annotation_bash_completion_filename_extensions", []string{"safetensors"}))
	}
}

func (g *guide) check() error {
	if !(g.weight >= 0 && g.weight <= 100) {
		return usagef("--guidance %g: want a number from 0 to 100", g.weight)
	}
	if !(0 <= g.from && g.from <= g.to && g.to <= 1) {
		return usagef("--guide-from %g, --guide-to %g: want two times from 0 to 1, the smaller first", g.from, g.to)
	}
	if g.better != "" && g.file == "" {
		return usagef("--better: want a --guide that it is better than")
	}
	return nil
}

// wanted refuses flags that say how a guide leads, where there is none.
func (g *guide) wanted(f *pflag.FlagSet) error {
	if g.file == "" && slices.ContainsFunc([]string{"guidance", "guide-from", "guide-to"}, f.Changed) {
		return usagef("--guidance, --guide-from, --guide-to: want a --guide that leads")
	}
	return nil
}

// lead is the network, led away from the guide if there is one. Types are given to all of them or, if they are free, to none.
func (g *guide) lead(m *checkpoint.Network, freeTypes bool) (symmetrise.Network, error) {
	if g.file == "" {
		return m.Network, nil
	}
	worse, hash, err := beside("--guide", g.file, m, freeTypes)
	if err != nil {
		return nil, err
	}
	g.hash = hash
	var better symmetrise.Network
	if g.better != "" {
		if better, g.betterHash, err = beside("--better", g.better, m, freeTypes); err != nil {
			return nil, err
		}
	}
	return symmetrise.Guide(m.Network, symmetrise.Guidance{Weak: worse, Expert: better, Weight: float32(g.weight), From: float32(g.from), To: float32(g.to)}), nil
}

// beside is the network of a file, and the file's hash, if it can predict what m does.
func beside(flag, file string, m *checkpoint.Network, freeTypes bool) (symmetrise.Network, string, error) {
	n, f, err := loadNetwork(file)
	if err != nil {
		return nil, "", err
	}
	if !slices.Equal(n.Meta.Elements, m.Meta.Elements) || n.Meta.Schedule != m.Meta.Schedule || !symmetrise.Compatible(m.Network, n.Network) {
		return nil, "", fmt.Errorf("%s %s: elements, schedule or noise of gamma are not the model's", flag, file)
	}
	if m.Meta.TakesTypes() && !n.Meta.TakesTypes() && !freeTypes {
		return nil, "", fmt.Errorf("%s %s: it was not trained with --condition types as the model was; --free-types gives them to none", flag, file)
	}
	return n.Network, f.hash, nil
}

// properties tell of the guide in what is sampled with it.
func (g *guide) properties() []molecule.Property {
	if g.file == "" {
		return nil
	}
	told := []molecule.Property{{Key: "guide", Value: g.hash[:16]}, {Key: "guidance", Value: strconv.FormatFloat(g.weight, 'g', -1, 64)}}
	if g.better != "" {
		told = append(told, molecule.Property{Key: "better", Value: g.betterHash[:16]})
	}
	if g.from > 0 || g.to < 1 {
		number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		told = append(told, molecule.Property{Key: "guide_between", Value: number(g.from) + "," + number(g.to)})
	}
	return told
}
