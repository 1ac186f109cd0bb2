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
		Long: `Serve the whole site with its model from this program. It needs no other file and no network.
Ctrl-C stops it. --lan serves all devices of the local network over plain http, and prints the
address as text and as a QR code. For visitors from elsewhere put a server with https in front.`,
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
	cmd.Flags().StringVar(&addr, "addr", "localhost:8080",
		"address to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&base, "base", "/", "path to serve under")
	cmd.Flags().BoolVar(&lan, "lan", false, "serve the local network, on port 8080: as --addr :8080")
	cmd.MarkFlagsMutuallyExclusive("addr", "lan")
	return cmd
}
