package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
)

// TailCmd prints what happens in a room.
type TailCmd struct {
	Room string `arg:"" help:"Room to follow."`

	Since  *uint64 `help:"Begin after this sequence; 0 is the beginning of the room. Without it, with the newest 10." placeholder:"SEQ"`
	Limit  int     `help:"End after so many lines; 0: follow until interrupted." default:"0" placeholder:"N"`
	Format string  `help:"text: the text of each message, as it is, and a line feed, so that what was sent line by line comes back byte for byte. json: every event with its sequence, one a line." default:"text" enum:"text,json" placeholder:"FORMAT"`

	Hub hubFlags `embed:""`
}

// newestLines is how much of the past is printed if nobody says where to begin.
const newestLines = 10

func (c *TailCmd) run(ctx context.Context, std streams) error {
	notes := &lockedWriter{w: std.err}
	if err := room.CheckName(c.Room); err != nil {
		return err
	}
	if c.Limit < 0 {
		return fmt.Errorf("--limit %d: give the number of lines after which to end, or 0", c.Limit)
	}
	hub, err := c.Hub.dial(ctx, "tail", notes)
	if err != nil {
		return err
	}
	defer hub.Close()
	begin, err := c.begin(ctx, hub)
	if err != nil {
		return err
	}
	lobby := hub.Room(c.Room)
	if err := lobby.Join(ctx, begin); err != nil {
		return err
	}
	p := &printer{out: bufio.NewWriter(std.out), notes: notes, json: c.Format == "json", safe: terminal(std.out), left: c.Limit}
	err = p.follow(ctx, lobby)
	if ctx.Err() != nil {
		err = nil // interrupted, which is how it ends
	}
	return errors.Join(err, p.out.Flush())
}

// begin says where to start. A sequence alone is no position: the epoch to it is
// the room's present one.
func (c *TailCmd) begin(ctx context.Context, hub *client.Client) (client.JoinOption, error) {
	switch {
	case c.Since == nil && c.Limit > 0:
		return client.Newest(min(c.Limit, 200)), nil
	case c.Since == nil:
		return client.Newest(newestLines), nil
	case *c.Since == 0:
		return client.Since(client.Position{}), nil
	}
	at, err := hub.Positions(ctx, c.Room)
	if err != nil {
		return nil, err
	}
	return client.Since(client.Position{Epoch: at[c.Room].Epoch, Seq: *c.Since}), nil
}

// printer writes what comes, and stops after a number of lines.
type printer struct {
	out   *bufio.Writer
	notes io.Writer
	json  bool
	safe  bool // a terminal: nothing is printed that could steer it
	left  int  // lines to go; 0: no end
}

func (p *printer) follow(ctx context.Context, r *client.Room) error {
	over, cancel := context.WithCancel(ctx)
	cancel() // asks for what is there, without waiting
	for {
		in, err := r.Next(over)
		if errors.Is(err, context.Canceled) {
			if err := p.out.Flush(); err != nil {
				return err
			}
			in, err = r.Next(ctx)
		}
		if err != nil {
			return err
		}
		printed, err := p.print(in)
		if err != nil {
			return err
		}
		if printed && p.left > 0 {
			if p.left--; p.left == 0 {
				return nil
			}
		}
	}
}

// print writes one line, if what came is worth one.
func (p *printer) print(in client.Incoming) (bool, error) {
	switch in := in.(type) {
	case *client.Gap:
		_, _ = fmt.Fprintf(p.notes, "hubbub: gap (%s): what follows does not join on to what came before\n", in.Reason)
		if p.json {
			return false, p.object(map[string]any{"gap": map[string]any{"reason": in.Reason, "since": in.Since, "at": in.At}})
		}
	case *client.Event:
		switch {
		case p.json:
			return true, p.object(struct {
				Seq   uint64          `json:"seq"`
				Event json.RawMessage `json:"event"`
			}{in.Seq, in.Raw})
		case in.Kind == room.KindMessage:
			return true, p.text(in.Text)
		}
	}
	return false, nil
}

func (p *printer) object(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("json: %w", err)
	}
	_, err = p.out.Write(append(b, '\n'))
	return err
}

// text writes a message as it is. On a terminal, control characters are shown and
// not obeyed: a message must not be able to move the cursor or worse.
func (p *printer) text(s string) error {
	if p.safe {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				return '\ufffd'
			}
			return r
		}, s)
	}
	if _, err := p.out.WriteString(s); err != nil {
		return err
	}
	return p.out.WriteByte('\n')
}
