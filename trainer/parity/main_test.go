package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	models = "../../core/model/testdata"
	egnns  = "../../core/egnn/testdata"
	latent = "../../core/geoldm/testdata"
)

// pair is a folder with the weights of one reference network and the calls of another.
func pair(t *testing.T, weights, io string) string {
	t.Helper()
	dir := t.TempDir()
	for suffix, from := range map[string]string{weightsSuffix: weights + weightsSuffix, ioSuffix: io} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a"+suffix), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPublishedNetworksAgree(t *testing.T) {
	var out strings.Builder
	if err := run(&out, []string{models, egnns, latent}, 1e-4); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	for _, name := range []string{"dit ", "symdiff ", "symdiff_released ", "egnn ", "geoldm ", "geoldm_latent2 "} {
		if strings.Count(out.String(), "\n"+name) != len(implementations) {
			t.Errorf("want a line of %sfor each implementation", name)
		}
	}
}

func TestDifferencesAndErrorsFail(t *testing.T) {
	for want, folder := range map[string]string{
		"differs by":            pair(t, models+"/symdiff_released", models+"/symdiff.io.safetensors"),
		"values of noise":       pair(t, models+"/symdiff", models+"/dit.io.safetensors"),
		`tensor "0.x": missing`: pair(t, models+"/dit", models+"/dit.weights.safetensors"),
		"no NAME":               t.TempDir(),
	} {
		var out strings.Builder
		if err := run(&out, []string{folder}, 1e-4); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v\n%s", want, err, &out)
		}
	}
	folder := pair(t, models+"/dit", models+"/dit.io.safetensors")
	var out strings.Builder
	if err := run(&out, []string{folder}, 1e-12); err == nil || !strings.Contains(err.Error(), "more than 1e-12") {
		t.Errorf("a tolerance of 1e-12: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "a"+ioSuffix)); err != nil {
		t.Fatal(err)
	}
	if err := run(&out, []string{folder}, 1); err == nil {
		t.Error("a missing file of calls is not reported")
	}
}
