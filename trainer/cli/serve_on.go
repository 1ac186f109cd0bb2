//go:build site

package cli

import (
	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/site"
)

// newServeCommand serves the page that was built into this program.
func newServeCommand() *cobra.Command {
	var addr, base string
	var lan bool
	cmd := &cobra.Command{
		Use:   "serve [--addr HOST:PORT | --lan] [--base PATH]",
		Short: "Serve the page from this program, without network",
		Long: `Serves the whole site, model included, from this program: no other file and no network
is needed. Ctrl-C stops it. --lan serves all devices of the local network, over plain http, and
tells its address there as text and as a QR code. Where it is reached from elsewhere put a server
with https before it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lan {
				addr = ":8080"
			}
			files, err := site.Embedded()
			if err != nil {
				return err
			}
			return files.Serve(cmd.Context(), cmd.OutOrStdout(), addr, base)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "localhost:8080", "address to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&base, "base", "/", "path to serve under")
	cmd.Flags().BoolVar(&lan, "lan", false, "serve the local network, on port 8080: as --addr :8080")
	cmd.MarkFlagsMutuallyExclusive("addr", "lan")
	return cmd
}
