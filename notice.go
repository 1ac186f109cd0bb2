// Package notice holds what goes with every program of this module: the licences
// of what they are made of. The library is below core, the command in trainer.
package notice

import _ "embed"

// Notice names what the programs, the site and the npm package contain beside this
// module's own code, each with its licence. `make notice` writes it.
//
//go:embed NOTICE
var Notice string
