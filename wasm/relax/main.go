// Command relax mends a WebAssembly module that was built with the tag relaxed:
//
//	relax FILE.wasm
//
// The assembler of Go 1.27 writes f32x4.relaxed_madd, which is FD 85 02, as
// FD 85 01 02. This command writes FD 85 02 and a nop (01) in the same four bytes.
// It goes when the assembler is right.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: relax FILE.wasm")
		os.Exit(2)
	}
	if err := relax(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "relax:", err)
		os.Exit(1)
	}
}

func relax(path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if mend(module) == 0 {
		return fmt.Errorf("%s: no multiply-adds to mend: not built with the tag relaxed, or by an assembler that is right", path)
	}
	return os.WriteFile(path, module, 0o777)
}

// mend changes the instructions in place and returns their number. It looks for
// them as core/f32 has them, between three reads of locals and one write, so that
// nothing else is taken for one.
func mend(module []byte) (n int) {
	const get, set, tee = 0x20, 0x21, 0x22
	for i := 6; i+5 < len(module); i++ {
		before, op, after := module[i-6:i], module[i:i+4], module[i+4]
		if string(op) == "\xfd\x85\x01\x02" && (before[0] == get || before[0] == tee) && before[2] == get && before[4] == get && (after == set || after == tee) {
			copy(op, "\xfd\x85\x02\x01")
			n++
		}
	}
	return n
}
