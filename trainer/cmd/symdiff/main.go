// Command symdiff trains, samples, measures and inspects SymDiff models of
// molecules.
package main

import (
	"os"

	"github.com/symdiff-go/symdiff/trainer/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
