package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// ImportOptions say how an archive is imported.
type ImportOptions struct {
	// Replicas is how many copies there are of each stream; 0: 3 on a cluster, else 1.
	Replicas int
	// Renew begins new epochs even if the log was moved: something may have gone on
	// after the archive was made.
	Renew bool
	// Restart says that the engine is started anew before the logs are used. One that is
	// not does not know the ids of what it has restored, and Import then ends when they
	// are past the dedup window.
	Restart bool
	// Progress hears of each stream that is there; nil: nobody does.
	Progress func(stream string, messages uint64)
}

// ErrNotEmpty is for a place that has a log already, or something of one.
var ErrNotEmpty = errors.New("there is a log already, and an archive is imported into none: name another place, or remove what is there")

// importing is one Import under way.
type importing struct {
	*opened
	opts  ImportOptions
	file  io.ReadSeeker
	index *contents
	made  []string // streams that are there because of this
}

// Import makes of an archive the logs of a store that has none. Sequences stay as they
// were. It reads all of the archive and checks it before it stores anything, and what
// tells where the logs stand comes last: until then there is no log, and if it fails,
// what it made is removed.
func Import(ctx context.Context, s Store, file io.ReadSeeker, opts ImportOptions) (Summary, error) {
	index, err := readContents(file)
	if err != nil {
		return Summary{}, err
	}
	o, err := s.open("hubbub-import")
	if err != nil {
		return Summary{}, err
	}
	defer o.nc.Close()
	i := &importing{opened: o, opts: opts, file: file, index: index}
	if i.opts.Replicas == 0 {
		i.opts.Replicas = 1
		if o.nc.ConnectedClusterName() != "" {
			i.opts.Replicas = 3
		}
	}
	if err := i.empty(ctx); err != nil {
		return Summary{}, err
	}
	if err = i.run(ctx); err != nil {
		return Summary{}, errors.Join(err, i.undo(ctx))
	}
	return Summary{index.head, index.messages, len(index.head.Logs[0].Partitions)}, nil
}

// empty reports an error if anything of what would be made is there.
func (i *importing) empty(ctx context.Context) error {
	names := []string{i.of(Rooms).cfg.metaStream(), i.of(Documents).cfg.metaStream()}
	for s := range i.index.streams {
		names = append(names, i.at(s).name)
	}
	for _, name := range names {
		info, err := i.state(ctx, name)
		if err != nil {
			return err
		}
		if info != nil {
			return fmt.Errorf("stream %s: %w", name, ErrNotEmpty)
		}
	}
	return nil
}

