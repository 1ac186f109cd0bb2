package model

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/schedule"
)

func example() (Config, encoding.Meta) {
	c := Published()
	c.GammaOrder, c.FixQR, c.PadTo, c.NoiseStd, c.MLPRatio = GammaReleased, false, 29, 0.5, 2.5
	c.PairBias, c.TimeScale = true, 1000
	m := encoding.QM9()
	m.Schedule = schedule.Spec{Name: "polynomial_2", Timesteps: 500, Precision: 2e-5}
	m.Histogram = map[int]int{3: 1, 29: 4, 18: 13025}
	m.Training = []byte(`{"command":"symdiff train","validation_loss":0.1}`)
	return c, m
}

func TestMetadataRoundTrip(t *testing.T) {
	c, m := example()
	for _, v := range []Variant{Symdiff, SymdiffH, None} {
		c := c
		c.Variant = v
		if v != Symdiff { // f's sizes are not stored, nor how its output is used
			c.GammaOrder, c.FixQR = GammaPaper, true
			c.EncHidden, c.EncDepth, c.EncHeads, c.EncMLPRatio, c.DecHidden, c.NoiseDims, c.NoiseStd = 0, 0, 0, 0, 0, 0, 0
		}
		gotC, gotM, err := ParseMetadata("x", Metadata(c, m))
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if gotC != c {
			t.Errorf("%s: configuration %+v became %+v", v, c, gotC)
		}
		if !reflect.DeepEqual(gotM, m) {
			t.Errorf("%s: meta %+v became %+v", v, m, gotM)
		}
	}
}

func TestParseMetadataNamesTheKey(t *testing.T) {
	c, m := example()
	good := Metadata(c, m)
	for _, bad := range []struct{ key, value, want string }{
		{"kind", "egnn", "kind"},
		{"gamma_order", "", ""},
		{"fix_qr", "yes", "fix_qr"},
		{"pad_to", "many", "pad_to"},
		{"config", "{", "config"},
		{"config", "[]", "config"},
		{"config", strings.Replace(good["config"], `"depth":12`, `"depth":"12"`, 1), "depth"},
		{"config", strings.Replace(good["config"], `"depth":12`, `"depth":1e99`, 1), "depth"},
		{"elements", `["H","Xx","N","O","F"]`, "elements"},
		{"elements", `["H","H","N","O","F"]`, "elements"},
		{"elements", `"H"`, "elements"},
		{"charge", "1", "charge"},
		{"scale", `{"x":0,"types":4,"charge":10}`, "scale"},
		{"scale", `{"x":1,"types":4,"charge":1000}`, "sigma(0)"},
		{"schedule", `{"name":"linear","timesteps":10,"precision":0.1}`, "linear"},
		{"schedule", `{"name":"polynomial_2","timesteps":-1,"precision":0.1}`, "timesteps"},
		{"histogram", `{"3":-1}`, "histogram"},
		{"histogram", `{"x":1}`, "histogram"},
		{"training", `3`, "training"},
	} {
		md := maps.Clone(good)
		md[bad.key] = bad.value
		c, _, err := ParseMetadata("some.safetensors", md)
		if bad.want == "" { // found by Validate, once the tensors are looked at
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), bad.key) {
				t.Errorf("%s = %q: %v", bad.key, bad.value, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), bad.want) ||
			!strings.Contains(err.Error(), "some.safetensors") {
			t.Errorf("%s = %q: error %v, want one naming the file and %s", bad.key, bad.value, err, bad.want)
		}
	}
	for _, key := range []string{"kind", "config", "scale", "schedule"} {
		md := maps.Clone(good)
		delete(md, key)
		if _, _, err := ParseMetadata("x", md); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: error %v", key, err)
		}
	}
}

// Whatever the texts, parsing ends with an error or with something that is
// written and read back as it is.
func FuzzParseMetadata(f *testing.F) {
	good := Metadata(example())
	f.Add(good["kind"], good["config"], good["elements"], good["scale"], good["schedule"], good["histogram"])
	f.Add("dit", `{"K":1}`, `[]`, `{}`, `null`, `{"1":1}`)
	f.Fuzz(func(t *testing.T, kind, config, elements, scale, sched, histogram string) {
		md := map[string]string{
			"kind":      kind,
			"config":    config,
			"elements":  elements,
			"scale":     scale,
			"schedule":  sched,
			"histogram": histogram,
		}
		c, m, err := ParseMetadata("fuzz", md)
		if err != nil || c.Validate() != nil {
			return
		}
		c2, m2, err := ParseMetadata("again", Metadata(c, m))
		if err != nil || c2 != c || !reflect.DeepEqual(m2, m) {
			t.Fatalf("%+v %+v became %+v %+v, error %v", c, m, c2, m2, err)
		}
	})
}
