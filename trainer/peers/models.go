package main

import (
	"slices"
	"strings"
)

// modelNames are the models that are compared, in the order of the table: SymDiff, then SymDiff with
// another gamma, its members symdiff-h and dit-aug, EDM (egnn), GeoLDM, and SymDiff's network on the
// latents of GeoLDM. Those that gammas lacks are variants of symdiff train.
var modelNames = []string{"symdiff", "symdiff-moments", "symdiff-frame", "frame", "symdiff-h", "dit-aug",
	"egnn", "geoldm", "geoldm-symdiff"}

// gammas are the choices of gamma beside those of the variants: the variant with f or without, and
// what is set to it.
var gammas = map[string]struct{ variant, set string }{
	"symdiff-moments": {"symdiff", "gamma-head=moments"},
	"symdiff-frame":   {"symdiff", "gamma-base=frame"},
	"frame":           {"symdiff-h", "gamma-base=frame"},
}

// variant is the variant of symdiff train that a model is, and the flags that make it the model, of
// a size; nil: there is no such model or size.
func variant(size, model string) (name string, flags []string) {
	g, ok := gammas[model]
	if !ok {
		return model, sizeFlags[size][model]
	}
	if flags = sizeFlags[size][g.variant]; flags != nil {
		flags = append(slices.Clone(flags), "--set", g.set)
	}
	return g.variant, flags
}

// sizeNames are the sizes, in parameters of the whole model: with f, with encoder and decoder.
var sizeNames = []string{"1M", "4M", "12M"}

// Transformers, with a decoder of latents beside them, and EGNNs.
func transformer(hidden, heads, xh, depth string) string {
	return "--set hidden=" + hidden + " --set heads=" + heads + " --set xh-hidden=" + xh +
		" --set depth=" + depth
}

func egnn(nf, layers string) string { return "--set nf=" + nf + " --set n-layers=" + layers }

// sizeFlags are the flags of a size that make each model it, within 4 %.
var sizeFlags = table(map[string]map[string]string{
	"1M": {
		"symdiff": transformer("112", "4", "72", "4"), "symdiff-h": transformer("120", "4", "80", "4"),
		"dit-aug": transformer("120", "4", "80", "4"), "egnn": egnn("148", "5"), "geoldm": egnn("100", "5"),
		"geoldm-symdiff": transformer("104", "4", "64", "4") + " " + egnn("48", "2"),
	},
	"4M": {
		"symdiff": transformer("192", "6", "128", "6"), "symdiff-h": transformer("200", "5", "128", "6"),
		"dit-aug": transformer("200", "5", "128", "6"), "egnn": egnn("252", "7"), "geoldm": egnn("172", "7"),
		"geoldm-symdiff": transformer("184", "4", "120", "6") + " " + egnn("96", "2"),
	},
	"12M": {
		"symdiff": transformer("296", "8", "192", "8"), "symdiff-h": transformer("304", "8", "200", "8"),
		"dit-aug": transformer("304", "8", "200", "8"), "egnn": egnn("384", "9"), "geoldm": egnn("264", "9"),
		"geoldm-symdiff": transformer("288", "9", "192", "8") + " " + egnn("160", "2"),
	},
})

func table(text map[string]map[string]string) map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for size, models := range text {
		all[size] = map[string][]string{}
		for model, flags := range models {
			all[size][model] = strings.Fields(flags)
		}
	}
	return all
}
