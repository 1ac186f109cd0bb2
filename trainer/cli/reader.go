package cli

import (
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// newReader is the reader of a command. It reports on standard error what it skips and what
// it doubts; with the flag --strict a record that is at fault is an error.
func newReader(cmd *cobra.Command, options ...source.Options) *dataset.Reader {
	r := &dataset.Reader{Context: cmd.Context(), Source: source.Options{Conformers: 1}}
	for _, o := range options {
		r.Source = o
	}
	r.Strict, _ = cmd.Flags().GetBool("strict")
	w := cmd.ErrOrStderr()
	clear := ""
	if isTerminal(w) {
		clear = "\r\x1b[K" // a line of progress may be there
	}
	var lock sync.Mutex
	r.Note = func(text string) {
		lock.Lock()
		defer lock.Unlock()
		fmt.Fprintf(w, "%s%s\n", clear, text)
	}
	return r
}
