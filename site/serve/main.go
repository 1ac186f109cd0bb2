// Command serve is the static server of `make demo`: it serves a folder with the built site.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/symdiff-go/symdiff/site"
)

func main() {
	dir := flag.String("dir", "build/site", "folder with the built site")
	addr := flag.String("addr", "localhost:8080", "address to listen on; port 0 takes a free one")
	base := flag.String("base", "/", "path to serve under")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "serve: unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*dir, *addr, *base); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(dir, addr, base string) error {
	files, err := site.ReadFolder(dir)
	if err != nil {
		return fmt.Errorf("%s: %w (has the site been built? `make site`)", dir, err)
	}
	return files.Serve(context.Background(), os.Stdout, addr, base)
}
