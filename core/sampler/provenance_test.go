package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// The rule of the model's data set judges a molecule: methanethiol, of which QM9's rule knows no
// sulfur, is stable and valid for a model of GEOM-Drugs.
func TestResultIsJudgedByTheRuleOfTheModel(t *testing.T) {
	thiol := &molecule.Molecule{
		Elements:  []molecule.Element{6, 16, 1, 1, 1, 1},
		Positions: [][3]float64{{}, {1.82, 0, 0}, {1.97, 1.33, 0}},
	}
	for k := range 3 {
		sin, cos := math.Sincos(math.Pi * float64(2*k+1) / 3)
		thiol.Positions = append(thiol.Positions, [3]float64{-0.36, 1.03 * cos, 1.03 * sin})
	}
	meta := encoding.QM9()
	meta.Elements = []string{"H", "C", "N", "O", "F", "S", "Cl"}
	idle := symmetrise.Func(meta.Features(), func(_, _ []float32, _ float32) {})
	net := symmetrise.New(idle, symmetrise.None())
	s, err := New(net, meta, Options{From: []*molecule.Molecule{thiol}, TStart: 1, Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := meta.Rows(thiol)
	if err != nil {
		t.Fatal(err)
	}
	copy(s.z, rows)
	want := " formula=CH4S stable=true valid=true connected=true "
	if got := keys(s.Result(0).Properties); !strings.Contains(got, want) {
		t.Errorf("properties%s, want%s", got, want)
	}
	if ok, _ := thiol.Valid(); ok {
		t.Error("QM9's rule judges sulfur, so the test shows nothing")
	}
}
