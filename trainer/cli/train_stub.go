//go:build !torch

package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// newTrainCommand and newDistillCommand stand in for training, which needs libtorch.
func newTrainCommand() *cobra.Command { return newStub("train", "Train a model") }
func newDistillCommand() *cobra.Command {
	return newStub("distill", "Teach a model what another predicts")
}

func newPosttrainCommand() *cobra.Command {
	return newStub("posttrain", "Train a model against its own samples")
}

func newStub(use, short string) *cobra.Command {
	return &cobra.Command{
		Use:                use,
		Short:              short + " (not in this build: make trainer)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this symdiff was built without libtorch; `make trainer` builds one that can train")
		},
	}
}
