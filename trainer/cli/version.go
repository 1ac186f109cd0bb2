package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/trainer/notice"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// Set by the Makefile's -ldflags -X from git, so that two clones give one binary; empty otherwise.
var release, revision string

// version is what `symdiff version` prints.
type version struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the version control
	Modified bool   `json:"modified,omitempty"` // built from a changed tree
	Time     string `json:"time,omitempty"`     // of the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SIMD     bool   `json:"simd"`            // GOEXPERIMENT=simd
	Kernels  string `json:"kernels"`         // which implementation runs on this CPU
	Training bool   `json:"training"`        // built with libtorch
	RDKit    string `json:"rdkit,omitempty"` // its version, where it was built with it
}

func currentVersion() version {
	v := version{
		Module: "symdiff", Version: cmp.Or(release, "(devel)"), Revision: revision, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SIMD:     simdBuilt, Kernels: f32.Implementation(), Training: trainingBuilt, RDKit: rdkit.Version(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if release != "" {
		v.Modified = strings.HasSuffix(release, "-dirty")
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		case "vcs.time":
			v.Time = s.Value
		}
	}
	return v
}

func newVersionCommand() *cobra.Command {
	var asJSON, licences bool
	cmd := &cobra.Command{
		Use:   "version [--json | --licences]",
		Short: "Show what was built: version, Go, SIMD, training, RDKit",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if licences {
				_, err := io.WriteString(cmd.OutOrStdout(), notice.Notice)
				return err
			}
			v := currentVersion()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), v)
			}
			revision := ""
			if v.Revision != "" {
				revision = " (" + v.Revision
				if v.Modified {
					revision += ", modified"
				}
				revision += ")"
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(),
				"%s %s%s\n%s %s\nGOEXPERIMENT=simd: %s, kernels: %s\ntraining: %s\nRDKit: %s\n",
				v.Module, v.Version, revision, v.Go, v.Platform, yesNo(v.SIMD), v.Kernels, yesNo(v.Training), cmp.Or(v.RDKit, "no"))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&licences, "licences", false,
		"print the licences of all that this program contains")
	cmd.MarkFlagsMutuallyExclusive("json", "licences")
	return cmd
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
