package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// proofDir is where the program is built for tests of the real one.
func proofDir() string { return filepath.Join(os.TempDir(), fmt.Sprint("hubbub-proof-", os.Getpid())) }

func TestMain(m *testing.M) {
	// The hubs with a fault are this very program, so that they can be killed.
	if len(os.Args) > 1 && os.Args[1] == faultyHubCommand {
		os.Exit(faultyHub(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(proofDir())
		os.Exit(status)
	}))
}
