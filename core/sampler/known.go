package sampler

import (
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Known is what is given of every molecule of a batch: the types of its first
// atoms, and perhaps the positions of the first of those. All types and no
// positions fix the composition.
//
// A network that takes parts (model.Meta.Parts) is given them, with the types of
// all atoms: at every time t
//
//	z_t[given] = alpha_t·given,
//
// moved so that the atoms' centre of mass stays where the sampler has it, the one
// thing about them that is noised. Any method will do.
//
// With any other network, or with free types, sampling is approximate, by
// replacement (RePaint, Lugmayr et al. 2022, arXiv 2201.09865), and ancestral:
// what is given is noised to t and put into z, moved as above,
//
//	z_t[given] = alpha_t·given + sigma_t·noise.
//
// With Resample above 1 every step is made that many times, going back from z_s
// to z_t with fresh noise between, so that the rest adapts. The network is
// equivariant, so the frame of the given positions does not matter: what comes out,
// frames on the way included, lies so that the given atoms are where they were given
// (turned where Options.Turn says so), the finished ones exactly.
type Known struct {
	Elements  []molecule.Element
	Positions [][3]float64 // Å; at most as many as Elements
}

// Complete appends to the types of k those that a composition has beyond them: a
// part within a molecule of which the formula is known.
func (k *Known) Complete(composition []molecule.Element) error {
	left := map[molecule.Element]int{}
	for _, e := range composition {
		left[e]++
	}
	for _, e := range k.Elements {
		if left[e]--; left[e] < 0 {
			return errors.New("sampler: the composition has fewer " + e.Symbol() + " than the part that is kept")
		}
	}
	for _, e := range composition {
		if left[e] > 0 {
			left[e]--
			k.Elements = append(k.Elements, e)
		}
	}
	return nil
}

// maxResample bounds Options.Resample.
const maxResample = 1000

// size is the number of atoms of which something is known.
func (k *Known) size() int {
	if k == nil {
		return 0
	}
	return len(k.Elements)
}

// takenParts reports whether what is known is given to the network.
func (o Options) takenParts(meta model.Meta) bool {
	typed := !o.FreeTypes && (len(o.Composition) > 0 || len(meta.Compositions) > 0)
	return o.Known != nil && len(o.Known.Positions) > 0 && meta.Parts && typed
}

// setKnown checks what is given and writes its clean values, on the scale of z.
func (s *Sampler) setKnown(k *Known, resample int) error {
	if resample < 0 || resample > maxResample {
		return errors.New("sampler: resample " + strconv.Itoa(resample) + ", want 1 to " + strconv.Itoa(maxResample))
	}
	if k == nil {
		if resample > 1 {
			return errors.New("sampler: resample without anything known")
		}
		return nil
	}
	if s.method != Ancestral && s.method != "" && !s.fixed {
		return errors.New("sampler: known atoms need the method ancestral")
	}
	if s.fixed && resample > 1 {
		return errors.New("sampler: resample with a network that takes the parts that are kept: nothing is replaced, so that there is nothing to adapt")
	}
	if len(k.Elements) == 0 || len(k.Positions) > len(k.Elements) {
		return errors.New("sampler: " + strconv.Itoa(len(k.Elements)) + " known types and " + strconv.Itoa(len(k.Positions)) + " known positions")
	}
	for i, n := range s.sizes {
		if n < len(k.Elements) {
			return errors.New("sampler: molecule " + strconv.Itoa(i) + " has " + strconv.Itoa(n) + " atoms, of " + strconv.Itoa(len(k.Elements)) + " something is known")
		}
	}
	s.resample, s.placed = max(1, resample), len(k.Positions)
	s.given = make([]float32, len(k.Elements)*s.width)
	s.givenNoise = make([]float32, len(s.given))
	var origin [3]float64
	for _, p := range k.Positions {
		for c, x := range p {
			origin[c] += x / float64(len(k.Positions))
		}
		s.kept = append(s.kept, s.turnedPosition(p))
	}
	for a, e := range k.Elements {
		var p *[3]float64
		if a < len(k.Positions) { // far from the origin float32 is coarse
			q := k.Positions[a]
			p = &[3]float64{q[0] - origin[0], q[1] - origin[1], q[2] - origin[2]}
		}
		if err := s.meta.Encode(s.given[a*s.width:(a+1)*s.width], e, p); err != nil {
			return errors.New("sampler: known atom " + strconv.Itoa(a) + ": " + err.Error())
		}
	}
	s.turned(s.given, s.placed)
	return nil
}

// put replaces in z at time t what is given, noised by the streams of a call
// unless it is a part that the network takes.
func (s *Sampler) put(t, call int) {
	if s.given == nil {
		return
	}
	alpha, sigma := float32(s.sched.Alpha(t)), float32(s.sched.Sigma(t))
	if s.fixed {
		sigma = 0
	}
	z := s.z
	for i, n := range s.sizes {
		stream := rng.New(s.stepSeed(), s.first+uint32(i), rng.Known, tick(t, call))
		stream.Fill(s.givenNoise, 1)
		s.turned(s.givenNoise, s.placed)
		noised := s.givenNoise
		for k, v := range s.given {
			noised[k] = float32(alpha*v) + float32(sigma*noised[k])
		}
		for a := 0; a < len(noised); a += s.width {
			copy(z[a+3:a+s.width], noised[a+3:a+s.width])
		}
		place(z, noised, s.width, s.placed)
		z = z[n*s.width:]
	}
}

// place copies the positions of the first n rows to z, moved to the centre of
// mass that those rows have in z.
func place(z, from []float32, width, n int) {
	for k := range 3 {
		shift := 0.0
		for a := range n {
			shift += float64(z[a*width+k]) - float64(from[a*width+k])
		}
		for a := range n {
			z[a*width+k] = float32(float64(from[a*width+k]) + shift/float64(n))
		}
	}
}

// back goes from z_s to z_t, s < t, by the forward process:
//
//	z_t = alpha_ts·z_s + sigma_ts·noise,  alpha_ts = alpha_t/alpha_s,  sigma_ts² = sigma_t² - alpha_ts²·sigma_s².
func (s *Sampler) back(from, to, call int) {
	s.draw(s.noise, rng.Back, tick(to, call))
	ratio := s.sched.Alpha(to) / s.sched.Alpha(from)
	a, b := s.sched.Sigma(to), ratio*s.sched.Sigma(from)
	alpha, sigma := float32(ratio), float32(math.Sqrt(max(0, float64(a*a)-float64(b*b))))
	for i, v := range s.z {
		s.z[i] = float32(alpha*v) + float32(sigma*s.noise[i])
	}
	symmetrise.RemoveMean(s.z, s.width, s.sizes)
}

// turnedPosition is p·H, or p without a turn.
func (s *Sampler) turnedPosition(p [3]float64) (q [3]float64) {
	if s.turn == nil {
		return p
	}
	for c := range q {
		for k, x := range p {
			q[c] += x * s.turn[k][c]
		}
	}
	return q
}

// shift is what brings rows of a molecule (n, 3+F) to where the kept atoms are in
// space, in Å: z itself has zero centre of mass. Zero where none is kept.
func (s *Sampler) shift(rows []float32) (d [3]float64) {
	for a, p := range s.kept {
		for c, x := range p {
			d[c] += (x - float64(rows[a*s.width+c])*s.meta.ScaleX) / float64(len(s.kept))
		}
	}
	return d
}

// keep gives the known atoms of the finished molecules their exact geometry.
func (s *Sampler) keep() {
	z := s.z
	for _, n := range s.sizes {
		if s.placed > 0 {
			place(z, s.given, s.width, s.placed)
		}
		z = z[n*s.width:]
	}
}
