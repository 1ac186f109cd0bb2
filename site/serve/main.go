// Command serve is the static server of `make demo`: it serves the built site with the headers that a careful host would set.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
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

// run serves until it fails.
func run(dir, addr, base string) error {
	base = "/" + strings.Trim(base, "/") + "/"
	if base == "//" {
		base = "/"
	}
	site, err := readSite(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("%s: %w (has the site been built? `make site`)", dir, err)
	}
	listener, err := listen(addr)
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	if host == "" {
		host = "localhost"
	}
	port := listener.Addr().(*net.TCPAddr).Port
	fmt.Printf("SymDiff is at http://%s%s (Ctrl-C stops it)\n", net.JoinHostPort(host, fmt.Sprint(port)), base)
	server := &http.Server{Handler: http.StripPrefix(strings.TrimSuffix(base, "/"), site), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// listen explains the one failure that people meet.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: choose another port, such as PORT=8081 with make, or -addr localhost:8081", addr)
	}
	return listener, err
}
