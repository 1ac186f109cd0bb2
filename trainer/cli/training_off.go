//go:build !torch

package cli

const trainingBuilt = false
