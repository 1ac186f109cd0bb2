package molecule

import (
	"io"
	"iter"
	"path"
	"strings"
)

// formats are the readers by extension.
var formats = map[string]func(io.Reader, string) iter.Seq2[*Molecule, error]{
	".xyz": ReadXYZ, ".extxyz": ReadXYZ, ".sdf": ReadSDF, ".sd": ReadSDF, ".mol": ReadSDF, ".pdb": ReadPDB,
	".ent": ReadPDB,
}

// Extensions lists the extensions of the formats that Read knows.
const Extensions = ".xyz, .extxyz, .sdf, .sd, .mol, .pdb or .ent"

// Read reads the molecules of a text by the extension of its name, in any case;
// not ok where no format has it. Errors are of type *[ParseError]; the sequence
// goes on after one for which [OneRecord] holds.
func Read(r io.Reader, name string) (molecules iter.Seq2[*Molecule, error], ok bool) {
	read, ok := formats[path.Ext(strings.ToLower(name))]
	if !ok {
		return nil, false
	}
	return read(r, name), true
}
