package train

import (
	"reflect"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/dataset"
)

func TestWhatMakesARunCannotChange(t *testing.T) {
	for flag, change := range map[string]func(*Options){
		"elements":  func(o *Options) { o.Elements = []string{"H", "C", "N", "O", "S"} }, // as many
		"charge":    func(o *Options) { o.Charge = false },
		"schedule":  func(o *Options) { o.Schedule = "cosine" },
		"timesteps": func(o *Options) { o.Timesteps = 500 },
		"loss":      func(o *Options) { o.Loss = lossVLB },
		"condition": func(o *Options) { o.Condition = []string{"gap"} },
		"fragments": func(o *Options) { o.Fragments = 0.5 },
		"seed":      func(o *Options) { o.Seed = 9 },
	} {
		before := Defaults()
		now := before
		change(&now)
		if said := changed(before.settled(), now.settled()); !strings.HasPrefix(said, "--"+flag+" ") {
			t.Errorf("%s: %q", flag, said)
		}
		if said := changed(now.settled(), now.settled()); said != "" {
			t.Errorf("%s is as it was: %q", flag, said)
		}
	}
	old := Defaults()
	old.Loss = ""
	now := Defaults()
	if said := changed(old.settled(), now.settled()); said != "" {
		t.Errorf("a checkpoint of before there was a choice of losses: %q", said)
	}
}

func TestChangedDataAreNamed(t *testing.T) {
	a := []dataset.Source{{File: "a.xyz", SHA256: "0123456789", Molecules: 5}}
	moved := []dataset.Source{{File: "elsewhere/a.xyz", SHA256: "0123456789", Molecules: 5}}
	for name, other := range map[string]dataset.Source{
		"bytes":     {File: "a.xyz", SHA256: "9876543210", Molecules: 5},
		"molecules": {File: "a.xyz", SHA256: "0123456789", Molecules: 4},
		"filter":    {File: "a.xyz", SHA256: "0123456789", Molecules: 5, Filter: "split=val"},
	} {
		for _, flag := range []string{"data", "val"} {
			if said := changedData(flag, a, []dataset.Source{other}); !strings.Contains(said, "--"+flag) ||
				!strings.Contains(said, `"a.xyz"`) {
				t.Errorf("%s: %q", name, said)
			}
		}
	}
	for _, said := range []string{changedData("data", a, moved), changedData("val", nil, a), changedData("val", a, nil)} {
		if said != "" {
			t.Errorf("refused: %q", said)
		}
	}
}

// Options in which processes may differ are options.
func TestPerProcessAreOptions(t *testing.T) {
	for _, name := range perProcess {
		if _, ok := reflect.TypeFor[Options]().FieldByName(name); !ok {
			t.Errorf("%s is none", name)
		}
	}
}

func TestProcessesOfAJobAgree(t *testing.T) {
	data := []dataset.Source{{File: "a", SHA256: "0", Molecules: 5}}
	first := Defaults()
	want := first.fingerprint(data, nil, Progress{Step: 3, Seconds: 1})
	for name, c := range map[string]struct {
		change   func(*Options)
		data     []dataset.Source
		progress Progress
		said     string
	}{
		"alike": {func(o *Options) {
			o.Device, o.Threads, o.Out, o.Data = "cuda:1", 7, "elsewhere", []string{"b"}
			o.Teacher, o.Guide = "elsewhere/t", "elsewhere/g"
			o.Reader = &dataset.Reader{Note: func(string) {}} // as the command has it
		}, data, Progress{Step: 3, Seconds: 2}, ""},
		"seed":    {func(o *Options) { o.Seed = 1 }, data, Progress{Step: 3}, "Seed"},
		"batch":   {func(o *Options) { o.BatchAtoms++ }, data, Progress{Step: 3}, "BatchAtoms"},
		"network": {func(o *Options) { o.Config.Depth++ }, data, Progress{Step: 3}, "Config"},
		"data": {func(*Options) {}, []dataset.Source{{File: "a", SHA256: "1", Molecules: 5}},
			Progress{Step: 3}, "data"},
		"another state": {func(*Options) {}, data, Progress{Step: 4}, "checkpoint"},
	} {
		o := Defaults()
		c.change(&o)
		list := o.fingerprint(c.data, nil, c.progress)
		if len(list) != len(want) {
			t.Fatalf("%d settings, want %d", len(list), len(want))
		}
		if said := disagreement(list, numbers(list), numbers(want)); said != c.said {
			t.Errorf("%s: %q, want %q", name, said, c.said)
		}
	}
}
