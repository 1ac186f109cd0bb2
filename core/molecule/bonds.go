package molecule

import (
	"math/bits"
	"strconv"
	"strings"
)

// Bond lengths in pm from EDM's qm9/bond_analyze.py, all entries, each pair once: an element, then others
// with the length of their bond. QM9 needs those of H, C, N, O and F. A pair that is not in the first table
// has no bond.
const (
	single = `
H H 74 C 109 N 101 O 96 F 92 B 119 Si 148 P 144 As 152 S 134 Cl 127 Br 141 I 161
C C 154 N 147 O 143 F 135 Si 185 P 184 S 182 Cl 177 Br 194 I 214
N N 145 O 140 F 136 P 177 S 168 Cl 175 Br 214 I 222
O O 148 F 142 Si 163 P 163 S 151 Cl 164 Br 172 I 194
F F 142 Si 160 P 156 S 158 Cl 166 Br 178 I 187
B Cl 175
Si Si 233 S 200 Cl 202 Br 215 I 243
P P 221 S 210 Cl 203 Br 222
S S 204 Cl 207 Br 225 I 234
Cl Cl 199 Br 214
Br Br 228
I I 266`
	double = `
C C 134 N 129 O 120 S 160
N N 125 O 121
O O 121 P 150
P S 186`
	triple = `
C C 120 N 116 O 113
N N 110`
)

// The tolerances in pm that EDM chose for QM9's own molecules to be stable.
const (
	singleMargin = 10
	doubleMargin = 5
	tripleMargin = 3
)

// stableOrders are the sums of bond orders of a stable atom: bit k for k.
var stableOrders = [tableSize]uint8{
	H: 1 << 1, 5: 1 << 3, C: 1 << 4, N: 1 << 3, O: 1 << 2, F: 1 << 1, 13: 1 << 3, 14: 1 << 4, 15: 1<<3 | 1<<5,
	16: 1 << 4, 17: 1 << 1, 33: 1 << 3, 35: 1 << 1, 53: 1 << 1, 80: 1<<1 | 1<<2, 83: 1<<3 | 1<<5,
}

// OddValence tells whether the valences of the elements sum to an odd number. A
// bond adds twice its order to the sum of all bond orders, so no molecule of these
// atoms is stable. An element with even and odd valences settles nothing.
func OddValence(elements []Element) bool {
	odd := 0
	for _, e := range elements {
		if int(e) >= tableSize {
			return false
		}
		switch orders := stableOrders[e]; {
		case orders&0b10101010 == 0: // even ones only, or none
		case orders&0b01010101 == 0:
			odd++
		default:
			return false
		}
	}
	return odd%2 == 1
}

// TooFewValences tells whether the largest valences of n elements sum to less than 2 (n - 1). A
// connected molecule has n - 1 bonds or more, so these atoms make none without an atom that is not
// stable. An element without a valence settles nothing.
func TooFewValences(elements []Element) bool {
	sum := 0
	for _, e := range elements {
		if int(e) >= tableSize || stableOrders[e] == 0 {
			return false
		}
		sum += bits.Len8(stableOrders[e]) - 1
	}
	return sum < 2*(len(elements)-1)
}

// longestBond is in Å, above all of the tables and their tolerance.
const longestBond = 2.8

const tableSize = 84 // up to bismuth

// pair holds the distances in pm below which a bond of order 1, 2, 3 begins; 0
// where there is none.
type pair [3]float64

var pairs = bondLengths()

func bondLengths() (pairs [tableSize][tableSize]pair) {
	for order, table := range []string{single, double, triple} {
		margin := [...]int{singleMargin, doubleMargin, tripleMargin}[order]
		for line := range strings.Lines(table[1:]) {
			row := strings.Fields(line)
			i, _ := ParseElement(row[0])
			for k := 1; k < len(row); k += 2 {
				j, _ := ParseElement(row[k])
				length, _ := strconv.Atoi(row[k+1])
				pairs[i][j][order] = float64(length + margin)
				pairs[j][i][order] = float64(length + margin)
			}
		}
	}
	return pairs
}

// BondOrder is the order of the bond between elements a and b at distance d in
// Å, 0 for none. With 100·d in pm, strictly: d < B1+10 is a single bond, of
// these d < B2+5 a double and of these d < B3+3 a triple one, where the tables
// B1, B2, B3 have the pair.
//
// Source: EDM, qm9/bond_analyze.py, get_bond_order.
func BondOrder(a, b Element, d float64) int {
	if a >= tableSize || b >= tableSize {
		return 0
	}
	p, pm := &pairs[a][b], 100*d
	switch {
	case !(pm < p[0]):
		return 0
	case !(pm < p[1]):
		return 1
	case !(pm < p[2]):
		return 2
	}
	return 3
}
