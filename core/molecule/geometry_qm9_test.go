//go:build !js

package molecule

import (
	"os"
	"testing"
)

// The windows hold real molecules.
func TestGeometryOfQM9(t *testing.T) {
	const path = "../../../shared/data/qm9_test.xyz.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("no QM9 here")
	}
	var lengths, angles, rings, badLengths, badAngles, bent, molecules, clashing int
	for m, err := range Open(path) {
		if err != nil {
			t.Fatal(err)
		}
		g := m.Geometry()
		molecules++
		lengths, angles, rings = lengths+len(g.Lengths), angles+len(g.Angles), rings+len(g.Rings)
		for _, l := range g.Lengths {
			if !l.Inside {
				badLengths++
			}
		}
		for _, a := range g.Angles {
			if !a.Inside {
				badAngles++
			}
		}
		for _, r := range g.Rings {
			if !r.Flat() {
				bent++
			}
		}
		if len(g.Clashes) > 0 {
			clashing++
		}
		if molecules == 4000 {
			break
		}
	}
	t.Logf("%d molecules: of %d lengths %d outside, of %d angles %d, of %d aromatic rings %d bent, %d molecules clash",
		molecules, lengths, badLengths, angles, badAngles, rings, bent, clashing)
	if badLengths*1000 > lengths || badAngles*1000 > angles || bent*200 > rings || clashing*50 > molecules ||
		rings < molecules/20 {
		t.Error("real molecules are outside the windows too often")
	}
}
