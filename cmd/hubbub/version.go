package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker; see the Makefile.
var version = "dev"

// VersionCmd prints the version.
type VersionCmd struct{}

func (*VersionCmd) run(_ context.Context, std streams) error {
	_, err := fmt.Fprintf(std.out, "hubbub %s (%s, nats-server %s)\n", version, runtime.Version(), moduleVersion("github.com/nats-io/nats-server/v2"))
	return err
}

// moduleVersion gives the version of a module that is built in.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}
