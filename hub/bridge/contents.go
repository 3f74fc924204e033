package bridge

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// contents is what an archive has, all of which was read and found whole.
type contents struct {
	head     archive.Head
	messages uint64
	newest   time.Time // when the newest of them was stored
	streams  map[archive.Stream]*content
}

// content is what an archive has of a stream.
type content struct {
	void     int // sections that were begun again
	sections int // that hold
	messages uint64
	first    uint64 // where the stream begins
	last     uint64 // where it ends, which may be behind its last message
	lowest   uint64 // of its messages; 0: there is none

	// while it is being stored
	seen int
	to   *upload
}

// holes is how many sequences between the first and the last are of no message.
func (c *content) holes() int {
	if c.last < c.first {
		return 0
	}
	return int(c.last - c.first + 1 - c.messages)
}

// readContents reads an archive from its beginning to its end.
func readContents(file io.ReadSeeker) (*contents, error) {
	r, err := reread(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := &contents{head: r.Head(), streams: make(map[archive.Stream]*content)}
	var c *content
	for {
		switch part, err := r.Next(); {
		case errors.Is(err, io.EOF):
			return all, all.check()
		case err != nil:
			return nil, err
		default:
			c = all.take(c, part)
		}
	}
}

// take takes in what comes next. c is what the open section is of.
func (all *contents) take(c *content, part any) *content {
	switch part := part.(type) {
	case archive.Section:
		if c = all.streams[part.Stream()]; c == nil {
			c = new(content)
			all.streams[part.Stream()] = c
		}
		if part.Again {
			all.messages -= c.messages
			*c = content{void: c.void + c.sections}
		}
		if c.sections++; c.sections == 1 {
			c.first = part.From
		}
		c.last = part.To
	case *archive.Message:
		c.messages++
		all.messages++
		if part.Time.After(all.newest) {
			all.newest = part.Time
		}
		if c.lowest == 0 {
			c.lowest = part.Seq
			c.first = part.Seq
		}
	}
	return c
}

// check finds what an archive must have and this one has not.
func (all *contents) check() error {
	if len(all.head.Logs) == 0 || all.head.Logs[0].Of != archive.Rooms {
		return fmt.Errorf("%w: it names no log of rooms", archive.ErrInvalid)
	}
	for _, l := range all.head.Logs {
		if len(l.Partitions) > maxPartitions {
			return fmt.Errorf("the archive has %d partitions; this program takes %d", len(l.Partitions), maxPartitions)
		}
		need := []archive.Stream{}
		for p := range l.Partitions {
			need = append(need, archive.Stream{Of: l.Of, Partition: p})
		}
		if l.Of == archive.Documents {
			need = append(need, archive.Stream{Of: archive.Blobs})
		}
		for _, s := range need {
			if all.streams[s] == nil {
				return fmt.Errorf("%w: it has nothing of %s", archive.ErrInvalid, s)
			}
		}
	}
	return nil
}

// walk reads the archive again and calls fn for each section that holds, with last for
// the last one of its stream. fn may read the section to its end; what it does not read
// is passed over, with a call of idle for each part.
func (all *contents) walk(file io.ReadSeeker, idle func() error, fn func(s archive.Section, c *content, r *archive.Reader, last bool) error) error {
	r, err := reread(file)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, c := range all.streams {
		c.seen = 0
	}
	for {
		part, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s, ok := part.(archive.Section)
		if !ok {
			if err := idle(); err != nil {
				return err
			}
			continue
		}
		c := all.streams[s.Stream()]
		if c == nil {
			return fmt.Errorf("%w: it has changed while it was read", archive.ErrInvalid)
		}
		if c.seen++; c.seen <= c.void {
			continue
		}
		if err := fn(s, c, r, c.seen == c.void+c.sections); err != nil {
			return err
		}
	}
}

func reread(file io.ReadSeeker) (*archive.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the archive from its beginning: %w", err)
	}
	return archive.NewReader(file)
}

// Inspect reads an archive and finds whether it is whole.
func Inspect(file io.ReadSeeker) (Summary, error) {
	all, err := readContents(file)
	if err != nil {
		return Summary{}, err
	}
	return Summary{all.head, all.messages, len(all.head.Logs[0].Partitions)}, nil
}
