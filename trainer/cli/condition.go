package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// condition are the flags of sample that ask for values of what a model is conditioned on.
type condition struct {
	given    []string // NAME=VALUE
	guidance float64
	values   map[string]float64
}

func (c *condition) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.given, "property", nil, "value of a property that the model is conditioned on, as gap=0.2, in the units of its training data; may be given again")
	f.Float64Var(&c.guidance, "property-guidance", 0, "with --property, or --formula of a model that is conditioned on the composition, how much further to go from the unconditioned prediction (classifier-free guidance; takes two network calls)")
}

func (c *condition) check(formula string) error {
	if !(c.guidance >= 0 && c.guidance <= 100) || c.guidance > 0 && len(c.given) == 0 && formula == "" {
		return usagef("--property-guidance %g: want a number from 0 to 100, with --property or --formula", c.guidance)
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
