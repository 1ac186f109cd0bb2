package site

import (
	"fmt"
	"io"
	"net"
	"strings"

	"rsc.io/qr"
)

// tellLAN prints where other devices of the local network find a server that listens on all
// addresses: a line for each address of this machine, and a QR code of the first for a phone.
func tellLAN(out io.Writer, addresses []net.Addr, port int, base string) {
	first := ""
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || !network.IP.IsGlobalUnicast() || network.IP.To4() == nil {
			continue
		}
		url := fmt.Sprintf("http://%s%s/", net.JoinHostPort(network.IP.String(), fmt.Sprint(port)), base)
		fmt.Fprintf(out, "In the local network: %s\n", url)
		if first == "" {
			first = url
		}
	}
	if first == "" {
		return
	}
	code, err := qr.Encode(first, qr.L)
	if err != nil {
		return // the address is there in letters
	}
	io.WriteString(out, blocks(code.Size, code.Black))
}

// blocks draws a QR code, two rows in a line of text, with the light border that readers want.
// Light is ink, for terminals are dark.
func blocks(size int, black func(x, y int) bool) string {
	const border = 2
	var b strings.Builder
	for y := -border; y < size+border; y += 2 {
		for x := -border; x < size+border; x++ {
			b.WriteString([]string{" ", "▄", "▀", "█"}[bit(!black(x, y))<<1|bit(y+1 < size+border &&
				!black(x, y+1))])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
