package schedule

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// The reference table went through float32.
func TestNegLogSNRAgainstReference(t *testing.T) {
	var ref struct {
		NegLogSNR map[string][]float64 `json:"neg_log_snr"`
	}
	readReference(t, &ref)
	if len(ref.NegLogSNR) != 2 {
		t.Fatalf("%d schedules in the reference, want 2", len(ref.NegLogSNR))
	}
	for name, want := range ref.NegLogSNR {
		s, err := New(Spec{Name: name, Timesteps: 1000, Precision: 1e-5})
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, w := range want {
			worst = max(worst, math.Abs(s.NegLogSNR(i)-w))
		}
		t.Logf("%s: max |difference| of -log SNR over t = 0..1000: %.2g", name, worst)
		if !(worst <= 1e-4) { // nor NaN
			t.Errorf("%s: -log SNR differs by %g", name, worst)
		}
	}
}

func readReference(t *testing.T, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func TestAncestralAgainstReference(t *testing.T) {
	var ref struct {
		Ancestral []struct {
			S      int     `json:"s"`
			T      int     `json:"t"`
			Z      float64 `json:"z_coef"`
			Eps    float64 `json:"eps_coef"`
			StdDev float64 `json:"std"`
		} `json:"ancestral"`
	}
	readReference(t, &ref)
	if len(ref.Ancestral) != 6 {
		t.Fatalf("%d steps in the reference, want 6", len(ref.Ancestral))
	}
	s, err := New(Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ref.Ancestral {
		got := s.Ancestral(r.T, r.S)
		for _, c := range []struct {
			name      string
			got, want float64
		}{{"z", got.Z, r.Z}, {"eps", got.Eps, r.Eps}, {"std", got.Std, r.StdDev}} {
			rel := math.Abs(c.got-c.want) / c.want
			t.Logf("%d -> %d %s: relative difference %.1e", r.T, r.S, c.name, rel)
			if !(rel <= 1e-5) {
				t.Errorf("%d -> %d: %s = %v, want %v", r.T, r.S, c.name, c.got, c.want)
			}
		}
	}
}

// A chain of steps with eps_hat exact must lead z_t = alpha_t·x + sigma_t·eps
// to the moments of z_s: Z·alpha_t = alpha_s and, given x,
// (Z·sigma_t - Eps)² + Std² = sigma_s².
func TestAncestralKeepsTheMarginal(t *testing.T) {
	for _, spec := range []Spec{Polynomial2, {Name: "cosine", Timesteps: 500}} {
		s, err := New(spec)
		if err != nil {
			t.Fatal(err)
		}
		for from := 1; from <= s.T(); from += 7 {
			for _, to := range []int{0, from / 2, from - 1} {
				c := s.Ancestral(from, to)
				if d := c.Z*s.Alpha(from) - s.Alpha(to); !(math.Abs(d) <= 1e-9) {
					t.Fatalf("%s %d -> %d: signal off by %g", spec.Name, from, to, d)
				}
				v := math.Pow(c.Z*s.Sigma(from)-c.Eps, 2) + c.Std*c.Std
				if d := v - (1 - s.Alpha2(to)); !(math.Abs(d) <= 1e-7) {
					t.Fatalf("%s %d -> %d: variance off by %g", spec.Name, from, to, d)
				}
			}
		}
	}
}

func TestNewNamesTheField(t *testing.T) {
	for want, spec := range map[string]Spec{
		"timesteps":    {Name: "polynomial_2", Timesteps: 0, Precision: 1e-5},
		"precision":    {Name: "polynomial_2", Timesteps: 10, Precision: math.NaN()},
		"unknown name": {Name: "linear", Timesteps: 10},
	} {
		if _, err := New(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one naming %s", spec, err, want)
		}
	}
}
