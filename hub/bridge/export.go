package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// ExportOptions say how a store is exported.
type ExportOptions struct {
	By string // the program that does it, for the archive's head

	// Move ends the logs where the archive ends: whoever imports it goes on with their
	// epochs, so that clients resume there, and what is left here begins new ones. It
	// fails if anything is stored meanwhile.
	Move bool

	// Fault hears of what cannot be read and is not in the archive; nil: that is an
	// error.
	Fault func(error)
}

// Summary tells what went from a store to an archive, or the other way.
type Summary struct {
	Head     archive.Head
	Messages uint64
	Rooms    int // partitions of rooms
}

// blobTries is how often a partition of documents is read, until no blob was made and
// removed meanwhile.
const blobTries = 10

// export is one Export under way.
type export struct {
	*opened
	opts    ExportOptions
	logs    []found
	w       *archive.Writer
	ends    map[string]uint64 // of the streams that were written
	written uint64
}

// Export writes an archive of all that the store holds, while hubs may be using it. Of
// each stream it holds all that was acknowledged before Export was called, and nothing
// of what is stored after Export has come to the stream.
func Export(ctx context.Context, s Store, w io.Writer, opts ExportOptions) (Summary, error) {
	o, err := s.open("hubbub-export")
	if err != nil {
		return Summary{}, err
	}
	defer o.nc.Close()
	x := &export{opened: o, opts: opts, ends: make(map[string]uint64)}
	if x.logs, err = o.logs(ctx); err != nil {
		return Summary{}, err
	}
	head, err := x.head(ctx)
	if err != nil {
		return Summary{}, err
	}
	if x.w, err = archive.NewWriter(w, head); err != nil {
		return Summary{}, err
	}
	if err = x.run(ctx); err == nil && opts.Move {
		err = x.move(ctx)
	}
	if err != nil {
		x.w.Abort()
		return Summary{}, err
	}
	return Summary{head, x.written, len(x.logs[0].streams)}, x.w.Close()
}

func (x *export) head(ctx context.Context) (archive.Head, error) {
	head := archive.Head{Made: time.Now().UTC().Truncate(time.Second), By: x.opts.By, Moved: x.opts.Move}
	for _, f := range x.logs {
		info, err := x.state(ctx, f.streams[0])
		if err != nil {
			return head, err
		}
		if info == nil {
			return head, fmt.Errorf("stream %s is gone, and belongs to this log", f.streams[0])
		}
		l := archive.Log{Of: f.log, DedupMS: info.Config.Duplicates.Milliseconds()}
		for _, p := range f.rec.Partitions {
			l.Partitions = append(l.Partitions, archive.Partition{Epoch: p.Epoch, Resets: p.Resets})
		}
		head.Logs = append(head.Logs, l)
	}
	return head, nil
}

