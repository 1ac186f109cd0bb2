// Package molecule holds molecules as atoms in space. It measures them as the field
// does (bonds from distances, stability, validity, uniqueness), and reads and writes
// XYZ, SDF and PDB.
//
// Positions are in Å; row i belongs to atom i. Atoms count from 0, in files and in
// messages about files from 1. Hydrogens are explicit, but in the united atoms of some
// models, which get them by [Molecule.AddHydrogens]. Bonds are never stored. They
// follow from elements and distances, so that generated molecules and those of files
// are judged alike. There are two rules: the table of EDM ([BondOrder]), which
// published measures use, and a Lewis structure ([Molecule.Lewis]), which files get
// and which holds for drug-like molecules and ions.
//
// Sources: Hoogeboom et al. 2022 (EDM, arXiv 2203.17003), qm9/bond_analyze.py
// and qm9/rdkit_functions.py of its code.
package molecule

import (
	"errors"
	"strconv"
	"strings"
)

// Element is an atomic number; 0 is no element.
type Element uint8

// The elements of QM9.
const (
	H Element = 1
	C Element = 6
	N Element = 7
	O Element = 8
	F Element = 9
)

var symbols = strings.Fields(`
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og`)

// elements maps one or two letters, the first a capital, the second not.
var elements = func() map[[2]byte]Element {
	m := make(map[[2]byte]Element, len(symbols))
	for i, s := range symbols {
		var key [2]byte
		copy(key[:], s)
		m[key] = Element(i + 1)
	}
	return m
}()

// Symbol is the element's symbol; "X" for no element. A united atom has that of SMILES, [CH3].
func (e Element) Symbol() string {
	if _, n := e.Split(); n > 0 {
		return e.unitedSymbol()
	}
	if e == 0 || int(e) > len(symbols) {
		return "X"
	}
	return symbols[e-1]
}

// String is the symbol.
func (e Element) String() string { return e.Symbol() }

// ParseElement reads a symbol in any case.
func ParseElement(symbol string) (Element, bool) { return parseElement([]byte(symbol)) }

func parseElement(symbol []byte) (Element, bool) {
	if len(symbol) == 0 || len(symbol) > 2 {
		return 0, false
	}
	key := [2]byte{symbol[0] &^ 0x20}
	if len(symbol) == 2 {
		key[1] = symbol[1] | 0x20
	}
	e, ok := elements[key]
	return e, ok
}

// maxFormula bounds the atoms of a formula that ParseFormula reads.
const maxFormula = 1 << 16

// ParseFormula reads a formula such as C2H6O, or one of united atoms such as [CH3]2O: the element of
// every atom, in the order of the text.
func ParseFormula(text string) ([]Element, error) {
	var atoms []Element
	for rest := text; rest != ""; {
		length := 1
		if bracket := strings.IndexByte(rest, ']'); rest[0] == '[' && bracket > 0 {
			length = bracket + 1
		} else if len(rest) > 1 && rest[1] >= 'a' && rest[1] <= 'z' {
			length = 2
		}
		e, ok := ParseUnited(rest[:length])
		if !ok || rest[0] != '[' && (rest[0] < 'A' || rest[0] > 'Z') {
			return nil, errors.New("formula " + strconv.Quote(text) + ": no element at " +
				strconv.Quote(rest) + ", want a formula such as C2H6O")
		}
		rest = rest[length:]
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		n := 1
		if digits > 0 {
			var err error
			if n, err = strconv.Atoi(rest[:digits]); err != nil || n < 1 || len(atoms)+n > maxFormula {
				return nil, errors.New("formula " + strconv.Quote(text) + ": " + rest[:digits] +
					" atoms, want 1 to 65536")
			}
		}
		for range n {
			atoms = append(atoms, e)
		}
		rest = rest[digits:]
	}
	if len(atoms) == 0 {
		return nil, errors.New("formula: empty")
	}
	return atoms, nil
}
