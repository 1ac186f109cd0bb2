package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// configure reads settings as the command does.
func configure(t *testing.T, args ...string) (train.Options, error) {
	t.Helper()
	c, cmd := &trainConfig{kind: "train"}, &cobra.Command{}
	c.bind(cmd)
	if err := cmd.Flags().Parse(args); err != nil {
		t.Fatal(err)
	}
	p, err := c.options(cmd.Flags())
	return p.Train, err
}

// printed is what --print-config prints.
func printed(t *testing.T, o train.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := (&trainConfig{kind: "train"}).writeConfig(&b, train.Posttraining{Train: o}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files in turn, flags last.
func TestConfigOrder(t *testing.T) {
	file := writeFile(t, "mine.toml",
		"[model]\nvariant = \"egnn\"\nnf = 64\n[optimiser]\nlr = 1e-4\nbatch-atoms = "+
			"500\n[data]\ndata = [\"a.xyz\", \"b.xyz@split=train\"]\n[run]\nmax-time = \"90m\"\n")
	o, err := configure(t, "--config", "published", "--config", file, "--set", "optimiser.batch-atoms=600",
		"--set", "nf=65", "--set", "steps=5", "--steps", "7", "--val", "v.xyz")
	if err != nil {
		t.Fatal(err)
	}
	if o.LR != 1e-4 || o.BatchAtoms != 600 || !o.AMSGrad || o.EMA != 0.9999 || o.Network != train.NetworkEGNN ||
		o.EGNN.Hidden != 65 || o.Steps != 7 ||
		!slices.Equal(o.Data, []string{"a.xyz", "b.xyz@split=train"}) || !slices.Equal(o.Val, []string{"v.xyz"}) ||
		time.Duration(o.MaxTime) != 90*time.Minute {
		t.Errorf("%+v", o)
	}
	o.Out = "x"
	if err := o.Validate(); err != nil || o.VariantName() != "egnn" {
		t.Errorf("%v, %+v", err, o.EGNN)
	}
}

// Keys by the names of earlier versions are read, in files and of --set.
func TestOldKeysAreRead(t *testing.T) {
	file := writeFile(t, "old.toml", "[objective]\nparts = 0.25\n")
	for _, args := range [][]string{{"--config", file}, {"--set", "parts=0.25"},
		{"--set", "objective.parts=0.25"}, {"--set", "fragments=0.25"}} {
		o, err := configure(t, args...)
		if err != nil || o.Fragments != 0.25 {
			t.Errorf("%q: %v, fragments %g", args, err, o.Fragments)
		}
		text := strings.Join(strings.Fields(printed(t, o)), " ")
		if !strings.Contains(text, " fragments = 0.25 ") || strings.Contains(text, " parts = ") {
			t.Errorf("%q: printed as %s", args, text)
		}
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
	if o.Config != model.Published() || o.LR != 2e-4 || o.MinLR != 1 || o.Clip != 2 || o.WeightDecay != 1e-12 ||
		o.Epochs != 4350 || !o.UniformTimes {
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
		first := printed(t, o)
		again, err := configure(t, "--config", writeFile(t, "printed.toml", first))
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if second := printed(t, again); first != second {
			t.Errorf("%q: printed\n%s\nread back\n%s", name, first, second)
		}
	}
}

// The weights that a student or post-training starts from may come from a file or --set, as any
// setting.
func TestStartFromAFile(t *testing.T) {
	tiny := tinyModel(t)
	for kind, key := range map[string]string{"distill": "objective.teacher", "posttrain": "model.init"} {
		table, name, _ := strings.Cut(key, ".")
		file := writeFile(t, "start.toml", "["+table+"]\n"+name+" = \""+tiny+"\"\n")
		for _, args := range [][]string{{"--config", file}, {"--set", key + "=" + tiny}, {"--set", key + "=none",
			"--" + name, tiny}} {
			c, cmd := &trainConfig{kind: kind}, &cobra.Command{}
			c.bind(cmd)
			if err := cmd.Flags().Parse(args); err != nil {
				t.Fatal(err)
			}
			p, err := c.options(cmd.Flags())
			if err != nil || p.Train.Init != tiny || p.Train.Config.Hidden == train.Defaults().Config.Hidden {
				t.Errorf("%s %q: %v, starts from %q with width %d", kind, args, err, p.Train.Init,
					p.Train.Config.Hidden)
			}
		}
	}
}

// The help of post-training has its defaults, before there are weights.
func TestPosttrainHelpHasDefaults(t *testing.T) {
	c, cmd := &trainConfig{kind: "posttrain"}, &cobra.Command{}
	c.bind(cmd)
	for flag, want := range map[string]string{"steps": "1400", "device": "cpu", "rounds": "8"} {
		if got := cmd.Flags().Lookup(flag).DefValue; got != want {
			t.Errorf("--%s is %q, want %q", flag, got, want)
		}
	}
}

// train, distill and posttrain have twenty flags at most; all else is a key.
func TestTrainingCommandsHaveFewFlags(t *testing.T) {
	for kind := range flagsOf {
		c, cmd, n := &trainConfig{kind: kind}, &cobra.Command{}, 2 // --quiet and --json
		c.bind(cmd)
		cmd.Flags().VisitAll(func(*pflag.Flag) { n++ })
		if n > 20 {
			t.Errorf("%s has %d flags", kind, n)
		}
	}
}

// A setting that the network does not have is refused where it was given, and not where a file has
// settings of several networks.
func TestSetOfAnotherNetwork(t *testing.T) {
	for _, c := range []struct {
		variant, key string
		ok           bool
	}{{"egnn", "hidden", false}, {"geoldm", "depth", false}, {"symdiff", "nf", false}, {"dit", "n-layers", false},
		{"egnn", "nf", true}, {"symdiff", "hidden", true}, {"geoldm-dit", "nf", true}, {"geoldm-dit", "hidden", true}} {
		_, err := configure(t, "--variant", c.variant, "--set", "model."+c.key+"=2")
		if c.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "--set model."+c.key) {
			t.Errorf("%s: %s: %v", c.variant, c.key, err)
		}
	}
	if _, err := configure(t, "--config", "peers", "--variant", "egnn"); err != nil {
		t.Error(err)
	}
}

func TestSetErrors(t *testing.T) {
	for _, text := range []string{"hidden", "model.lr=3", "hiden=3", "posttrain.scale=1"} {
		if _, err := configure(t, "--set", text); err == nil || !strings.Contains(err.Error(), "SECTION.KEY=VALUE") {
			t.Errorf("--set %s: %v", text, err)
		}
	}
	if _, err := configure(t, "--set", "model.hidden=wide"); err == nil || !strings.Contains(err.Error(),
		"--set model.hidden") {
		t.Errorf("no number: %v", err)
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
		if _, err := configure(t, "--config", file); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), file) {
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
