package analysis

import (
	"fmt"

	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Document is what was found, to be read.
func Document(title string, rows []Gamma) report.Report {
	matrices := report.Section{
		Title: "The matrices C of gamma",
		Head: []string{"gamma, t/T", "input variance", "±", "concentration", "±", "differs from Haar %", "proper %",
			"axis on a coordinate, cos²", "f: concentration", "f: angle"},
		Notes: []string{
			"Input variance: of what k sees, over draws of gamma and rotated copies of a molecule, relative to the " +
				"Haar measure (0: canonical, 1: Haar). Concentration: |E[C|x]|²/3 over draws, 0 for the Haar measure, 1 " +
				"for one matrix. Differs: molecules whose C differ from Haar matrices by their energy distance, p ≤ " +
				"0.05; 5 % under Haar. Axis: of the longest principal axis of z_t, the largest mean cos² with a " +
				"coordinate axis of the rotated frame; ⅓ and noise under Haar. f = R0ᵀ·C: its concentration (1: f " +
				"ignores its input) and the mean angle of its rotation in degrees (0: identity, 126.5: Haar).",
		},
	}
	step := report.Section{
		Title: "What it does to a step",
		Head:  []string{"gamma, t/T", "loss", "±", "spread %", "coupling", "bias", "±"},
		Notes: []string{
			"Loss: |eps - eps_hat|² per value. Spread: part of |eps_hat_x|² that varies with the draw of gamma. " +
				"Coupling: largest relative deviation of a step from equivariance with coupled noise; rounding for an " +
				"equivariant kernel. Bias: Monte Carlo estimate of |E[step(z·H)] - E[step(z)]·H|², relative and without " +
				"bias; 0 within its error for an equivariant kernel.",
		},
	}
	for _, g := range rows {
		name := fmt.Sprintf("%s %.3g", g.Kernel, g.T)
		f, rotation := fmt.Sprintf("%.5f", g.Function), fmt.Sprintf("%.1f", g.Rotation)
		if g.Kernel == "none" {
			f, rotation = "-", "-"
		}
		matrices.Rows = append(matrices.Rows, []string{name, fmt.Sprintf("%.4f", g.InputVariance),
			fmt.Sprintf("%.4f", g.InputVarianceError), fmt.Sprintf("%.4f", g.Concentration),
			fmt.Sprintf("%.4f", g.ConcentrationError), fmt.Sprintf("%.0f", 100*g.Different),
			fmt.Sprintf("%.0f", 100*g.Proper), fmt.Sprintf("%.3f", g.Alignment), f, rotation})
		step.Rows = append(step.Rows, []string{name, fmt.Sprintf("%.4f", g.Loss),
			fmt.Sprintf("%.4f", g.LossError), fmt.Sprintf("%.2f", 100*g.Spread),
			fmt.Sprintf("%.1e", g.Coupling), fmt.Sprintf("%.1e", g.Bias), fmt.Sprintf("%.1e", g.BiasError)})
	}
	for _, p := range []struct {
		section *report.Section
		title   string
		value   func(Gamma) (value, half float64)
		leave   string // a kernel that is not drawn
	}{
		{&matrices, "variance of k's input", func(g Gamma) (float64, float64) {
			return g.InputVariance,
				1.96 * g.InputVarianceError
		}, ""},
		{&matrices, "concentration of C", func(g Gamma) (float64, float64) {
			return g.Concentration,
				1.96 * g.ConcentrationError
		}, "none"},
		{&matrices, "longest axis on a coordinate axis, cos²", func(g Gamma) (float64, float64) {
			return g.Alignment,
				0
		}, "none"},
		{&matrices, "angle of f, degrees", func(g Gamma) (float64, float64) { return g.Rotation, 0 }, "none"},
		{&step, "loss", func(g Gamma) (float64, float64) { return g.Loss, 1.96 * g.LossError }, ""},
		{&step, "spread of eps_hat over draws", func(g Gamma) (float64, float64) { return g.Spread, 0 }, "none"},
		{&step, "bias of a step", func(g Gamma) (float64, float64) { return g.Bias, 1.96 * g.BiasError }, ""},
	} {
		c := chart.Chart{Title: p.title, X: "t/T"}
		for _, g := range rows {
			if g.Kernel == p.leave {
				continue
			}
			if n := len(c.Series); n == 0 || c.Series[n-1].Name != g.Kernel {
				c.Series = append(c.Series, chart.Series{Name: g.Kernel, Points: true})
			}
			s := &c.Series[len(c.Series)-1]
			v, half := p.value(g)
			s.X, s.Y = append(s.X, g.T), append(s.Y, v)
			s.Low, s.High = append(s.Low, v-half), append(s.High, v+half)
		}
		p.section.Charts = append(p.section.Charts, c)
	}
	return report.Report{Title: title, Sections: []report.Section{matrices, step}}
}
