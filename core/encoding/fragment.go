package encoding

import "errors"

// PartMark is what the features h of an atom whose position is given are
// multiplied by, where Meta.Parts is true: that is how the network knows them.
//
// The atoms K of a part keep their places relative to each other at every t; where
// the part is, is noised with the rest:
//
//	z_t = alpha_t·x + sigma_t·eps,  eps_K = the mean of eps over K,
//
// with types that are given (see TypesName). Trained so for a share of the
// molecules, one network holds p(x | h) and p(x | h, x_K up to a translation).
const PartMark = 2

// MarkPart multiplies the features h (F) of an atom by PartMark.
func MarkPart(h []float32) {
	for k := range h {
		h[k] *= PartMark
	}
}

// validateParts checks that the types can be given, as parts need.
func (m Meta) validateParts() error {
	if m.Parts && !m.TakesTypes() {
		return errors.New("parts: the network takes no " + TypesName)
	}
	return nil
}
