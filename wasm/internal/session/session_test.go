package session

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/core/weights"
)

// loaded is a session with the shipped model.
func loaded(t *testing.T) *Session {
	t.Helper()
	s := new(Session)
	data := weights.QM9Web()
	if err := s.Load("qm9-web", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInfo(t *testing.T) {
	info := loaded(t).Info()
	if d := info.Defaults; d.TStart != 600 || d.Steps != 25 || d.Method != "dpm++2m" || d.Rho != 7 {
		t.Errorf("defaults %+v", d)
	}
	if info.Network.Kind != "symdiff" || info.Network.Parameters < 1e6 ||
		info.Metadata["kind"] != "symdiff" {
		t.Errorf("%s, %d parameters", info.Network.Kind, info.Network.Parameters)
	}
}

// A run of a session makes the molecules that the Go library makes of the same options.
func TestRunIsThatOfTheLibrary(t *testing.T) {
	s := loaded(t)
	size, err := s.Start(
		`{"seed": "7", "first": 3, "n": 2, "atoms": 9, "steps": 5, "t_start": 600, "method": "dpm++2m-sde", "gamma": "haar"}`,
	)
	if err != nil || !slices.Equal(size.Atoms, []int{9, 9}) || size.Steps != 5 || size.First != 3 ||
		size.Elements != 5 {
		t.Fatalf("%+v, %v", size, err)
	}
	if _, err := s.Result(0, ""); err == nil {
		t.Error("a result before the end")
	}
	if f, err := s.Frame(1); err != nil || f.Step != 0 || f.Gamma != [9]float32{} {
		t.Errorf("the first frame: step %d, gamma %v, %v", f.Step, f.Gamma, err)
	}
	for want := 1; want <= 5; want++ {
		step, done, err := s.Step()
		if err != nil || step != want || done != (want == 5) {
			t.Fatalf("step %d, done %v, %v; want step %d", step, done, err, want)
		}
	}
	if _, _, err := s.Step(); err == nil {
		t.Error("a step after the last")
	}
	i := 0
	same := symdiff.Options{Seed: 7, First: 3, N: 2, Atoms: 9, Steps: 5, Method: sampler.DPMSDE,
		Gamma: "haar"}
	for want, err := range symdiff.QM9().Generate(context.Background(), same) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Result(i, symdiff.QM9().SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Properties, want.Properties) ||
			!slices.Equal(got.Positions, want.Positions) {
			t.Errorf("molecule %d: %v, want %v", i, got.Properties, want.Properties)
		}
		f, err := s.Frame(i)
		if err != nil || f.Step != 5 || f.Gamma == [9]float32{} || len(f.Scores) != 45 ||
			!slices.Equal(f.Bonds, want.Bonds()) {
			t.Errorf("the last frame: step %d, bonds %v, %v", f.Step, f.Bonds, err)
		}
		for a, p := range want.Positions {
			if f.Positions[3*a] != float32(p[0]) {
				t.Errorf("atom %d is at %g, want %g", a, f.Positions[3*a], p[0])
			}
		}
		if x, err := s.Predicted(i); err != nil || len(x) != 27 {
			t.Errorf("predicted %v, %v", x, err)
		}
		i++
	}
	if m, err := s.Result(0, ""); err != nil || len(m.Properties) == 0 {
		t.Errorf("without a hash: %v", err)
	} else if _, ok := m.Property("model"); ok {
		t.Error("a model without a hash")
	}
}

func TestSessionRefuses(t *testing.T) {
	var empty Session
	for name, call := range map[string]func() error{
		"start":     func() error { _, err := empty.Start("{}"); return err },
		"step":      func() error { _, _, err := empty.Step(); return err },
		"frame":     func() error { _, err := empty.Frame(0); return err },
		"predicted": func() error { _, err := empty.Predicted(0); return err },
		"result":    func() error { _, err := empty.Result(0, ""); return err },
		"calibrate": func() error { _, _, err := empty.Calibrate(4); return err },
	} {
		if err := call(); err != errNoModel && err != errNoRun {
			t.Errorf("%s without a model: %v", name, err)
		}
	}
	s := loaded(t)
	for text, want := range map[string]string{
		`{`: "JSON", `{"keep": 1}`: "no such option",
		`{"n": 257}`: "n 257: want at most 256 at a time", `{"n": -1}`: "n -1",
		`{"steps": 601}`: "steps 601: want 1 to 600",
		`{"from": {"elements": ["C"], "positions": [0, 0, 0]}}`: "want t_start",
	} {
		if _, err := s.Start(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	if _, err := s.Start(`{"steps": 2}`); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 1} {
		if _, err := s.Frame(i); err == nil {
			t.Errorf("a frame of molecule %d of 1", i)
		}
	}
	data, err := os.ReadFile("../../../core/model/testdata/dit.weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load("bare", bytes.NewReader(data), int64(len(data))); err == nil ||
		!strings.Contains(err.Error(), "bare: ") {
		t.Errorf("a file that does not say what its inputs mean: %v", err)
	}
	if _, _, err := s.Step(); err != errNoRun {
		t.Errorf("the run goes on without its model: %v", err)
	}
}

func TestCalibrate(t *testing.T) {
	s := loaded(t)
	done, best, err := s.Calibrate(2)
	for ; !done && err == nil; done, best, err = s.Calibrate(0) {
	}
	if err != nil || best < 1 || best > 2 {
		t.Errorf("best %d, %v", best, err)
	}
}
