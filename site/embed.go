//go:build site

package site

import (
	"embed"
	"io/fs"
)

// dist is a copy of build/site, which `make cli-site` puts here: go:embed reaches no folder above
// its own.
//
//go:embed all:dist
var dist embed.FS

// Embedded is the site that was built into this program.
func Embedded() (Site, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return Read(files)
}
