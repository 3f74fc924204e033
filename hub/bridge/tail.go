package bridge

import (
	"context"
	"fmt"

	"github.com/hubbub-im/hubbub/hub"
)

// tailsAtOnce is how many subjects are asked for in one request. The server takes
// 1,024; each answer brings the message too.
const tailsAtOnce = 200

// Tail gives the position of a room's last entry; see hub.Log. It is asked on the
// connection for watching, where no page of history is in front of it.
func (l *Log) Tail(ctx context.Context, room string) (hub.Position, error) {
	if l.closed.Load() {
		return hub.Position{}, hub.ErrClosed
	}
	p := l.partition(room)
	return steady(p, func(epoch string) (hub.Position, error) {
		subject := l.cfg.logSubject(p.n, room)
		e, _, err := getOne(ctx, l.live, p.stream, directGet{LastFor: subject})
		if err != nil {
			return hub.Position{}, err
		}
		seq, err := l.current(ctx, p, subject, e.Seq)
		return hub.Position{Epoch: epoch, Seq: seq}, err
	})
}

// steady asks again if the epoch changed while it was asking: what it got would be
// of neither.
func steady[T any](p *partition, ask func(epoch string) (T, error)) (T, error) {
	for {
		epoch := p.epoch()
		answer, err := ask(epoch)
		if err != nil || epoch == p.epoch() {
			return answer, err
		}
	}
}

// Tails asks each partition for all of its rooms; see hub.Log.
func (l *Log) Tails(ctx context.Context, rooms []string) ([]hub.Position, error) {
	if l.closed.Load() {
		return nil, hub.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, unavailable(err)
	}
	byPart := make(map[*partition][]int) // places in rooms
	for i, room := range rooms {
		p := l.partition(room)
		byPart[p] = append(byPart[p], i)
	}
	tails := make([]hub.Position, len(rooms))
	for p, places := range byPart {
		for len(places) > 0 {
			n := min(tailsAtOnce, len(places))
			_, err := steady(p, func(epoch string) (struct{}, error) {
				return struct{}{}, l.someTails(ctx, p, epoch, rooms, places[:n], tails)
			})
			if err != nil {
				return nil, err
			}
			places = places[n:]
		}
	}
	return tails, nil
}

// someTails asks one partition for the rooms at some places.
func (l *Log) someTails(ctx context.Context, p *partition, epoch string, rooms []string, places []int, tails []hub.Position) error {
	at := make(map[string][]int, len(places))
	subjects := make([]string, 0, len(places))
	for _, i := range places {
		subject := l.cfg.logSubject(p.n, rooms[i])
		tails[i] = hub.Position{Epoch: epoch}
		if at[subject] == nil {
			subjects = append(subjects, subject)
		}
		at[subject] = append(at[subject], i)
	}
	a, err := getMany(ctx, l.live, p.stream, directGet{MultiLast: subjects})
	if err != nil {
		return err
	}
	if a.pending > 0 {
		return fmt.Errorf("%w: stream %s: %d tails did not fit the answer", hub.ErrUnavailable, p.stream, a.pending)
	}
	for k, subject := range a.subjects {
		if at[subject] == nil {
			return fmt.Errorf("%w: stream %s: an answer for %q, which nobody asked for", hub.ErrUnavailable, p.stream, subject)
		}
		for _, i := range at[subject] {
			tails[i].Seq = a.entries[k].Seq
		}
	}
	for subject, places := range at {
		seq, err := l.current(ctx, p, subject, tails[places[0]].Seq)
		if err != nil {
			return err
		}
		for _, i := range places {
			tails[i].Seq = seq
		}
	}
	return nil
}
