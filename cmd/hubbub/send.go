package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
)

// SendCmd sends messages and waits until the hub has them.
type SendCmd struct {
	Room string   `arg:"" help:"Room to send to."`
	Text []string `arg:"" optional:"" help:"The message. Without it each line of standard input is one: blank lines are left out, and a line that is longer than a message may be is refused; both are told."`

	Timeout time.Duration `help:"Give up after so long without an answer." default:"1m" placeholder:"TIME"`
	Hub     hubFlags      `embed:""`
}

func (c *SendCmd) run(ctx context.Context, std streams) error {
	notes := &lockedWriter{w: std.err}
	if err := room.CheckName(c.Room); err != nil {
		return err
	}
	hub, err := c.Hub.dial(ctx, "send", notes)
	if err != nil {
		return err
	}
	defer hub.Close()
	s := &sender{cmd: c, hub: hub, room: hub.Room(c.Room), notes: notes, bar: noBar{}}
	if len(c.Text) > 0 {
		return s.one(ctx, strings.Join(c.Text, " "))
	}
	if terminal(std.err) {
		s.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(std.err), progressbar.OptionSetDescription("sending"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return s.lines(ctx, std.in)
}

// bar is what a person sees of the progress.
type bar interface {
	Add(n int) error
	Finish() error
}

type noBar struct{}

func (noBar) Add(int) error { return nil }
func (noBar) Finish() error { return nil }

// maxComplaints is how many refused lines are told one by one.
const maxComplaints = 10

// sender is one run of the command.
type sender struct {
	cmd   *SendCmd
	hub   *client.Client
	room  *client.Room
	notes io.Writer
	bar   bar

	sent, refused, blank int
}

// one sends a single message.
func (s *sender) one(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cmd.Timeout, s.silence())
	defer cancel()
	_, err := s.room.Send(ctx, client.Text(text))
	return s.explain(err)
}

// silence is the error for a hub that does not answer in time.
func (s *sender) silence() error { return fmt.Errorf("no answer for %s", s.cmd.Timeout) }

// explain adds what is known about the connection to an error that has its cause
// there.
func (s *sender) explain(err error) error {
	if err == nil {
		return nil
	}
	if st := s.hub.Status(); st.State != client.Connected && st.Err != nil {
		return fmt.Errorf("%w (%w)", err, st.Err)
	}
	return err
}

// line is a line of the input on its way.
type line struct {
	number  int
	receipt *client.Receipt
	err     error // it was not sent
}

// lines sends each line of in. One goroutine reads and posts, this one waits for
// the answers, so that many are on their way at once.
func (s *sender) lines(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	posted := make(chan line, 1024)
	ended := make(chan error, 1)
	go func() { // ends with the input or, waiting for the outbox, with ctx
		defer close(posted)
		ended <- s.post(ctx, in, posted)
	}()
	failed := s.collect(ctx, posted)
	_ = s.bar.Finish()
	if failed != nil {
		cancel()
		return s.sum(failed)
	}
	return s.sum(<-ended)
}

// post puts the lines into the outbox. A line that cannot be sent is passed on
// with its error.
func (s *sender) post(ctx context.Context, in io.Reader, posted chan<- line) error {
	return eachLine(in, room.MaxText, func(number int, text []byte, whole int) error {
		l := line{number: number}
		switch {
		case whole > room.MaxText:
			l.err = fmt.Errorf("is %d bytes long; a message has at most %d", whole, room.MaxText)
		case strings.TrimSpace(string(text)) == "":
			// no message; collect counts it
		default:
			if l.receipt, l.err = s.room.Post(ctx, client.Text(string(text))); ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		select {
		case posted <- l:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// collect waits for the answers, in the order of the lines. It gives up when none
// comes for the whole timeout.
func (s *sender) collect(ctx context.Context, posted <-chan line) error {
	for {
		select {
		case l, ok := <-posted:
			if !ok {
				return nil
			}
			if err := s.settle(ctx, l); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// settle counts one line. An error means that there is no point in going on.
func (s *sender) settle(ctx context.Context, l line) error {
	err := l.err
	if l.receipt != nil {
		wait, cancel := context.WithTimeoutCause(ctx, s.cmd.Timeout, s.silence())
		_, err = l.receipt.Wait(wait)
		late := wait.Err() != nil
		cancel()
		if err != nil && (late || s.hub.Err() != nil) {
			return fmt.Errorf("line %d: %w", l.number, s.explain(err))
		}
	}
	switch {
	case err == nil && l.receipt == nil:
		s.blank++
		return nil
	case err == nil:
		s.sent++
	default:
		if s.refused++; s.refused <= maxComplaints {
			_, _ = fmt.Fprintf(s.notes, "hubbub: line %d: %v\n", l.number, err)
		}
	}
	_ = s.bar.Add(1)
	return nil
}

// sum tells how it went.
func (s *sender) sum(err error) error {
	if s.blank > 0 {
		_, _ = fmt.Fprintf(s.notes, "hubbub: %d blank lines were left out: a message needs text\n", s.blank)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w; %d messages are stored, what came after them may not be", err, s.sent)
	case s.refused > 0:
		_, _ = fmt.Fprintf(s.notes, "hubbub: %d of %d messages were refused\n", s.refused, s.sent+s.refused)
		return exitError(1)
	}
	return nil
}

// eachLine calls fn with each line of r without its line feed, and with the line's
// whole length. Of a line longer than most, the rest is skipped and not kept. What
// comes after the last line feed is a line too, unless it is empty.
func eachLine(r io.Reader, most int, fn func(number int, text []byte, whole int) error) error {
	buf := make([]byte, 64<<10)
	text := make([]byte, 0, most)
	number, whole := 1, 0
	for {
		n, err := r.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			part, after, ended := cutLine(rest)
			rest, whole = after, whole+len(part)
			text = append(text, part[:min(len(part), most-len(text))]...)
			if !ended {
				break
			}
			if err := fn(number, text, whole); err != nil {
				return err
			}
			number, whole, text = number+1, 0, text[:0]
		}
		switch {
		case errors.Is(err, io.EOF) && whole > 0:
			return fn(number, text, whole)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("standard input: %w", err)
		}
	}
}

func cutLine(b []byte) (line, rest []byte, ended bool) {
	for i, c := range b {
		if c == '\n' {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}
