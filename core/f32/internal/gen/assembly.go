package main

import (
	"bytes"
	"fmt"
)

// splatOffset is the Go mnemonic of the opcode that has the value of an offset:
// the assembler of Go 1.27 writes the opcode of V128Load32Splat without the
// alignment and the offset behind it, so these two bytes are written as the
// instructions that they would be: Nop is 1, and the table starts at 72. The tiles
// are compared with those in Go at the start of every program (see assemblyWorks).
var splatOffset = []string{"I32LtS", "I32LeS", "I64Eqz", "I64LtU", "I64LeU", "F32Ne", "F32Ge", "F64Gt"}

const firstSplat = 72

// assembly returns linear's groups of rows in Go's wasm assembly, one function
// per number of rows:
//
//	func rowsNx2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)
//
// multiplies n rows x, ldx apart, by all whole panels b of a matrix, one after the
// other: (panels, k, 8). c is where the results go, ldc apart; start is what the
// sums start from, 8 values per panel, step apart. Strides are in bytes. The
// accumulators stay in locals, rows are broadcast as they are loaded, and a loop's
// back edge is a branch, where the compiler's is a jump through a table.
func assembly(groupRows, vecs int) []byte {
	const unroll = 8
	var out bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("%s\n\n//go:build goexperiment.simd\n\n#include \"textflag.h\"", generated)
	const multiplyAdd = "\tGet %[1]s\n\tGet %[2]s\n\tGet %[3]s\n\tF32x4Mul\n\tF32x4Add\n\tSet %[1]s"
	load := func(register string, offset int, to string) {
		p("\tGet %s\n\tI32WrapI64\n\tV128Load $%d\n\tSet %s", register, offset, to)
	}
	set := func(to, from string) { p("\tGet %s\n\tSet %s", from, to) }
	advance := func(register, by string) { p("\tGet %s\n\t%s\n\tI64Add\n\tSet %s", register, by, register) }
	constant := func(v int) string { return fmt.Sprintf("I64Const $%d", v) }
	const c, x, b, start, ldc, ldx = "R0", "R1", "R2", "R3", "R4", "R5"
	const step, k, panels, left, row, firstRow = "R6", "R7", "R8", "R9", "R10", 11
	for rows := 1; rows <= groupRows; rows++ {
		acc := func(i, v int) string { return fmt.Sprintf("V%d", i*vecs+v) }
		weight := func(v int) string { return fmt.Sprintf("V%d", rows*vecs+v) }
		value := fmt.Sprintf("V%d", (rows+1)*vecs)
		xRow := func(i int) string { return fmt.Sprintf("R%d", firstRow+i) }
		p("\n// func rows%dx%dAsm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)", rows, vecs)
		p("TEXT ·rows%dx%dAsm(SB), NOSPLIT, $0-72", rows, vecs)
		for i, name := range []string{"c", "x", "b", "start", "ldc", "ldx", "step", "k", "panels"} {
			p("\tI64Load %s+%d(FP)\n\tSet R%d", name, 8*i, i)
		}
		advance(x, constant(-firstSplat))
		p("\tLoop")
		for v := range vecs {
			load(start, 16*v, acc(0, v))
			for i := 1; i < rows; i++ {
				set(acc(i, v), acc(0, v))
			}
		}
		set(xRow(0), x)
		for i := 1; i < rows; i++ {
			p("\tGet %s\n\tGet %s\n\tI64Add\n\tSet %s", xRow(i-1), ldx, xRow(i))
		}
		set(left, k)
		for _, u := range []int{unroll, 1} {
			p("\tBlock\n\tGet %s\n\tI64Const $%d\n\tI64LtS\n\tBrIf $0\n\tLoop", left, u)
			for w := range u {
				for v := range vecs {
					load(b, 16*(w*vecs+v), weight(v))
				}
				for i := range rows {
					p("\tGet %s\n\tI32WrapI64\n\tV128Load32Splat\n\tNop\n\t%s\n\tSet %s", xRow(i), splatOffset[w], value)
					for v := range vecs {
						p(multiplyAdd, acc(i, v), value, weight(v))
					}
				}
			}
			for i := range rows {
				advance(xRow(i), constant(4*u))
			}
			advance(b, constant(16*u*vecs))
			advance(left, constant(-u))
			p("\tGet %s\n\tI64Const $%d\n\tI64GeS\n\tBrIf $0\n\tEnd\n\tEnd", left, u)
		}
		set(row, c)
		for i := range rows {
			for v := range vecs { // the assembler of Go 1.27 drops the offset of V128Store
				p("\tGet %s\n\tI64Const $%d\n\tI64Add\n\tI32WrapI64\n\tGet %s\n\tV128Store $0", row, 16*v, acc(i, v))
			}
			if i < rows-1 {
				advance(row, "Get "+ldc)
			}
		}
		advance(c, constant(16*vecs))
		advance(start, "Get "+step)
		advance(panels, constant(-1))
		p("\tGet %s\n\tI64Const $0\n\tI64GtS\n\tBrIf $0\n\tEnd\n\tRET", panels)
	}
	return out.Bytes()
}
