package formula

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symdiff"
)

// The fit has the data's shares of all pairs of numbers, and formulas that no molecule has are not
// in it.
func TestLearnedSharesOfPairs(t *testing.T) {
	data := []encoding.Composition{{Formula: "CH4", Molecules: 40_000}, {Formula: "C2H6", Molecules: 30_000},
		{Formula: "CH4O", Molecules: 20_000}, {Formula: "C2H6O", Molecules: 10_000}, {Formula: "C2H5", Molecules: 7}}
	list, err := Learn(data)
	if err != nil {
		t.Fatal(err)
	}
	carbonWithOxygen, sum := map[[2]int]float64{}, 0
	for _, c := range list {
		atoms, err := molecule.ParseFormula(c.Formula)
		if err != nil || molecule.OddValence(atoms) || molecule.TooFewValences(atoms) {
			t.Errorf("%s: no molecule has it (%v)", c.Formula, err)
		}
		n := map[molecule.Element]int{}
		for _, e := range atoms {
			n[e]++
		}
		carbonWithOxygen[[2]int{n[molecule.C], n[molecule.O]}] += float64(c.Molecules) / total
		sum += c.Molecules
	}
	if math.Abs(float64(sum)-total) > 1e-4*total {
		t.Errorf("the shares add up to %g", float64(sum)/total)
	}
	want := map[[2]int]float64{{1, 0}: 0.4, {2, 0}: 0.3, {1, 1}: 0.2, {2, 1}: 0.1}
	for pair, share := range want {
		if got := carbonWithOxygen[pair]; math.Abs(got-share) > 0.002 {
			t.Errorf("%d C, %d O: share %g, want %g", pair[0], pair[1], got, share)
		}
	}
}

// Learned from 1,000 of QM9's training molecules, the model gives all of them more probability than
// those 1,000 with one count added for each formula of the domain.
func TestLearnedFromFew(t *testing.T) {
	all := symdiff.QM9().Meta.Compositions
	var few []encoding.Composition
	r := rand.New(rand.NewPCG(1, 2))
	whole := 0
	for _, c := range all {
		n := 0
		for range c.Molecules {
			if r.IntN(100) == 0 {
				n++
			}
		}
		whole += c.Molecules
		if n > 0 {
			few = append(few, encoding.Composition{Formula: c.Formula, Molecules: n})
		}
	}
	list, err := Learn(few)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDomain(few)
	if err != nil {
		t.Fatal(err)
	}
	learned, counted := map[string]float64{}, map[string]float64{}
	for _, c := range list {
		learned[c.Formula] = float64(c.Molecules) / total
	}
	for i, n := range d.numbers {
		hill := (&molecule.Molecule{Elements: d.atoms(n)}).Formula()
		counted[hill] = (d.count*d.shares[i] + 1) / (d.count + float64(len(d.numbers)))
	}
	var byModel, byCount, both float64
	for _, c := range all {
		if counted[c.Formula] > 0 { // in the domain of the few
			weight := float64(c.Molecules) / float64(whole)
			byModel -= weight * math.Log(max(learned[c.Formula], 1e-9))
			byCount -= weight * math.Log(counted[c.Formula])
			both += weight
		}
	}
	t.Logf("%.2f %% in the domain, cross entropy %.3f learned, %.3f counted", 100*both, byModel, byCount)
	if both < 0.98 || byModel > byCount-0.2 {
		t.Errorf("cross entropy %g learned, %g counted, with %g of the molecules in the domain", byModel, byCount, both)
	}
}

func TestLearnErrors(t *testing.T) {
	for _, data := range [][]encoding.Composition{
		nil, {{Formula: "Xx2", Molecules: 1}}, {{Formula: "CH3", Molecules: 1}},
	} {
		if list, err := Learn(data); err == nil {
			t.Errorf("%v: no error, and %v", data, list)
		}
	}
	many := encoding.Composition{Formula: "H60C60N60O60F60S60", Molecules: 1}
	if _, err := Learn([]encoding.Composition{many}); err == nil {
		t.Error("a domain of 10⁹ formulas: no error")
	}
}

// Of united atoms each kind is counted, and the valences are those of the atoms with their hydrogens.
func TestLearnedFromUnitedAtoms(t *testing.T) {
	list, err := Learn([]encoding.Composition{{Formula: "[CH3]2", Molecules: 10},
		{Formula: "[CH3][OH]", Molecules: 10}, {Formula: "O[CH3]2", Molecules: 5}, {Formula: "[CH3]", Molecules: 1}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, c := range list {
		found[c.Formula] = c.Molecules
	}
	if found["[CH3]2"] < total/4 || found["O[CH3][OH]"] == 0 {
		t.Errorf("formulas %v, want [CH3]2 often and O[CH3][OH], whose parts the data have, at times", found)
	}
	for _, radical := range []string{"[CH3]", "[OH]", "O[CH3]"} {
		if found[radical] > 0 {
			t.Errorf("%s is in the domain: %v", radical, found)
		}
	}
}
