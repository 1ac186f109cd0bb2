package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/sampler"
)

// optionValue is a flag that sets an option of the sampler.
type optionValue struct {
	o    *sampler.Options
	name string
}

// option binds a flag to the option of a JSON name.
func option(o *sampler.Options, name string) pflag.Value { return optionValue{o, name} }

func (v optionValue) String() string {
	if v.o == nil {
		return ""
	}
	return v.o.Text(v.name)
}

// Set returns the reason alone: pflag names the flag and the value.
func (v optionValue) Set(text string) error {
	err := v.o.Set(v.name, text)
	if bad, ok := err.(*sampler.OptionError); ok {
		return fmt.Errorf("%s", bad.Reason)
	}
	return err
}

func (v optionValue) Type() string { return "text" }

// boolean binds a flag that needs no value.
func boolean(f *pflag.FlagSet, o *sampler.Options, name, usage string) {
	f.Var(boolValue{optionValue{o, name}}, flagOf(name), usage)
	f.Lookup(flagOf(name)).NoOptDefVal = "true"
}

type boolValue struct{ optionValue }

func (boolValue) Type() string     { return "bool" }
func (boolValue) IsBoolFlag() bool { return true }

// flagOf is the flag of symdiff sample that sets an option, "" where --set does.
func flagOf(name string) string {
	switch name {
	case "n":
		return "count"
	case "threads", "batch":
		return name
	case "seed",
		"first",
		"atoms",
		"formula",
		"fragment",
		"from",
		"properties",
		"joint",
		"steps",
		"t_start",
		"method",
		"gamma":
		return strings.ReplaceAll(name, "_", "-")
	}
	return ""
}

// oldFlags are flags by the names of earlier versions.
var oldFlags = map[string]string{"n": "count", "keep": "fragment", "like": "reference"}

// aliases reads a flag by its old name.
func aliases(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(cmp.Or(oldFlags[name], name))
}

// withoutFlag lists the options that only --set sets.
func withoutFlag(*cobra.Command) (names []string) {
	return slices.DeleteFunc(sampler.Names(), func(name string) bool { return flagOf(name) != "" })
}

// words lists the names of choices.
func words[T ~string](list []T) string {
	var text []string
	for _, w := range list {
		text = append(text, string(w))
	}
	return strings.Join(text, ", ")
}

// complete offers the choices of a flag to the shell.
func complete[T ~string](cmd *cobra.Command, flag string, choices []T) {
	list := strings.Split(words(choices), ", ")
	must(cmd.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)))
}

// flagGroup is flags that a help text shows under one heading.
type flagGroup struct {
	title string
	flags []string
}

// groupFlags has the help of a command show its flags in groups; each flag must be in
// one.
func groupFlags(cmd *cobra.Command, groups ...flagGroup) {
	known := map[string]bool{"help": true}
	for _, g := range groups {
		for _, name := range g.flags {
			if cmd.Flags().Lookup(name) == nil || known[name] {
				panic("cli: " + cmd.Name() + ": flag " + name + " is not there, or in two groups")
			}
			known[name] = true
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !known[f.Name] {
			panic("cli: " + cmd.Name() + ": flag " + f.Name + " is in no group")
		}
	})
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		w := cmd.OutOrStderr()
		fmt.Fprintf(w, "Usage:\n  %s\n\nExamples:\n%s\n", cmd.UseLine(), cmd.Example)
		for _, g := range groups {
			set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
			set.SortFlags = false
			for _, name := range g.flags {
				set.AddFlag(cmd.Flags().Lookup(name))
			}
			fmt.Fprintf(w, "\n%s:\n%s", g.title, set.FlagUsagesWrapped(helpWidth))
		}
		return nil
	})
}
