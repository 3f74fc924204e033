// Command hubbub is the hub, and the tools around it: serve, token, send, tail, trace,
// export, import, backup, restore, doctor, bench, version.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are the standard streams of the process, or of a test.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exitError ends the program with a status of its own and nothing more to say.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run is the whole program: it gives the exit status.
func run(ctx context.Context, args, environ []string, std streams) int {
	cmd, err := parse(args, environ, std)
	if err == nil && cmd != nil {
		err = cmd.run(ctx, std)
	}
	if status, ok := errors.AsType[exitError](err); ok {
		return int(status)
	}
	if err != nil {
		_, _ = fmt.Fprintln(std.err, "hubbub: "+err.Error())
		return 1
	}
	return 0
}