// run writes the streams: seals first, so that none tells of what is not in the
// archive; blobs before the documents that name them, and again after each partition of
// documents.
func (x *export) run(ctx context.Context) error {
	for _, k := range kinds {
		if err := x.rest(ctx, archive.Stream{Of: k.seals}, false); err != nil {
			return err
		}
	}
	for p := range x.logs[0].streams {
		if err := x.rest(ctx, archive.Stream{Of: archive.Rooms, Partition: p}, false); err != nil {
			return err
		}
	}
	if len(x.logs) == 1 {
		return nil
	}
	if err := x.rest(ctx, archive.Stream{Of: archive.Blobs}, false); err != nil {
		return err
	}
	for p := range x.logs[1].streams {
		if err := x.documents(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// documents writes a partition of documents with the blobs that they name. A blob that
// was made after the last look at blobs, and removed before this one, may be named and
// not be there: then the partition is read again, and does not name it any more.
func (x *export) documents(ctx context.Context, p int) error {
	for try := range blobTries {
		if err := x.rest(ctx, archive.Stream{Of: archive.Documents, Partition: p}, try > 0); err != nil {
			return err
		}
		blobs := x.at(archive.Stream{Of: archive.Blobs})
		from, before := x.ends[blobs.name]+1, x.written
		if err := x.rest(ctx, blobs.Stream, false); err != nil {
			return err
		}
		if x.written-before == x.ends[blobs.name]+1-from {
			return nil
		}
	}
	return fmt.Errorf("partition %d of documents: blobs come and go faster than they can be read; try again when fewer edit", p)
}

// rest writes what a stream holds beyond what was written of it, or all of it again.
func (x *export) rest(ctx context.Context, s archive.Stream, again bool) error {
	at := x.at(s)
	info, err := x.state(ctx, at.name)
	switch {
	case err != nil:
		return err
	case info == nil && (s.Of == archive.RoomSeals || s.Of == archive.DocumentSeals):
		return nil // they may not have been begun
	case info == nil:
		return fmt.Errorf("stream %s is gone, and belongs to this log", at.name)
	}
	from := info.State.FirstSeq
	if done, had := x.ends[at.name]; had && !again {
		from = done + 1
	}
	to := info.State.LastSeq
	if err := x.w.Begin(archive.Section{Of: s.Of, Partition: s.Partition, From: from, To: to, Again: again}); err != nil {
		return err
	}
	n, err := x.copy(ctx, at, from, to)
	if err != nil {
		return err
	}
	x.ends[at.name] = to
	x.written += n
	if err := x.whole(ctx, at, n, from, info.State); err != nil {
		return err
	}
	return x.w.End()
}

func (x *export) copy(ctx context.Context, at home, from, to uint64) (n uint64, err error) {
	return n, scan(ctx, x.nc, scanned{stream: at.name, from: from, to: to}, func(m *archive.Message) error {
		subject, ours := strings.CutPrefix(m.Subject, at.base)
		if !ours {
			return fmt.Errorf("stream %s: message %d has the subject %.80q, which does not begin with %s", at.name, m.Seq, m.Subject, at.base)
		}
		m.Subject = subject
		n++
		return x.w.Message(m)
	})
}

// whole holds what was read against what the stream's index has. The engine passes over
// a message whose bytes are damaged as if it had never been.
func (x *export) whole(ctx context.Context, at home, read, from uint64, before jetstream.StreamState) error {
	if from > max(before.FirstSeq, 1) {
		return nil // how many there are of a part, no index tells
	}
	info, err := x.state(ctx, at.name)
	if err != nil || info == nil {
		return errors.Join(err, ctx.Err())
	}
	left, newer := info.State.Msgs, info.State.LastSeq-before.LastSeq
	if left <= newer || read >= left-newer {
		return nil
	}
	err = fmt.Errorf("stream %s: %d messages up to %d cannot be read, and are not in the archive: hubbub doctor --deep tells which", at.name, left-newer-read, before.LastSeq)
	if x.opts.Fault == nil {
		return err
	}
	x.opts.Fault(err)
	return nil
}

// move gives what stays here new epochs, once nothing was stored since it was read.
func (x *export) move(ctx context.Context) error {
	if err := x.still(ctx); err != nil {
		return err
	}
	for _, f := range x.logs {
		rec := &record{Version: recordVersion}
		for i, at := range f.rec.Partitions {
			at.Epoch, at.Reason = newEpoch(), time.Now().UTC().Format(time.RFC3339)+" it was moved to where an archive was imported"
			at.Resets++
			at.Mark = x.ends[f.streams[i]]
			rec.Partitions = append(rec.Partitions, at)
		}
		if _, err := f.remember(ctx, rec); err != nil {
			return err
		}
	}
	return x.still(ctx)
}

// still reports an error if anything was stored.
func (x *export) still(ctx context.Context) error {
	for name, end := range x.ends {
		info, err := x.state(ctx, name)
		if err != nil {
			return err
		}
		if info == nil || info.State.LastSeq != end {
			return fmt.Errorf("stream %s has gone on while it was moved: end all hubs that use it, and move it again", name)
		}
	}
	return nil
}