// run stores the streams in two readings: those that have one section, and the others
// one by one.
func (i *importing) run(ctx context.Context) error {
	if err := i.eachSection(ctx, func(c *content) bool { return c.sections == 1 }); err != nil {
		return err
	}
	for s, c := range i.index.streams {
		if c.sections == 1 {
			continue
		}
		if err := i.eachSection(ctx, func(of *content) bool { return of == c }); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	if err := i.outwait(ctx); err != nil {
		return err
	}
	for _, l := range i.index.head.Logs {
		if err := i.finish(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// outwait waits until no id of what was restored need be known any more.
func (i *importing) outwait(ctx context.Context) error {
	if i.opts.Restart {
		return nil
	}
	for _, l := range i.index.head.Logs {
		window := time.Duration(l.DedupMS) * time.Millisecond
		wait(ctx, min(time.Until(i.index.newest.Add(window)), window))
	}
	return ctx.Err()
}

// eachSection stores the streams for which want says so.
func (i *importing) eachSection(ctx context.Context, want func(*content) bool) error {
	var open *upload // the one that goes on in a later section
	idle := func() error {
		if open == nil {
			return nil
		}
		return open.idle()
	}
	return i.index.walk(i.file, idle, func(s archive.Section, c *content, r *archive.Reader, last bool) error {
		if !want(c) {
			return nil
		}
		if c.to == nil {
			up, err := i.begin(ctx, s.Stream(), c)
			if err != nil {
				return err
			}
			c.to = up
		}
		open = c.to
		err := c.to.take(r)
		if err != nil || !last {
			return err
		}
		open = nil
		return i.end(ctx, s.Stream(), c)
	})
}

// begin begins a stream.
func (i *importing) begin(ctx context.Context, s archive.Stream, c *content) (*upload, error) {
	at := i.at(s)
	cfg, err := i.config(s)
	if err != nil {
		return nil, err
	}
	if c.last == 0 {
		if _, err := i.js.CreateStream(ctx, cfg); err != nil {
			return nil, fmt.Errorf("create stream %s: %w", at.name, err)
		}
		i.made = append(i.made, at.name)
		return &upload{}, nil
	}
	up, err := startUpload(ctx, i.nc, cfg, at.base, c)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", at.name, err)
	}
	i.made = append(i.made, at.name)
	return up, nil
}

// config is that of a stream, as the log that is made of it will want it.
func (i *importing) config(s archive.Stream) (jetstream.StreamConfig, error) {
	cfg := Config{Prefix: i.prefix, Replicas: i.opts.Replicas}
	of := archive.Rooms
	switch s.Of {
	case archive.Blobs:
		return cfg.blobConfig(), nil
	case archive.Documents, archive.DocumentSeals:
		cfg.Of, of = Documents, archive.Documents
	}
	if s.Of == archive.RoomSeals || s.Of == archive.DocumentSeals {
		return cfg.sealConfig(), nil
	}
	for _, l := range i.index.head.Logs {
		if l.Of == of {
			cfg.Dedup = time.Duration(l.DedupMS) * time.Millisecond
		}
	}
	if cfg.Dedup < minDedup || cfg.Dedup > maxDedup {
		return jetstream.StreamConfig{}, fmt.Errorf("the archive has a dedup window of %v; %v to %v are possible", cfg.Dedup, minDedup, maxDedup)
	}
	return cfg.logConfig(s.Partition), nil
}

// end ends a stream, and holds what is there against what the archive has.
func (i *importing) end(ctx context.Context, s archive.Stream, c *content) error {
	name := i.at(s).name
	if err := c.to.end(); err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	c.to = nil
	for tries := 0; ; tries++ {
		info, err := i.state(ctx, name)
		if err != nil {
			return err
		}
		if info == nil || info.State.Msgs != c.messages || info.State.LastSeq != c.last {
			return fmt.Errorf("stream %s: %d messages up to %d were given, and it does not have them: %+v", name, c.messages, c.last, info)
		}
		if inSync(info) {
			break
		}
		if tries > importTries || ctx.Err() != nil {
			return fmt.Errorf("stream %s: its replicas did not take it over: %+v", name, info.Cluster)
		}
		wait(ctx, importWait)
	}
	if i.opts.Progress != nil {
		i.opts.Progress(name, c.messages)
	}
	return nil
}

// importTries is how often it is looked, importWait apart, whether the replicas have
// taken over a stream.
const importTries, importWait = 600, 200 * time.Millisecond

func inSync(info *jetstream.StreamInfo) bool {
	if info.Config.Replicas < 2 || info.Cluster == nil {
		return true
	}
	current := 1
	for _, r := range info.Cluster.Replicas {
		if r.Current {
			current++
		}
	}
	return current >= info.Config.Replicas
}

// finish makes what tells where a log stands: from here on there is one.
func (i *importing) finish(ctx context.Context, l archive.Log) error {
	log := i.of(Rooms)
	if l.Of == archive.Documents {
		log = i.of(Documents)
	}
	log.cfg.Replicas = i.opts.Replicas
	rec := &record{Version: recordVersion}
	for p, was := range l.Partitions {
		c := i.index.streams[archive.Stream{Of: l.Of, Partition: p}]
		if c == nil {
			return fmt.Errorf("the archive has nothing of partition %d of %s: %w", p, l.Of, archive.ErrInvalid)
		}
		at := partitionAt{Epoch: was.Epoch, Resets: was.Resets, Mark: c.last, Deleted: c.holes(), First: c.first}
		if !i.index.head.Moved || i.opts.Renew {
			at.Epoch, at.Resets = newEpoch(), at.Resets+1
			at.Reason = time.Now().UTC().Format(time.RFC3339) + " restored from an archive of " + i.index.head.Made.Format(time.RFC3339)
		}
		rec.Partitions = append(rec.Partitions, at)
	}
	if _, err := i.js.CreateStream(ctx, log.cfg.metaConfig()); err != nil {
		return fmt.Errorf("create stream %s: %w", log.cfg.metaStream(), err)
	}
	i.made = append(i.made, log.cfg.metaStream())
	_, err := log.remember(ctx, rec)
	return err
}

// undo removes what was made, what tells of a log first.
func (i *importing) undo(ctx context.Context) (err error) {
	for _, c := range i.index.streams {
		if c.to != nil {
			c.to.abort()
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	for n := range i.made {
		name := i.made[len(i.made)-1-n]
		if derr := i.js.DeleteStream(ctx, name); derr != nil && !errors.Is(derr, jetstream.ErrStreamNotFound) {
			err = errors.Join(err, fmt.Errorf("stream %s could not be removed: %w", name, derr))
		}
	}
	return err
}
