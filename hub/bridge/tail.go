package bridge

import (
	"context"
	"fmt"

	"github.com/hubbub-im/hubbub/hub"
)

// tailsAtOnce is how many subjects the server answers in one request; it takes
// 1,024.
const tailsAtOnce = 1000

// Tail gives the position of a room's last entry; see hub.Log.
func (l *Log) Tail(ctx context.Context, room string) (hub.Position, error) {
	tails, err := l.Tails(ctx, []string{room})
	if err != nil {
		return hub.Position{}, err
	}
	return tails[0], nil
}

// Tails asks each partition once for all of its rooms; see hub.Log.
func (l *Log) Tails(ctx context.Context, rooms []string) ([]hub.Position, error) {
	if l.closed.Load() {
		return nil, hub.ErrClosed
	}
	tails := make([]hub.Position, len(rooms))
	places := make(map[string][]int, len(rooms)) // by subject
	byPart := make(map[*partition][]string)
	for i, room := range rooms {
		p := l.partition(room)
		tails[i].Epoch = p.currentEpoch()
		subject := l.cfg.logSubject(p.n, room)
		if places[subject] == nil {
			byPart[p] = append(byPart[p], subject)
		}
		places[subject] = append(places[subject], i)
	}
	for p, subjects := range byPart {
		for len(subjects) > 0 {
			n := min(tailsAtOnce, len(subjects))
			a, err := l.get(ctx, p, directGet{MultiLast: subjects[:n]})
			if err != nil {
				return nil, err
			}
			for i, subject := range a.subjects {
				if places[subject] == nil {
					return nil, fmt.Errorf("%w: an answer for %q, which nobody asked for", hub.ErrUnavailable, subject)
				}
				for _, at := range places[subject] {
					tails[at].Seq = a.entries[i].Seq
				}
			}
			subjects = subjects[n:]
		}
	}
	return tails, nil
}
