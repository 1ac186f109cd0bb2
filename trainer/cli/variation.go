package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/sampler"
)

// variation are the flags of sample that make a variation of a run: the same
// seed under another gamma, turned, or on a branch.
type variation struct {
	gamma, order, turn string
	branch             []string
	couple             bool

	h        *o3.Matrix
	branches []sampler.Branch
}

func (v *variation) flags(f *pflag.FlagSet) {
	f.StringVar(&v.gamma, "gamma", "", "learned, haar or none, by default the model's own")
	f.StringVar(&v.order, "gamma-order", "", "order in which a learned gamma is composed, paper or released, by default the model's own")
	f.StringVar(&v.turn, "turn", "", "nine numbers, by rows, of an orthogonal H, separated by commas: noise is turned by it, x·H")
	f.BoolVar(&v.couple, "couple", true, "with --turn, turn R0 of gamma along: Hᵀ·R0")
	f.StringArrayVar(&v.branch, "branch", nil, "take noise after STEP steps from SEED, as STEP:SEED; may be repeated, by ascending step")
}

func (v *variation) complete(cmd *cobra.Command) {
	must(cmd.RegisterFlagCompletionFunc("gamma", cobra.FixedCompletions([]string{"learned", "haar", "none"}, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("gamma-order", cobra.FixedCompletions([]string{"paper", "released"}, cobra.ShellCompDirectiveNoFileComp)))
}

// check reads the texts; what only the sampler can judge, it judges.
func (v *variation) check() error {
	if v.turn != "" {
		v.h = new(o3.Matrix)
		fields := strings.Split(v.turn, ",")
		if len(fields) != 9 {
			return usagef("--turn %s: %d numbers, want 9", v.turn, len(fields))
		}
		for i, field := range fields {
			x, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
			if err != nil {
				return usagef("--turn %s: %q is no number", v.turn, field)
			}
			v.h[i/3][i%3] = x
		}
	} else if !v.couple {
		return usagef("--couple=false: want --turn with it")
	}
	for _, text := range v.branch {
		step, seed, _ := strings.Cut(text, ":")
		n, err1 := strconv.Atoi(step)
		s, err2 := strconv.ParseUint(seed, 10, 64)
		if err1 != nil || err2 != nil {
			return usagef("--branch %q: want STEP:SEED", text)
		}
		v.branches = append(v.branches, sampler.Branch{Step: n, Seed: s})
	}
	return nil
}
