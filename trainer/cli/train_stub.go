//go:build !torch

package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// newTrainCommand stands in for training, which needs libtorch.
func newTrainCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "train",
		Short:              "Train a model (not in this build: make trainer)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this symdiff was built without libtorch; `make trainer` builds one that can train")
		},
	}
}
