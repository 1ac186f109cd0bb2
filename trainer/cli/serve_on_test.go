//go:build site

package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/symdiff-go/symdiff/core/weights"
)

// The page in the program is whole: its script names weights that are there and are the shipped
// ones.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, told := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--addr", "localhost:0", "--base", "lab"}, nil, told, io.Discard)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	base := regexp.MustCompile(`http://localhost:\d+/lab/`).FindString(line)
	get := func(name string) string {
		answer, err := http.Get(base + name)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, error %v", name, answer.StatusCode, err)
		}
		return string(body)
	}
	for _, src := range regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllStringSubmatch(get(""), -1) {
		get(src[1])
	}
	name := regexp.MustCompile(`assets/qm9-web-[\w.-]+\.safetensors`).FindString(get("sw.js"))
	if name == "" || sha256.Sum256([]byte(get(name))) != sha256.Sum256(weights.QM9Web()) {
		t.Errorf("the weights of the page (%q) are not those of the program", name)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
}
