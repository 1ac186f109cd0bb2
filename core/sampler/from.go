package sampler

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// sizesFrom checks Options.From and gives the numbers of atoms of the batch, which
// are its molecules' own.
func (o Options) sizesFrom() ([]int, error) {
	if o.From == nil {
		return o.Atoms, nil
	}
	if o.Known != nil {
		return nil, errors.New("sampler: a run from molecules cannot keep parts as well")
	}
	sizes := make([]int, len(o.From))
	for i, m := range o.From {
		if sizes[i] = len(m.Elements); sizes[i] == 0 {
			return nil, errors.New("sampler: molecule " + strconv.Itoa(i) + " to start from has no atoms")
		}
	}
	if len(o.Atoms) > 0 && len(o.Atoms) != len(sizes) {
		return nil, errors.New("sampler: " + strconv.Itoa(len(o.Atoms)) + " sizes for " + strconv.Itoa(len(sizes)) + " molecules to start from")
	}
	for i, n := range o.Atoms {
		if n != 0 && n != sizes[i] {
			return nil, errors.New("sampler: " + strconv.Itoa(n) + " atoms asked for, molecule " + strconv.Itoa(i) + " to start from has " + strconv.Itoa(sizes[i]))
		}
	}
	return sizes, nil
}

// noised makes z_t of the molecules of from and the standard Gaussians in z:
//
//	z_t = alpha_t·x + sigma_t·noise.
func (s *Sampler) noised(from []*molecule.Molecule, t int) error {
	x := make([]float32, len(s.z))
	at := 0
	for i, m := range from {
		for a, e := range m.Elements {
			if err := s.meta.Encode(x[at:at+s.width], e, &m.Positions[a]); err != nil {
				return errors.New("sampler: molecule " + strconv.Itoa(i) + " to start from, atom " + strconv.Itoa(a) + ": " + err.Error())
			}
			at += s.width
		}
	}
	symmetrise.RemoveMean(x, s.width, s.sizes)
	s.turned(x, len(x)/s.width)
	alpha, sigma := float32(s.sched.Alpha(t)), float32(s.sched.Sigma(t))
	for i, v := range x {
		s.z[i] = float32(alpha*v) + float32(sigma*s.z[i])
	}
	return nil
}
