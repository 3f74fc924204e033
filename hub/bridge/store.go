package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// Store is where logs are kept, for whoever treats all of them as one: an engine with
// the prefix of their names.
type Store struct {
	// Connect opens a connection; it is closed by whoever asked for it.
	Connect func(name string, opts ...nats.Option) (*nats.Conn, error)
	Prefix  string // "hubbub"
}

// ErrNoLog is for a store that has no log.
var ErrNoLog = errors.New("there is no log of a hub here")

// opened is a store with a connection.
type opened struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	prefix string
}

func (s Store) open(name string) (*opened, error) {
	orDefault(&s.Prefix, "hubbub")
	if !prefixForm.MatchString(s.Prefix) {
		return nil, fmt.Errorf("prefix %q: give 1 to 16 lower-case letters and digits, the first a letter", s.Prefix)
	}
	nc, err := s.Connect(name, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	return &opened{nc: nc, js: js, prefix: s.Prefix}, nil
}

// of gives as much of a Log as its record takes.
func (o *opened) of(kind Kind) *Log {
	return &Log{cfg: Config{Of: kind, Prefix: o.prefix}, engine: engine{js: o.js, old: o.nc}}
}

// kinds are those of a store's logs, with the words that an archive has for them.
var kinds = []struct {
	Kind
	log, seals string
}{
	{Rooms, archive.Rooms, archive.RoomSeals},
	{Documents, archive.Documents, archive.DocumentSeals},
}

// found is a log of the store with its record.
type found struct {
	*Log
	rec     *record
	log     string // what an archive calls it
	streams []string
}

// logs finds the logs of the store. That of documents may be missing: there was a time
// before it.
func (o *opened) logs(ctx context.Context) (all []found, err error) {
	for _, k := range kinds {
		l := o.of(k.Kind)
		meta, err := o.js.Stream(ctx, l.cfg.metaStream())
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", l.cfg.metaStream(), err)
		}
		rec, err := l.recall(ctx, meta)
		if err != nil {
			return nil, err
		}
		f := found{Log: l, rec: rec, log: k.log}
		for p := range rec.Partitions {
			f.streams = append(f.streams, l.cfg.stream(p))
		}
		all = append(all, f)
	}
	if len(all) == 0 || all[0].log != archive.Rooms {
		return nil, fmt.Errorf("%w: no stream %s", ErrNoLog, o.of(Rooms).cfg.metaStream())
	}
	return all, nil
}

// home is a stream of the store that an archive has a section for.
type home struct {
	archive.Stream
	name string // of the stream
	base string // what its subjects begin with
}

// at finds where a stream of an archive is in this store.
func (o *opened) at(s archive.Stream) home {
	cfg := o.of(Rooms).cfg
	switch s.Of {
	case archive.Documents, archive.DocumentSeals:
		cfg.Of = Documents
	case archive.Blobs:
		return home{s, cfg.blobStream(), cfg.blobPrefix()}
	}
	if s.Of == archive.RoomSeals || s.Of == archive.DocumentSeals {
		return home{s, cfg.sealStream(), cfg.sealPrefix()}
	}
	return home{s, cfg.stream(s.Partition), cfg.logPrefix(s.Partition)}
}

// state asks a stream's leader how it stands; nil: there is no such stream.
func (o *opened) state(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	s, err := o.js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	return s.CachedInfo(), nil
}
