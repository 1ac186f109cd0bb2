package evaluation

import (
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Revisited is today's protocol for drug-like molecules, on Lewis structures (molecule.Checks): that of
// GEOM-Drugs revisited (arXiv 2505.00169), valencies by element and charge with aromatic bonds
// counted apart, and checks like those of PoseBusters. It stands beside EDM's rule for GEOM.
type Revisited struct {
	StableAtoms     Share  `json:"stable_atoms"`
	StableMolecules Share  `json:"stable_molecules"`
	Connected       Share  `json:"connected"`
	StableConnected Share  `json:"stable_and_connected"`
	Valid           *Share `json:"valid,omitempty"`               // RDKit accepts it
	ValidConnected  *Share `json:"valid_and_connected,omitempty"` // and it is one fragment
	// of PoseBusters
	NoRadicals     Share `json:"no_radicals"`
	BondLengths    Share `json:"bond_lengths"`
	BondAngles     Share `json:"bond_angles"`
	AromaticFlat   Share `json:"aromatic_ring_flatness"`
	DoubleBondFlat Share `json:"double_bond_flatness"`
	NoClash        Share `json:"internal_steric_clash"`
	PoseBusters    Share `json:"posebusters"` // all of these, and connected
	// the same of the reference: what perfect samples of the data would have
	Floor *Revisited `json:"floor,omitempty"`
}

// revisited is what is found of one molecule.
type revisited struct {
	molecule.Checks
	atoms int
	valid bool
}

// revisit judges a molecule by its Lewis structure.
func (r *run) revisit(m *molecule.Molecule) revisited {
	if r.Rule == molecule.QM9Rule {
		return revisited{}
	}
	v := revisited{Checks: m.Checks(m.Charge()), atoms: len(m.Elements)}
	if r.RDKit {
		_, _, err := rdkit.LewisSMILES(m, m.Lewis(m.Charge()))
		v.valid = err == nil
	}
	return v
}

// revisits counts molecules.
type revisits struct {
	atoms                                                           counter
	n, stable, connected, both, valid, validConnected               int
	noRadicals, lengths, angles, aromatic, double, noClash, posebus int
}

func (c *revisits) add(v revisited) {
	c.n++
	c.atoms.add(v.StableAtoms, v.atoms)
	c.stable += one(v.Stable)
	c.connected += one(v.Connected)
	c.both += one(v.Stable && v.Connected)
	c.valid += one(v.valid)
	c.validConnected += one(v.valid && v.Connected)
	c.noRadicals += one(v.NoRadicals)
	c.lengths += one(v.BondLengths)
	c.angles += one(v.BondAngles)
	c.aromatic += one(v.AromaticFlat)
	c.double += one(v.DoubleBondFlat)
	c.noClash += one(v.NoClash)
	c.posebus += one(v.PoseBusters())
}

// shares are the counts as shares; judged tells whether RDKit judged.
func (c *revisits) shares(judged bool) *Revisited {
	of := func(count int) Share { return share(count, c.n) }
	v := &Revisited{StableAtoms: c.atoms.share(), StableMolecules: of(c.stable),
		Connected: of(c.connected), StableConnected: of(c.both), NoRadicals: of(c.noRadicals),
		BondLengths: of(c.lengths), BondAngles: of(c.angles), AromaticFlat: of(c.aromatic),
		DoubleBondFlat: of(c.double), NoClash: of(c.noClash), PoseBusters: of(c.posebus)}
	if judged {
		valid, both := of(c.valid), of(c.validConnected)
		v.Valid, v.ValidConnected = &valid, &both
	}
	return v
}

func (e *Evaluation) revisitedSection() report.Section {
	v, floor := e.Revisited, e.Revisited.Floor
	s := report.Section{Title: "GEOM-Drugs revisited (arXiv 2505.00169) and PoseBusters-like checks",
		Head: shareHead}
	if floor != nil {
		s.Head = append(s.Head[:len(s.Head):len(s.Head)], "the data, %")
	}
	add := func(name string, pick func(*Revisited) *Share) {
		if pick(v) == nil {
			return
		}
		line := row(name, *pick(v))
		if floor != nil {
			data := "-"
			if p := pick(floor); p != nil {
				data = percent(*p)
			}
			line = append(line, data)
		}
		s.Rows = append(s.Rows, line)
	}
	add("stable atoms", func(v *Revisited) *Share { return &v.StableAtoms })
	add("stable molecules", func(v *Revisited) *Share { return &v.StableMolecules })
	add("connected", func(v *Revisited) *Share { return &v.Connected })
	add("stable and connected", func(v *Revisited) *Share { return &v.StableConnected })
	add("valid by RDKit", func(v *Revisited) *Share { return v.Valid })
	add("valid and connected", func(v *Revisited) *Share { return v.ValidConnected })
	add("no radicals", func(v *Revisited) *Share { return &v.NoRadicals })
	add("bond lengths", func(v *Revisited) *Share { return &v.BondLengths })
	add("bond angles", func(v *Revisited) *Share { return &v.BondAngles })
	add("aromatic ring flatness", func(v *Revisited) *Share { return &v.AromaticFlat })
	add("double bond flatness", func(v *Revisited) *Share { return &v.DoubleBondFlat })
	add("no internal steric clash", func(v *Revisited) *Share { return &v.NoClash })
	add("all of PoseBusters' above", func(v *Revisited) *Share { return &v.PoseBusters })
	s.Notes = []string{"Bonds, orders and charges are those of the Lewis structure from distances, for the total charge " +
		"that the file states, else 0. Stable: valences that the table lists by element and charge, aromatic bonds " +
		"counted apart."}
	if floor != nil {
		s.Notes = append(s.Notes, "The data: the same of "+e.Reference+".")
	}
	return s
}
