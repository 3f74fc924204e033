package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// smallDisk is how much a small disk holds. An empty store takes some of it: the
// server makes room for its indexes.
const smallDisk = 192 << 20

// smallDisks gives the first n servers a file system of their own.
func smallDisks(n int) func(*cluster) (func() error, error) {
	return func(c *cluster) (func() error, error) {
		var made []string
		undo := func() error {
			var errs []error
			for _, dir := range made {
				errs = append(errs, syscall.Unmount(dir, syscall.MNT_DETACH))
			}
			return errors.Join(errs...)
		}
		for i := range n {
			dir := c.store(i)
			if err := syscall.Mount("faults", dir, "tmpfs", 0, fmt.Sprint("size=", smallDisk)); err != nil {
				return nil, errors.Join(fmt.Errorf("mount a small disk at %s: %w", dir, err), undo())
			}
			made = append(made, dir)
		}
		return undo, nil
	}
}

// fullDisks fills the small disks, keeps them full for a while, and frees them. A
// server that has given up its storage by then is started anew, as the runbook has it.
func fullDisks(n int) func(context.Context, *drill) error {
	return func(ctx context.Context, d *drill) error {
		for i := range n {
			if err := fill(d.store(i)); err != nil {
				return err
			}
		}
		pass(ctx, d.some(d.long()/3, d.long()))
		for i := range n {
			if err := os.Remove(filler(d.store(i))); err != nil {
				return err
			}
		}
		if d.await(ctx, 5*time.Second, d.all()...) == nil {
			return nil
		}
		for i := range n {
			d.nodes[i].end(syscall.SIGTERM, 10*time.Second)
			if err := d.restart(ctx, d.nodes[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func filler(dir string) string { return filepath.Join(dir, "filler") }

// fill writes until there is no more room.
func fill(dir string) error {
	f, err := os.Create(filler(dir))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, step := range []int{1 << 20, 4096, 1} {
		for piece := make([]byte, step); err == nil; {
			_, err = f.Write(piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		err = nil
	}
	return nil
}

// flipBit flips a bit in one of the blocks of messages under a folder.
func flipBit(dir string, rng *rand.Rand) error {
	var blocks []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".blk" || !strings.Contains(path, "/streams/HUBBUB_LOG_") {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 0 {
			blocks = append(blocks, path)
		}
		return err
	})
	if err != nil || len(blocks) == 0 {
		return fmt.Errorf("no block of messages to damage under %s: %w", dir, err)
	}
	f, err := os.OpenFile(blocks[rng.IntN(len(blocks))], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	at, one := rng.Int64N(end), make([]byte, 1)
	if _, err := f.ReadAt(one, at); err != nil {
		return err
	}
	one[0] ^= 1 << rng.IntN(8)
	_, err = f.WriteAt(one, at)
	return errors.Join(err, f.Sync())
}
