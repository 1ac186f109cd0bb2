package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// configure reads settings as the command does.
func configure(t *testing.T, args ...string) (train.Options, error) {
	t.Helper()
	var c trainConfig
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.bind(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c.options(f)
}

// Files in turn, flags last.
func TestConfigOrder(t *testing.T) {
	file := writeFile(t, "mine.toml", "[model]\nvariant = \"egnn\"\nnf = 64\n[optimiser]\nlr = 1e-4\nbatch-atoms = 500\n[data]\ndata = [\"a.xyz\", \"b.xyz@split=train\"]\n[run]\nmax-time = \"90m\"\n")
	o, err := configure(t, "--config", "published", "--config", file, "--batch-atoms", "600", "--val", "v.xyz")
	if err != nil {
		t.Fatal(err)
	}
	if o.LR != 1e-4 || o.BatchAtoms != 600 || !o.AMSGrad || o.EMA != 0.9999 || o.Network != train.NetworkEGNN || o.EGNN.Hidden != 64 ||
		!slices.Equal(o.Data, []string{"a.xyz", "b.xyz@split=train"}) || !slices.Equal(o.Val, []string{"v.xyz"}) || time.Duration(o.MaxTime) != 90*time.Minute {
		t.Errorf("%+v", o)
	}
	o.Out = "x"
	if err := o.Validate(); err != nil || o.VariantName() != "egnn" {
		t.Errorf("%v, %+v", err, o.EGNN)
	}
}

// The published recipe is the published network, whose sizes core has.
func TestPublishedRecipe(t *testing.T) {
	o, err := configure(t, "--config", "published", "--data", "x", "--out", "y")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if o.Config != model.Published() || o.LR != 2e-4 || o.MinLR != 1 || o.Clip != 2 || o.WeightDecay != 1e-12 || o.Epochs != 4350 || !o.UniformTimes {
		t.Errorf("%+v", o)
	}
	if _, err := configure(t, "--config", "fast"); err != nil {
		t.Error(err)
	}
}

// What is printed is read back as the same settings.
func TestPrintConfig(t *testing.T) {
	for _, name := range append(recipeNames(), "") {
		args := []string{"--data", "a,b@k=v", "--seed", "18446744073709551615"}
		if name != "" {
			args = append(args, "--config", name)
		}
		o, err := configure(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := writeConfig(&b, o); err != nil {
			t.Fatal(err)
		}
		again, err := configure(t, "--config", writeFile(t, "printed.toml", b.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		var c bytes.Buffer
		if err := writeConfig(&c, again); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.String() {
			t.Errorf("%q: printed\n%s\nread back\n%s", name, b.String(), c.String())
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[model]\nhiden = 3\n":                 "model.hiden",
		"[modell]\nhidden = 3\n":               "[modell]",
		"hidden = 3\n":                         "[data] [model]",
		"[model]\nlr = 3\n":                    "model.lr",
		"[model]\nhidden = \"wide\"\n":         "model.hidden",
		"[model]\nhidden = 1.5\n":              "model.hidden",
		"[model]\nvariant = \"equivariant\"\n": "dit-aug",
		"[data]\ndata = [1]\n":                 "data.data",
		"[run]\nsteps = 2024-01-01\n":          "run.steps",
		"[model]\nhidden = \n":                 "line 2",
		"[model.inner]\nx = 1\n":               "model.inner",
	} {
		file := writeFile(t, "bad.toml", text)
		if _, err := configure(t, "--config", file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: error %v, want one about %s that names the file", text, err, want)
		}
	}
	if _, err := configure(t, "--config", "slow"); err == nil || !strings.Contains(err.Error(), "published") {
		t.Errorf("no such recipe: %v", err)
	}
	if _, err := configure(t, "--config", t.TempDir()); err == nil {
		t.Error("a folder is a configuration")
	}
	folder := filepath.Join(t.TempDir(), "fast")
	if err := os.WriteFile(folder, []byte("[run]\nsteps = 77\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if o, err := configure(t, "--config", folder); err != nil || o.Steps != 77 {
		t.Errorf("a file with the name of a recipe: %d, %v", o.Steps, err)
	}
}
