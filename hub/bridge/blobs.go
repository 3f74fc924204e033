package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// blobChunk is the size of a blob's messages; each costs a sync.
	blobChunk = 512 << 10
	// blobWindow is how many of them are under way at once.
	blobWindow = 8
	// blobTime bounds what is done with a blob by somebody who sets no bound.
	blobTime = 5 * time.Minute
	// blobTidy bounds the removal of what a Put has left that failed.
	blobTidy = 5 * time.Second
)

// Blobs is a hub.Blobs in JetStream's object store: what is put is there once its
// description is, which comes last.
type Blobs struct {
	log    *Log
	nc     *nats.Conn // its own, since blobs would stand before everything else
	js     jetstream.JetStream
	store  jetstream.ObjectStore
	bucket string
	stream string
}

var _ hub.Blobs = (*Blobs)(nil)

// Blobs gives what is kept beside a log of documents, and is nil for one of rooms.
// It is closed with the log.
func (l *Log) Blobs() *Blobs { return l.blobs }

// openBlobs opens the bucket, or creates it with the log.
func (l *Log) openBlobs(ctx context.Context, create bool) (err error) {
	if l.blobs == nil {
		b := &Blobs{log: l, bucket: l.cfg.bucket(), stream: l.cfg.blobStream()}
		if b.nc, err = l.cfg.Connect("hubbub-blobs", l.lasting()...); err != nil {
			return err
		}
		l.blobs = b // closed with the rest from now on
	}
	b := l.blobs
	if b.js, err = jetstream.New(b.nc); err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	b.store, err = patient(ctx, l, func(ctx context.Context) (jetstream.ObjectStore, error) {
		if !create {
			return b.js.ObjectStore(ctx, b.bucket)
		}
		return b.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: b.bucket, Description: "Hubbub: what is too large for the log of its documents",
			Storage: jetstream.FileStorage, Replicas: l.cfg.Replicas,
		})
	})
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return fmt.Errorf("stream %s is gone. It belongs to this log, and nothing was created in its place: restore it from a backup, or start with another folder", b.stream)
	case err != nil:
		return fmt.Errorf("stream %s: %w", b.stream, err)
	}
	s, err := l.sure(ctx, b.stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", b.stream, err)
	}
	return l.checkKept(s.CachedInfo().Config)
}

// blobKey makes a name of the object store out of any string.
func blobKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (b *Blobs) chunks(id string) string { return "$O." + b.bucket + ".C." + id }

func (b *Blobs) about(key string) string {
	return "$O." + b.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(key))
}

// begin bounds an operation, and reports whether the log is open.
func (b *Blobs) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	switch {
	case b.log.closed.Load():
		return nil, nil, hub.ErrClosed
	case ctx.Err() != nil:
		return nil, nil, unavailable(ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, blobTime)
	stop := context.AfterFunc(b.log.ctx, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// Put stores data; see hub.Blobs. The object store's own way has all of it under way
// at once, which a connection to a server or between two does not always survive.
func (b *Blobs) Put(ctx context.Context, name string, data []byte) error {
	ctx, end, err := b.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := b.log.hold(); err != nil {
		return unavailable(err)
	}
	key, digest := blobKey(name), digestOf(data)
	there, err := b.info(ctx, key)
	switch {
	case err == nil && there.Digest == digest:
		return nil
	case err == nil:
		return fmt.Errorf("blob %q: other data is stored under this name, which is never changed: give another name", name)
	case !errors.Is(err, hub.ErrNoBlob):
		return err
	}
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: key, Opts: &jetstream.ObjectMetaOptions{ChunkSize: blobChunk}},
		Bucket:     b.bucket, NUID: nuid.Next(), Size: uint64(len(data)), Digest: digest,
		Chunks: uint32((len(data) + blobChunk - 1) / blobChunk),
	}
	if err := b.put(ctx, &info, data); err != nil {
		b.tidy(ctx, info.NUID)
		return unavailable(fmt.Errorf("blob %q: %w", name, err))
	}
	return nil
}

