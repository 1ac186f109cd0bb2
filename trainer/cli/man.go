package cli

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newManCommand writes the manual pages, which cobra makes of the commands' help.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages, symdiff.1 and one for each command, into a folder",
		Long:    `Write the manual pages into a folder. The folder is created if it does not exist.`,
		Example: `  symdiff man ~/.local/share/man/man1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return named(args[0], err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the day of the build is nobody's business
			return doc.GenManTree(root,
				&doc.GenManHeader{Title: "SYMDIFF", Section: "1", Source: "SymDiff"}, args[0])
		},
	}
}
