//go:build js

package main

import (
	"encoding/binary"
	"math"
	"syscall/js"

	"github.com/symdiff-go/symdiff/core/f32"
)

// main defines symdiffBench and waits for calls:
//
//	load(weights Uint8Array)          -> error text, or ""
//	input(), output()                 -> Uint8Array: z and eps of the last prepare and run
//	command(word, numbers...)         -> error text, or ""
//	implementation                    the kernels' name
//	flops                             operations of one turn of peak
func main() {
	b := &bench{}
	text := func(err error) any {
		if err != nil {
			return err.Error()
		}
		return ""
	}
	floats := func(v []float32) js.Value {
		data := make([]byte, 0, 4*len(v))
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		a := js.Global().Get("Uint8Array").New(len(data))
		js.CopyBytesToJS(a, data)
		return a
	}
	js.Global().Set("symdiffBench", map[string]any{
		"load": js.FuncOf(func(_ js.Value, args []js.Value) any {
			data := make([]byte, args[0].Length())
			js.CopyBytesToGo(data, args[0])
			return text(b.load(data))
		}),
		"input":  js.FuncOf(func(js.Value, []js.Value) any { return floats(b.z) }),
		"output": js.FuncOf(func(js.Value, []js.Value) any { return floats(b.eps) }),
		"command": js.FuncOf(func(_ js.Value, args []js.Value) any {
			var numbers []int
			for _, a := range args[1:] {
				numbers = append(numbers, a.Int())
			}
			return text(b.command(args[0].String(), numbers))
		}),
		"implementation": f32.Implementation(),
		"flops":          peakFlops,
	})
	select {}
}
