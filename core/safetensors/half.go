package safetensors

import "math"

// fromF16 widens an IEEE 754 binary16: exact.
func fromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	rest := uint32(h & 0x7FFF)
	switch {
	case rest >= 0x7C00: // infinity, NaN
		return math.Float32frombits(sign | 0xFF<<23 | rest<<13&(1<<23-1))
	case rest >= 0x0400: // normal: the exponent's bias grows from 15 to 127
		return math.Float32frombits(sign | (rest<<13 + (127-15)<<23))
	default: // zero, subnormal: rest times 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(rest)*0x1p-24))
	}
}

// toF16 rounds to the nearest binary16, ties to even. ok is false for what has
// no finite one: |x| >= 65520 and NaN.
func toF16(x float32) (h uint16, ok bool) {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	rest := bits & (1<<31 - 1)
	switch {
	case rest >= 0x477FF000: // 65520 and beyond round to infinity
		return 0, false
	case rest < 0x38800000: // below 2^-14: a multiple of 2^-24
		// Adding 0.5 leaves 24 bits for the sum, whose last one then stands
		// for 2^-24: the addition itself rounds to nearest even.
		sum := math.Float32frombits(rest) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5)), true
	default:
		rest -= (127 - 15) << 23
		return sign | uint16((rest+0xFFF+rest>>13&1)>>13), true
	}
}

// toBF16 rounds to the nearest bfloat16, ties to even. ok is false for what has
// no finite one.
func toBF16(x float32) (b uint16, ok bool) {
	bits := math.Float32bits(x)
	if bits&(1<<31-1) >= 0x7F7F8000 { // rounds to infinity, is it, or is NaN
		return 0, false
	}
	return uint16((bits + 0x7FFF + bits>>16&1) >> 16), true
}
