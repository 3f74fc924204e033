//go:build !linux

package main

import (
	"context"
	"errors"
)

// errLinux is what every bench command says elsewhere.
var errLinux = errors.New("bench measures through epoll and /proc, which only Linux has; run it there, and point it at a hub elsewhere with --url")

func (*BenchFanoutCmd) run(context.Context, streams) error  { return errLinux }
func (*BenchRoomsCmd) run(context.Context, streams) error   { return errLinux }
func (*BenchIdleCmd) run(context.Context, streams) error    { return errLinux }
func (*BenchAckCmd) run(context.Context, streams) error     { return errLinux }
func (*BenchHistoryCmd) run(context.Context, streams) error { return errLinux }
func (*BenchResumeCmd) run(context.Context, streams) error  { return errLinux }
func (*BenchSlowCmd) run(context.Context, streams) error    { return errLinux }
func (*BenchChurnCmd) run(context.Context, streams) error   { return errLinux }
func (*BenchCompareCmd) run(context.Context, streams) error { return errLinux }
func (*BenchFloorCmd) run(context.Context, streams) error   { return errLinux }
