package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"symdiff/core/molecule"
	"symdiff/core/symmetrise"
)

// condition are the flags of sample that ask for values of the properties that a model was trained on.
type condition struct {
	given    []string // NAME=VALUE
	guidance float64
	values   map[string]float64
}

func (c *condition) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.given, "property", nil, "value of a property that the model is conditioned on, as gap=0.2, in the units of its training data; may be given again")
	f.Float64Var(&c.guidance, "property-guidance", 0, "with --property, how much further to go from the unconditioned prediction (classifier-free guidance; takes two network calls)")
}

func (c *condition) check() error {
	if !(c.guidance >= 0 && c.guidance <= 100) || c.guidance > 0 && len(c.given) == 0 {
		return usagef("--property-guidance %g: want a number from 0 to 100, with --property", c.guidance)
	}
	c.values = map[string]float64{}
	for _, text := range c.given {
		name, number, ok := strings.Cut(text, "=")
		v, err := strconv.ParseFloat(number, 64)
		if _, twice := c.values[name]; !ok || err != nil || twice {
			return usagef("--property %q: want NAME=VALUE, each name once", text)
		}
		c.values[name] = v
	}
	return nil
}

// apply is the network under the values: e + w·(e - u) with u its prediction without them.
func (c *condition) apply(m network) (symmetrise.Network, error) {
	if len(c.values) > 0 && len(m.Meta.Context) == 0 {
		return nil, errors.New("--property: the model was not trained with --condition")
	}
	net, err := symmetrise.Condition(m.Network, c.values, float32(c.guidance))
	if err != nil {
		return nil, fmt.Errorf("--property %w", err)
	}
	return net, nil
}

// properties tell in what is sampled what was asked for.
func (c *condition) properties() (list []molecule.Property) {
	for _, text := range c.given {
		name, value, _ := strings.Cut(text, "=")
		list = append(list, molecule.Property{Key: "target_" + name, Value: value})
	}
	if c.guidance > 0 {
		list = append(list, molecule.Property{Key: "property_guidance", Value: strconv.FormatFloat(c.guidance, 'g', -1, 64)})
	}
	return list
}
