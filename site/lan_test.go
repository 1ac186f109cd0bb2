package site

import (
	"net"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLocalNetwork(t *testing.T) {
	address := func(text string) net.Addr {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		network.IP = ip
		return network
	}
	var out strings.Builder
	tellLAN(&out, []net.Addr{
		address("127.0.0.1/8"), address("169.254.3.4/16"), address("192.168.1.20/24"), address("10.0.0.5/8"),
		address("fe80::1/64"),
	}, 8080, "/lab")
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if lines[0] != "In the local network: http://192.168.1.20:8080/lab/" ||
		lines[1] != "In the local network: http://10.0.0.5:8080/lab/" {
		t.Errorf("%q", lines[:2])
	}
	code := lines[2:]
	width := utf8.RuneCountInString(code[0])
	if width < 25 || len(code) != (width+1)/2 {
		t.Errorf("a code of %d by %d", width, len(code))
	}
	for _, line := range code {
		if utf8.RuneCountInString(line) != width || !strings.HasPrefix(line, "█") && line != code[len(code)-1] {
			t.Errorf("%q", line)
		}
	}
	out.Reset()
	tellLAN(&out, []net.Addr{address("127.0.0.1/8")}, 8080, "")
	if out.Len() > 0 {
		t.Errorf("without a network: %q", out.String())
	}
}

// Two rows are one line: the upper half of a character is the first.
func TestBlocks(t *testing.T) {
	black := func(x, y int) bool { return x == 0 && y == 0 || x == 1 && y == 1 } // of 2 by 2
	if have, want := blocks(2, black), "██████\n██▄▀██\n██████\n"; have != want {
		t.Errorf("%q, want %q", have, want)
	}
}
