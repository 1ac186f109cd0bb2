//go:build torch

package train

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/mpi"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// The target is e_ref + w·(eps - e_ref), w = a/beta·min(1, t/(T·ramp)) with a = 1 for the first file
// and -1/2 for the others in the interval, 0 outside it. e_ref is e_old, and outside the interval
// the anchor:
//
//	|e - e_ref - w·(eps - e_ref)|² = A - w·(A + V - B) + w²·V,   A = |e - e_ref|², B = |e - eps|², V = |eps - e_ref|²
func TestNFTTarget(t *testing.T) {
	weights, anchor, start := trained(t, 3, 30), trained(t, 4, 5), trained(t, 5, 5)
	for _, c := range []struct{ beta, from, to float64 }{{1, 0, 1}, {0.5, 0.3, 0.7}} {
		o := small(t)
		o.Data = append(o.Data, o.Data...)
		o.Init, o.Threads, o.Dropout = start, 1, 0
		o.NFT = &NFT{Old: weights, Anchor: anchor, Negative: 0.5, Ramp: 0.5, Beta: c.beta, From: c.from, To: c.to,
			Data: true}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		r, err := newRun(o, mpi.Alone, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		positives := r.set.Sources[0].Molecules
		seen := map[float64]int{}
		r.team.do(func(_ int, s *torch.Scope) {
			loss := func(p *torch.Params, b *Batch, signs []float32) []float32 {
				b.Sign = signs
				return torch.Float32s(r.squaredError(s, p, b))
			}
			for range 20 {
				part := r.next()
				b := r.part(part, 0, 1)
				signs := b.Sign
				got, B := loss(r.params, b, signs), loss(r.params, b, nil)
				A, V := map[bool][]float32{}, map[bool][]float32{}
				for anchored, reference := range map[bool]*torch.Params{false: r.old, true: r.anchor} {
					V[anchored] = loss(reference, b, nil)
					for i := range b.Anchored {
						b.Anchored[i] = anchored
					}
					A[anchored] = loss(r.params, b, make([]float32, b.B))
				}
				for i, index := range part.indices {
					share := float64(b.Times[i]) / float64(r.Timesteps)
					w := 1 / c.beta
					if index >= positives {
						w *= -0.5
					}
					anchored := share < c.from || share > c.to
					if anchored {
						w = 0
					}
					seen[w]++
					w *= min(1, share/0.5)
					a, b, v := float64(A[anchored][i]), float64(B[i]), float64(V[anchored][i])
					if want := a - w*(a+v-b) + w*w*v; !(math.Abs(float64(got[i])-want) <= 1e-3*(a+b+v)) {
						t.Errorf("beta %g, a/beta %g: loss %g, want %g", c.beta, w, got[i], want)
					}
				}
			}
			s.Close()
		})
		if seen[1/c.beta] < 20 || seen[-0.5/c.beta] < 20 || c.from > 0 && seen[0] < 20 {
			t.Errorf("molecules of each a/beta: %v", seen)
		}
		r.team.close()
		if err := r.unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// A reward counts below RewardBelow only, and of each repetition of the samples.
func TestSignsOfRewards(t *testing.T) {
	c := &NFT{Beta: 0.5, From: 0.1, To: 0.8, Ramp: 0.2, Negative: 0.9, RewardBelow: 0.4, Data: true,
		Rewards: filepath.Join(t.TempDir(), "rewards.json")}
	if err := os.WriteFile(c.Rewards, []byte("[0.5, -0.25]"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := c.signs(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		share float64
		signs [4]float32
	}{{0.05, [4]float32{}}, {0.1, [4]float32{1, 0.5, -0.25, 0.5}}, {0.39, [4]float32{2, 1, -0.5, 1}},
		{0.4, [4]float32{2, -1.8, -1.8, -1.8}}, {0.81, [4]float32{}}} {
		var got [4]float32
		for i := range got {
			got[i] = s.of(i, want.share)
		}
		if got != want.signs {
			t.Errorf("t/T %g: s = %v, want %v", want.share, got, want.signs)
		}
	}
	c.Data = false
	if s, err = c.signs(1); err != nil || s.of(0, 0.3) != 1 || s.of(1, 0.3) != -0.5 {
		t.Errorf("without the data: %v, s = %g and %g", err, s.of(0, 0.3), s.of(1, 0.3))
	}
	for _, bad := range []string{"", "[]", `{"a":1}`} {
		if err := os.WriteFile(c.Rewards, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := c.signs(1); err == nil || !strings.Contains(err.Error(), "rewards.json: ") {
			t.Errorf("%q: %v, want an error that names the file", bad, err)
		}
	}
}

// Most times are drawn where there is something to learn; the others are spread over the rest.
func TestNFTDrawsTimesInItsInterval(t *testing.T) {
	for _, c := range []struct{ from, to float64 }{{0, 1}, {0.2, 0.7}, {0, 0.5}, {0.5, 1}} {
		nft := &NFT{From: c.from, To: c.to}
		const n = 10000
		below, above, last := 0, 0, 0.0
		for i := range n {
			v := nft.quantile(float64(i) / n)
			if v < last || v >= 1 {
				t.Fatalf("%v: %g after %g", c, v, last)
			}
			last = v
			if v < c.from {
				below++
			}
			if v > c.to {
				above++
			}
		}
		rest := c.from + 1 - c.to
		if rest == 0 {
			rest = 1
		}
		if a, b := 0.15*n*c.from/rest, 0.15*n*(1-c.to)/rest; math.Abs(float64(below)-a) > 2 ||
			math.Abs(float64(above)-b) > 2 {
			t.Errorf("%v: %d below, want %g; %d above, want %g", c, below, a, above, b)
		}
	}
}
