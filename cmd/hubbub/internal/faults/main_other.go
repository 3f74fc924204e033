//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "faults: this stops, cuts and starves processes in ways that only Linux has")
	os.Exit(1)
}
