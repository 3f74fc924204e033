package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// placeFlags say where a log is that no hub of this process serves.
type placeFlags struct {
	Data string    `help:"Data folder; no hub may be using it." placeholder:"DIR"`
	NATS natsFlags `embed:""`
}

// check holds that one place is named.
func (f *placeFlags) check() error {
	switch {
	case f.Data == "" && !f.NATS.given():
		return errors.New("where? Give --data DIR, a data folder, or --nats URL, a cluster")
	case f.Data != "" && f.NATS.given():
		return errors.New("--data and --nats are both given: give one")
	case f.NATS.given():
		return f.NATS.check()
	}
	return nil
}

// open reaches the log. close lets go of it.
func (f *placeFlags) open(ctx context.Context, log zerolog.Logger) (store bridge.Store, done func() error, err error) {
	if err := f.check(); err != nil {
		return store, nil, err
	}
	if f.NATS.given() {
		c, _, err := f.NATS.dial(ctx, log)
		if err != nil {
			return store, nil, err
		}
		return bridge.Store{Connect: c.Connect, Prefix: f.NATS.Prefix}, c.Shutdown, nil
	}
	if !exists(filepath.Join(f.Data, engineFile)) {
		return store, nil, fmt.Errorf("--data %s: is no data folder with a log; name the folder that hubbub serve prints on its first line", f.Data)
	}
	server, err := embedded.Start(ctx, embedded.Options{Dir: f.Data, SyncAlways: true, Stage: embedded.MemoryFolder(), Logger: engineLog{log}})
	if err != nil {
		return store, nil, err
	}
	tellCutOff(server, log)
	return bridge.Store{Connect: server.Connect}, server.Shutdown, nil
}

// ExportCmd writes all of a log to a file.
type ExportCmd struct {
	File  string     `arg:"" help:"File to write, or - for the standard output."`
	Move  bool       `help:"End the log here: where the file is imported, clients resume as if nothing had happened. No hub may be using it."`
	Skip  bool       `name:"skip-damaged" help:"Leave out what cannot be read, and tell of it."`
	Place placeFlags `embed:""`
}

func (c *ExportCmd) run(ctx context.Context, std streams) (err error) {
	store, done, err := c.Place.open(ctx, quiet(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	opts := bridge.ExportOptions{By: "hubbub " + version, Move: c.Move}
	if c.Skip {
		opts.Fault = func(err error) { _, _ = fmt.Fprintln(std.err, "hubbub: "+err.Error()) }
	}
	return writeArchive(c.File, std, func(w io.Writer) error {
		_, err := bridge.Export(ctx, store, w, opts)
		return err
	})
}

// quiet is a logger that tells of what is wrong alone.
func quiet(std streams) zerolog.Logger {
	return loggingFlags{LogLevel: "warn", LogFormat: "text"}.logger(std.err)
}

// ImportCmd makes a log of what was exported.
type ImportCmd struct {
	File     string     `arg:"" help:"File that hubbub export has written, or - for the standard input."`
	Replicas int        `help:"Copies of each stream on a cluster; 0: 3, or 1 on a single server." default:"0" placeholder:"N"`
	Place    placeFlags `embed:""`
}

func (c *ImportCmd) run(ctx context.Context, std streams) error {
	return importFile(ctx, std, c.File, &c.Place, bridge.ImportOptions{Replicas: c.Replicas})
}

// RestoreCmd makes a log of a backup.
type RestoreCmd struct {
	File     string     `arg:"" help:"File that hubbub backup has written, or - for the standard input."`
	Replicas int        `help:"Copies of each stream on a cluster; 0: 3, or 1 on a single server." default:"0" placeholder:"N"`
	Place    placeFlags `embed:""`
}

func (c *RestoreCmd) run(ctx context.Context, std streams) error {
	return importFile(ctx, std, c.File, &c.Place, bridge.ImportOptions{Replicas: c.Replicas, Renew: true})
}

// importFile imports a file to where there is no log yet.
func importFile(ctx context.Context, std streams, name string, to *placeFlags, opts bridge.ImportOptions) (err error) {
	if err := to.check(); err != nil {
		return err
	}
	file, done, err := readArchive(name, std.in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	opts.Progress = func(stream string, n uint64) {
		_, _ = fmt.Fprintf(std.err, "%-24s %d messages\n", stream, n)
	}
	var sum bridge.Summary
	if to.NATS.given() {
		c, _, derr := to.NATS.dial(ctx, quiet(std))
		if derr != nil {
			return derr
		}
		sum, err = bridge.Import(ctx, bridge.Store{Connect: c.Connect, Prefix: to.NATS.Prefix}, file, opts)
		err = errors.Join(err, c.Shutdown())
	} else {
		sum, err = importFolder(ctx, to.Data, file, opts, quiet(std))
	}
	if err != nil {
		return err
	}
	how := "clients are told to load their rooms again"
	if sum.Head.Moved && !opts.Renew {
		how = "clients resume where they were"
	}
	_, err = fmt.Fprintf(std.out, "imported %d messages as they were at %s; %s\n", sum.Messages, sum.Head.Made.Format(time.RFC3339), how)
	return err
}

// readArchive opens a file, or keeps what comes by the standard input in one.
func readArchive(name string, in io.Reader) (*os.File, func() error, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		return f, f.Close, nil
	}
	f, err := os.CreateTemp("", "hubbub-archive-*")
	if err != nil {
		return nil, nil, err
	}
	done := func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	if _, err := io.Copy(f, in); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return f, done, nil
}

// writeArchive has a file written, and names it so when it is whole and on the disk: an
// archive that was read again is there, or the file of before.
func writeArchive(name string, std streams, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(std.out)
	}
	part := name + ".partial"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	var sum bridge.Summary
	err = errors.Join(write(f), f.Sync())
	if err == nil {
		sum, err = bridge.Inspect(f)
	}
	size, _ := f.Seek(0, io.SeekEnd)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(part, name); err != nil {
		return err
	}
	if err = syncFile(filepath.Dir(name)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s: %d messages in %d bytes, read again and whole\n", name, sum.Messages, size)
	return err
}

// syncFile puts a file, or the names in a folder, on the disk.
func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
