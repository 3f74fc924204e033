package main_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/room"
)

// publisher publishes to two rooms over a raw connection, keeps what was not
// answered, and sends that again under the same ids.
type publisher struct {
	run    *run
	user   string
	rooms  []string
	window int // messages that may be without an answer
	rng    *rand.Rand

	made    int
	conns   int
	outbox  []*outgoing // without an answer, in the order of their making
	old     []*outgoing // some that were acknowledged
	records []checker.Publish
}

// outgoing is a message.
type outgoing struct {
	room, id, text string
}

// publishing is one connection of a publisher.
type publishing struct {
	*publisher
	conn   *rawConn
	name   string
	flight map[uint64][]sending // by the id of the command
	broken bool                 // something is to be sent again: connect anew
}

// sending is an attempt: the message, and its place in records.
type sending struct {
	msg    *outgoing
	record int
}

// publisher makes the nth one.
func (r *run) publisher(n int) func() {
	if r.load.sdkShare > 0 && n%r.load.sdkShare == 1 {
		return r.sdkPublisher(n)
	}
	p := &publisher{
		run: r, user: fmt.Sprint("publisher-", n), rooms: []string{r.room(n), r.room(n/r.load.rooms + 3*n + 1)},
		window: []int{1, 8, 32}[n%3], rng: r.rng("publisher", n),
	}
	return p.publish
}

// publish runs connections until all that was to be said is answered.
func (p *publisher) publish() {
	defer func() { p.run.keep(p.records, nil, nil) }()
	token := p.run.hub.token(p.user)
	for p.run.ctx.Err() == nil {
		conn, err := p.run.dial(token, false)
		if err != nil {
			wait(p.run.ctx, time.Duration(1+p.rng.IntN(100))*time.Millisecond)
			continue
		}
		p.conns++
		s := &publishing{publisher: p, conn: conn, name: fmt.Sprint(p.user, "/", p.conns), flight: map[uint64][]sending{}}
		done := s.serve()
		conn.close()
		conn.drain()
		if done {
			return
		}
		wait(p.run.ctx, time.Duration(p.rng.IntN(30))*time.Millisecond)
	}
}

// serve runs one connection; it is true when all is said and answered.
func (s *publishing) serve() bool {
	if err := s.repeat(); err != nil {
		return false
	}
	next := time.NewTimer(s.pause())
	defer next.Stop()
	quiet := s.run.quiet
	for {
		if quiet == nil && len(s.outbox) == 0 {
			return true
		}
		select {
		case f, ok := <-s.conn.frames:
			if !ok || !s.take(&f) {
				return false
			}
		case <-next.C:
			if quiet != nil && s.speak() != nil {
				return false
			}
			next.Reset(s.pause())
		case <-quiet:
			quiet = nil
		case <-s.run.ctx.Done():
			return false
		}
	}
}

// pause is random, and now and then nothing, so that there are bursts.
func (s *publishing) pause() time.Duration {
	if s.rng.IntN(4) == 0 {
		return 0
	}
	return time.Duration(s.rng.ExpFloat64() * float64(s.run.load.pace))
}

