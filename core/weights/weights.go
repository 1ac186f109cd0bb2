// Package weights holds the trained networks that the project ships: qm9-web, for programs that
// embed it, of united atoms and a learned gamma, which `make model` makes; and qm9-base, of all
// atoms, trained by the diffusion loss alone, a file for likelihoods and to train from. The page
// fetches the same files as assets, so the WASM module does not import this package.
//
// The model card, the .md file beside each, says how the model was trained and what was measured.
package weights

import _ "embed"

//go:embed qm9-web.safetensors
var qm9Web []byte

// QM9WebName is the name of the default model's file.
const QM9WebName = "qm9-web.safetensors"

// QM9Web is the default model, a safetensors file: molecules of H, C, N, O and F
// like those of QM9, small enough for a page. The bytes must not be changed.
func QM9Web() []byte { return qm9Web }
