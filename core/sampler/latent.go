package sampler

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// A network of latents (see symmetrise.Network) is sampled as any other, z being the
// latents: z_T is noise, all methods make their steps. Two things differ. The last step
// draws all channels as it does the positions else, and then the decoder makes atoms
// of latents. And nothing can be given of a molecule, since z has no atoms.

// ofLatents refuses what needs atoms in z.
func (o *Options) ofLatents() error {
	for _, c := range []struct {
		name  string
		asked bool
	}{
		{"fragment", o.Fragment != nil}, {"from", len(o.From) > 0}, {"formula", o.Formula != ""},
		{"properties", len(o.Properties) > 0}, {"joint", o.Joint},
	} {
		if c.asked {
			return bad(c.name, "", "not with a model of latents, which has no atoms while it samples")
		}
	}
	return nil
}

// decoder is that of a batch, and what it has decoded.
type decoder struct {
	symmetrise.Decoder
	atoms []float32 // (rows, Width) decoded from z of a finished run, or from hat
	at    int       // the number of steps then done; -1: none was decoded
}

func (s *Sampler) setDecoder(d symmetrise.Decoder) error {
	if want := 3 + s.meta.Features(); d.Width() != want {
		return errors.New(
			"sampler: the decoder has " + strconv.Itoa(d.Width()-3) +
				" features, its metadata make " + strconv.Itoa(want-3),
		)
	}
	s.decoder = &decoder{Decoder: d, atoms: make([]float32, len(s.z)/s.width*d.Width()), at: -1}
	return nil
}

// decodedPart is molecule i (n, Width): decoded from the latents of a finished run, or
// on the way from those that the network predicts.
func (s *Sampler) decodedPart(i int) []float32 {
	d := s.decoder
	if d.at != s.done {
		from := s.hat
		if s.Done() {
			from = s.z
		}
		d.Decode(d.atoms, from)
		d.at = s.done
	}
	at := 0
	for _, n := range s.sizes[:i] {
		at += n
	}
	return d.atoms[at*d.Width() : (at+s.sizes[i])*d.Width()]
}

// latentFrame writes the positions of z (n, 3+L), those of latents, or the decoded ones
// where z is nil or the run is finished, and the types as the decoder's softmax.
func (s *Sampler) latentFrame(i int, z, positions, types []float32) {
	data, width, e := s.decodedPart(i), s.decoder.Width(), len(s.elements)
	from, step := z, s.width
	if z == nil || s.Done() {
		from, step = data, width
	}
	for a := range s.sizes[i] {
		for k := 0; positions != nil && k < 3; k++ {
			positions[3*a+k] = from[a*step+k] * float32(s.meta.Scale(0))
		}
		if types == nil {
			continue
		}
		p, scores := types[e*a:e*a+e], data[a*width+3:a*width+3+e]
		most := scores[0]
		for _, v := range scores {
			most = max(most, v)
		}
		for k, v := range scores {
			p[k] = max(v-most, -80)
		}
		f32.Exp(p, p)
		sum := float32(0)
		for _, v := range p {
			sum += v
		}
		f32.Scale(p, 1/sum)
	}
}
