package cli

import (
	"strings"
	"testing"
)

// A guided model takes another gamma, as one alone does.
func TestGuidedModelTakesGamma(t *testing.T) {
	tiny := tinyModel(t)
	sample := []string{"sample", "--model", tiny, "--guide", tiny, "--n", "2", "--steps", "3", "--seed", "1", "--quiet"}
	haar := succeeds(t, append(sample, "--gamma", "haar")...)
	if !strings.Contains(haar, "gamma=haar") || haar == succeeds(t, sample...) {
		t.Errorf("--gamma haar changes nothing: %s", haar)
	}
}