func digestOf(data []byte) string {
	h := sha256.New()
	_, _ = h.Write(data)
	return jetstream.GetObjectDigestValue(h)
}

// put stores the chunks, and the description when all of them are safe.
func (b *Blobs) put(ctx context.Context, info *jetstream.ObjectInfo, data []byte) error {
	var waiting []jetstream.PubAckFuture
	for len(data) > 0 || len(waiting) > 0 {
		if len(data) == 0 || len(waiting) == blobWindow {
			if err := acknowledged(ctx, waiting[0]); err != nil {
				return err
			}
			waiting = waiting[1:]
			continue
		}
		n := min(blobChunk, len(data))
		f, err := b.js.PublishAsync(b.chunks(info.NUID), data[:n])
		if err != nil {
			return err
		}
		waiting, data = append(waiting, f), data[n:]
	}
	about, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode its description: %w", err)
	}
	_, err = b.js.PublishMsg(ctx, &nats.Msg{Subject: b.about(info.Name), Data: about, Header: nats.Header{headerRollup: []string{"sub"}}})
	return err
}

// acknowledged waits for the answer to a chunk.
func acknowledged(ctx context.Context, f jetstream.PubAckFuture) error {
	select {
	case <-f.Ok():
		return nil
	case err := <-f.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tidy removes the chunks of a Put that failed; they are of use to nobody.
func (b *Blobs) tidy(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), blobTidy)
	defer cancel()
	if err := b.purge(ctx, b.chunks(id)); err != nil {
		b.log.cfg.Fault(fmt.Errorf("stream %s: what is left of a blob that was not stored: %w", b.stream, err))
	}
}

func (b *Blobs) purge(ctx context.Context, subject string) error {
	s, err := b.js.Stream(ctx, b.stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
}

// info reads a blob's description, from the leader: a replica that is behind would
// say that there is none.
func (b *Blobs) info(ctx context.Context, key string) (*jetstream.ObjectInfo, error) {
	msg, err := leaderGet(ctx, b.nc, b.stream, directGet{LastFor: b.about(key)})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, hub.ErrNoBlob
	}
	if err != nil {
		return nil, err
	}
	info := new(jetstream.ObjectInfo)
	if err := json.Unmarshal(msg.Data, info); err != nil {
		return nil, fmt.Errorf("a blob's description: %w", err)
	}
	if info.Deleted {
		return nil, hub.ErrNoBlob
	}
	return info, nil
}

// Get gives what was stored; see hub.Blobs.
func (b *Blobs) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, end, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	key := blobKey(name)
	for {
		if _, err := b.info(ctx, key); err != nil {
			return nil, fmt.Errorf("blob %q: %w", name, err)
		}
		data, err := b.store.GetBytes(ctx, key) // checks the digest
		switch {
		case err == nil && data == nil:
			return []byte{}, nil
		case err == nil:
			return data, nil
		case !errors.Is(err, jetstream.ErrObjectNotFound):
			return nil, unavailable(fmt.Errorf("blob %q: %w", name, err))
		}
		select { // the replica that was asked is behind
		case <-time.After(staleWait):
		case <-ctx.Done():
			return nil, unavailable(ctx.Err())
		}
	}
}

// Delete removes a blob; see hub.Blobs. The description goes first: what is left by a
// failure is not found.
func (b *Blobs) Delete(ctx context.Context, name string) error {
	ctx, end, err := b.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	key := blobKey(name)
	info, err := b.info(ctx, key)
	if errors.Is(err, hub.ErrNoBlob) {
		return nil
	}
	if err == nil {
		err = b.purge(ctx, b.about(key))
	}
	if err == nil {
		err = b.purge(ctx, b.chunks(info.NUID))
	}
	if err != nil {
		return unavailable(fmt.Errorf("blob %q: %w", name, err))
	}
	return nil
}
