// Package notice holds the licences of what the programs, the site and the npm package are made of.
package notice

import _ "embed"

// Notice names what the programs, the site and the npm package contain beside this
// module's own code, each with its licence. `make notice` writes it.
//
//go:embed NOTICE
var Notice string
