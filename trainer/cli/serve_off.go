//go:build !site

package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// newServeCommand stands in for serving the page, which needs the page in the program.
func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "serve",
		Short:              "Serve the page from this program (not in this build: make cli-site)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this symdiff was built without the page; `make cli-site` builds one that has it")
		},
	}
}
