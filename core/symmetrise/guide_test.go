package symmetrise

import (
	"math"
	"testing"
)

// A guided network is e + w·(e - g), and as equivariant as the two are.
func TestGuide(t *testing.T) {
	worse := New(Func(2, func(eps, z []float32, t float32) {
		for i, v := range z {
			eps[i] = v*v - t
		}
	}), Haar(O3))
	net := New(crooked, Learned(O3, frame{}))
	const w = 1.5
	guided := Guide(net, worse, w)
	z, noise := input(guided)
	call := func(n Network) []float32 {
		eps := make([]float32, len(z))
		n.NewState(sizes).Eps(eps, z, 0.3, noise)
		return eps
	}
	e, g, got := call(net), call(worse), call(guided)
	differ := 0.0
	for i := range got {
		want := float64(e[i]) + w*(float64(e[i])-float64(g[i]))
		if math.Abs(float64(got[i])-want) > 1e-5*(1+math.Abs(want)) {
			t.Fatalf("value %d is %g, want %g", i, got[i], want)
		}
		differ = max(differ, math.Abs(float64(e[i]-g[i])))
	}
	if differ < 0.1 {
		t.Fatal("the two networks do not differ")
	}
	if d := coupling(guided, O3); !(d < 1e-5) {
		t.Errorf("the guided network is not equivariant: %g", d)
	}
	for name, other := range map[string]Network{
		"features": New(Func(3, func(_, _ []float32, _ float32) {}), Haar(O3)),
		"group":    New(crooked, Haar(SO3)),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a guide with other inputs is accepted", name)
				}
			}()
			Guide(net, other, 1)
		}()
	}
}
