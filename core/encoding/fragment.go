package encoding

import "errors"

// FixedMark is what the features h of a fixed atom are multiplied by, where
// Meta.Fragments is true: that is how the network knows them (fragment conditioning).
//
// The fixed atoms K keep their places relative to each other at every t; where the
// fragment is, is noised with the rest:
//
//	z_t = alpha_t·x + sigma_t·eps,  eps_K = the mean of eps over K,
//
// with types that are given (see TypesName). Trained so for a share of the
// molecules, one network holds p(x | h) and p(x | h, x_K up to a translation).
const FixedMark = 2

// MarkFixed multiplies the features h (F) of an atom by FixedMark.
func MarkFixed(h []float32) {
	for k := range h {
		h[k] *= FixedMark
	}
}

// validateFragments checks that the types can be given, as fragments need.
func (m Meta) validateFragments() error {
	if m.Fragments && !m.CompositionConditional() {
		return errors.New("parts: want context with " + TypesName)
	}
	return nil
}
