//go:build !js

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/symdiff-go/symdiff/core/f32"
)

// main writes a file of random weights with `weights`; with the name of a weights file it runs the
// lines of standard input, one command each, and answers each with the nanoseconds that it took.
// `info` answers with kernels and operations of a turn of peak.
func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the argument weights, or the name of a weights file")
	}
	if args[0] == "weights" {
		data, err := randomWeights(dit)
		if err == nil {
			_, err = os.Stdout.Write(data)
		}
		return err
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	b := &bench{}
	if err := b.load(data); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "info" {
			fmt.Println(f32.Implementation(), peakFlops)
			continue
		}
		var numbers []int
		for _, w := range words[1:] {
			n, err := strconv.Atoi(w)
			if err != nil {
				return err
			}
			numbers = append(numbers, n)
		}
		start := time.Now()
		if err := b.command(words[0], numbers); err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	return nil
}
