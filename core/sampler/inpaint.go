package sampler

import (
	"strconv"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
)

// A network that is conditioned on fragments (encoding.Meta.Fragments) is given the atoms
// of Options.Fragment, which come first, with the types of all atoms: at every time t
//
//	z_t[fixed] = alpha_t·fragment,
//
// moved so that the atoms' centre of mass stays where the sampler has it, the one
// thing about them that is noised. Any method will do. The network is equivariant,
// so the frame of the fragment does not matter: what comes out, frames on the way
// included, lies so that the fixed atoms are where they were given (rotated where
// Options.Rotate says so), the finished ones exactly.

// fixedAtoms is the number of atoms of the fragment.
func (o *Options) fixedAtoms() int {
	if o.Fragment == nil {
		return 0
	}
	return len(o.Fragment.Elements)
}

// setFragment writes the clean positions of the fragment, on the scale of z.
func (s *Sampler) setFragment(m *molecule.Molecule) error {
	if m == nil {
		return nil
	}
	s.fragment = make([]float32, s.fixed*s.width)
	s.scaled = make([]float32, len(s.fragment))
	var origin [3]float64
	for _, p := range m.Positions {
		for c, x := range p {
			origin[c] += x / float64(s.fixed)
		}
		s.places = append(s.places, s.rotatedPosition(p))
	}
	for a, e := range m.Elements {
		p := m.Positions[a] // far from the origin float32 is coarse
		p = [3]float64{p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]}
		if err := s.meta.Encode(s.fragment[a*s.width:(a+1)*s.width], e, &p); err != nil {
			return bad("fragment", "", "atom "+strconv.Itoa(a)+": "+err.Error())
		}
	}
	s.rotated(s.fragment, s.fixed)
	return nil
}

// fix replaces the positions of the fixed atoms in z at time t.
func (s *Sampler) fix(t int) {
	if s.fragment == nil {
		return
	}
	alpha := float32(s.sched.Alpha(t))
	for k, v := range s.fragment {
		s.scaled[k] = alpha * v
	}
	z := s.z
	for _, n := range s.sizes {
		place(z, s.scaled, s.width, s.fixed)
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

// rotatedPosition is p·H, or p without a rotation.
func (s *Sampler) rotatedPosition(p [3]float64) [3]float64 {
	if s.o.Rotate == nil {
		return p
	}
	return turned(p, s.o.Rotate)
}

// turned is p·H.
func turned(p [3]float64, h *o3.Matrix) (q [3]float64) {
	for c := range q {
		for k, x := range p {
			q[c] += float64(x * h[k][c])
		}
	}
	return q
}

// shift is what brings rows of a molecule (n, 3+F) to where the fixed atoms are in
// space, in Å: z itself has zero centre of mass. Zero without a fragment.
func (s *Sampler) shift(rows []float32) (d [3]float64) {
	for a, p := range s.places {
		for c, x := range p {
			d[c] += (x - float64(float64(rows[a*s.width+c])*s.meta.Scale(0))) / float64(
				len(s.places),
			)
		}
	}
	return d
}

// keepFragment gives the fixed atoms of the finished molecules their exact geometry.
func (s *Sampler) keepFragment() {
	z := s.z
	for _, n := range s.sizes {
		if s.fixed > 0 {
			place(z, s.fragment, s.width, s.fixed)
		}
		z = z[n*s.width:]
	}
}