// repeat sends what was not answered, in its order: some one by one, some in
// batches.
func (s *publishing) repeat() error {
	for rest := slices.Clone(s.outbox); len(rest) > 0; {
		n := 1
		if s.rng.IntN(3) == 0 {
			n = 1 + s.rng.IntN(10)
		}
		for n = min(n, len(rest)); !sameRoom(rest[:n]); n-- {
		}
		if err := s.post(rest[:n]...); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func sameRoom(msgs []*outgoing) bool {
	return !slices.ContainsFunc(msgs, func(m *outgoing) bool { return m.room != msgs[0].room })
}

// speak says something new, or something that needs no saying.
func (s *publishing) speak() error {
	switch n := s.rng.IntN(200); {
	case n < 4 && len(s.old) > 0: // once more, though it was acknowledged
		return s.post(s.old[s.rng.IntN(len(s.old))])
	case n == 4: // what must be refused, and must not be stored
		return s.post(&outgoing{s.rooms[0], fmt.Sprint("long", s.made), strings.Repeat("x", room.MaxText+1)})
	case n == 5: // cut the connection in the middle of a frame
		s.conn.under.cut.Store(true)
		s.run.torn.Add(1)
	case len(s.outbox) >= s.window:
		return nil
	}
	n := 1
	if s.rng.IntN(8) == 0 {
		n = 1 + s.rng.IntN(max(1, s.window-len(s.outbox)))
	}
	where := s.rooms[s.rng.IntN(len(s.rooms))]
	var msgs []*outgoing
	for range n {
		s.made++
		// Other users have messages of the same id in the same room.
		m := &outgoing{where, fmt.Sprint("m", s.made), s.text()}
		msgs = append(msgs, m)
	}
	s.outbox = append(s.outbox, msgs...)
	return s.post(msgs...)
}

// text is short most of the time. What slow subscribers are to lag with is long, and
// of a kind that compression makes little of.
func (s *publishing) text() string {
	if s.run.load.stalls > 0 {
		noise := make([]byte, s.rng.IntN(3000))
		for i := range noise {
			noise[i] = byte(s.rng.Uint32())
		}
		return fmt.Sprintf("%s says %d %s", s.user, s.made, base64.StdEncoding.EncodeToString(noise))
	}
	size := s.rng.IntN(200)
	if s.rng.IntN(50) == 0 {
		size = s.rng.IntN(room.MaxText - 100)
	}
	return fmt.Sprintf("%s says %d %s", s.user, s.made, strings.Repeat("ä", size/2))
}

// post sends messages of one room, several as a batch.
func (s *publishing) post(msgs ...*outgoing) error {
	var sent []sending
	var events []object
	for _, m := range msgs {
		events = append(events, object{"id": m.id, "text": m.text})
		sent = append(sent, sending{m, len(s.records)})
		s.records = append(s.records, checker.Publish{
			Conn: s.name, Room: m.room, User: s.user, ID: m.id, Text: checker.Hash(m.text), Sent: s.run.now(),
		})
	}
	cmd := object{"type": "publish", "room": msgs[0].room, "event": events[0]}
	if len(msgs) > 1 {
		cmd = object{"type": "batch", "room": msgs[0].room, "events": events}
	}
	id, err := s.conn.send(cmd)
	s.flight[id] = sent
	return err
}

// take handles what the hub says. It is false when the connection is of no use any
// more.
func (s *publishing) take(f *frame) bool {
	sent := s.flight[f.ID]
	delete(s.flight, f.ID)
	switch f.Type {
	case "ack":
		s.acked(sent[0], f, f.Seq, f.Duplicate)
	case "acks":
		for i, a := range f.Acks {
			if a.Error != nil {
				s.failed(sent[i], f, a.Error.Code, a.Error.Message)
			} else {
				s.acked(sent[i], f, a.Seq, a.Duplicate)
			}
		}
	case "error":
		for _, one := range sent {
			s.failed(one, f, f.code(), f.Message)
		}
	}
	return !s.broken
}

func (s *publishing) acked(one sending, f *frame, seq uint64, duplicate bool) {
	rec := &s.records[one.record]
	rec.Outcome, rec.Done = checker.Acked, f.came.Sub(s.run.begin)
	rec.At, rec.Duplicate = checker.Position{Epoch: f.Epoch, Seq: seq}, duplicate
	if !duplicate { // those may be repeats of what was acknowledged before
		s.run.acked.Add(1)
	}
	i := slices.Index(s.outbox, one.msg)
	if i < 0 {
		return
	}
	s.outbox = slices.Delete(s.outbox, i, i+1)
	if s.old = append(s.old, one.msg); len(s.old) > 20 {
		s.old = s.old[1:]
	}
}

// failed notes a refusal, or an answer that leaves it open.
func (s *publishing) failed(one sending, f *frame, code, message string) {
	rec := &s.records[one.record]
	rec.Done = f.came.Sub(s.run.begin)
	switch code {
	case "unavailable":
		s.broken = s.broken || slices.Contains(s.outbox, one.msg)
	case "too_large":
		if strings.HasPrefix(one.msg.id, "long") {
			rec.Outcome = checker.Refused
			return
		}
		fallthrough
	default:
		s.run.complain("%s publishing %s: %s %s", s.user, one.msg.id, code, message)
		s.broken = true
	}
}
