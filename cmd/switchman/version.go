package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the linker (-X main.release=1.2.3) and by nothing else.
var release = ""

// version names this build: the release, the module's version as the Go toolchain recorded it, or
// "devel" for a build from a working copy. It enters every plan's digest.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func versionCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which build this is",
		Example: "  switchman version\n  switchman version --json",
		RunE: func(*cobra.Command, []string) error {
			answer := map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return sh.show(answer, func(w io.Writer) {
				fmt.Fprintf(w, "switchman %s (%s, %s)\n", answer["version"], answer["go"], answer["platform"])
			})
		},
	}
}
