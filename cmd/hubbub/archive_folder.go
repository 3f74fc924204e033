package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

const (
	// storeFolder is where the engine keeps its streams in a data folder.
	storeFolder = "jetstream"
	// importingFolder is where they are while they are imported.
	importingFolder = "importing"
)

// importFolder imports into a data folder that has no log; the hub's keys may be there.
// The streams are made beside where they belong and without a sync for each message, and
// take their place when all of them are on the disk.
func importFolder(ctx context.Context, data string, file io.ReadSeeker, opts bridge.ImportOptions, log zerolog.Logger) (sum bridge.Summary, err error) {
	for _, name := range []string{engineFile, docsFile, storeFolder} {
		if exists(filepath.Join(data, name)) {
			return sum, fmt.Errorf("--data %s: %s is there: %w", data, name, bridge.ErrNotEmpty)
		}
	}
	if err := new(engineFlags).checkFolder(data); err != nil {
		return sum, err
	}
	if opts.Replicas > 1 {
		return sum, fmt.Errorf("--replicas %d: a data folder has one copy; give --nats URL of a cluster, or leave it out", opts.Replicas)
	}
	work := filepath.Join(data, importingFolder)
	if err := os.RemoveAll(work); err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	server, err := embedded.Start(ctx, embedded.Options{Dir: work, Logger: engineLog{log}})
	if err != nil {
		return sum, err
	}
	opts.Restart = true
	sum, err = bridge.Import(ctx, bridge.Store{Connect: server.Connect}, file, opts)
	if err = errors.Join(err, server.Shutdown()); err != nil {
		return sum, err
	}
	return sum, adopt(data, work, sum)
}

// adopt puts the imported streams in their place, and says last that there is a log.
func adopt(data, work string, sum bridge.Summary) error {
	from := filepath.Join(work, storeFolder)
	if err := filepath.WalkDir(from, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, syncFile(name))
	}); err != nil {
		return err
	}
	if err := os.Rename(from, filepath.Join(data, storeFolder)); err != nil {
		return err
	}
	if err := markFile(filepath.Join(data, engineFile)); err != nil {
		return err
	}
	if len(sum.Head.Logs) > 1 {
		if err := markFile(filepath.Join(data, docsFile)); err != nil {
			return err
		}
	}
	return syncFile(data)
}
