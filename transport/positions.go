package transport

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// maxPositions bounds a Last-Event-ID, in bytes: the longest names there are, all
// escaped, in the most rooms that a stream has, leave room to spare.
const maxPositions = 14 << 10

// positions is where a stream stands in each of its rooms. As text it is the id of
// an SSE message: room=epoch:seq, by name, parted by commas, with names and epochs
// escaped as in a query.
type positions map[string]hub.Position

func (p positions) appendTo(buf []byte) []byte {
	for i, name := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, url.QueryEscape(name)...)
		buf = append(buf, '=')
		buf = append(buf, url.QueryEscape(p[name].Epoch)...)
		buf = append(buf, ':')
		buf = strconv.AppendUint(buf, p[name].Seq, 10)
	}
	return buf
}

// of keeps the positions in these rooms.
func (p positions) of(rooms []string) positions {
	kept := make(positions, len(rooms))
	for _, name := range rooms {
		if at, ok := p[name]; ok {
			kept[name] = at
		}
	}
	return kept
}

// parsePositions reads what a peer gives back. Text that is none of ours is
// refused: to begin anew without a word would be a hole.
func parsePositions(s string) (positions, error) {
	if s == "" {
		return positions{}, nil
	}
	if len(s) > maxPositions {
		return nil, errPosition
	}
	p := make(positions)
	for item := range strings.SplitSeq(s, ",") {
		name, at, err := parsePosition(item)
		if _, twice := p[name]; err != nil || twice || len(p) == maxStreamRooms {
			return nil, errPosition
		}
		p[name] = at
	}
	return p, nil
}

var errPosition = room.Errorf(room.CodeBadRequest, "Last-Event-ID: is not the id of a message of this hub; give one back as it came, or none to begin anew")

func parsePosition(item string) (string, hub.Position, error) {
	escaped, at, ok := strings.Cut(item, "=")
	epoch, digits, ok2 := strings.Cut(at, ":")
	if !ok || !ok2 {
		return "", hub.Position{}, errPosition
	}
	name, err := url.QueryUnescape(escaped)
	if err != nil {
		return "", hub.Position{}, errPosition
	}
	if err := room.CheckName(name); err != nil {
		return "", hub.Position{}, errPosition
	}
	if epoch, err = url.QueryUnescape(epoch); err != nil {
		return "", hub.Position{}, errPosition
	}
	seq, err := strconv.ParseUint(digits, 10, 53)
	if err != nil {
		return "", hub.Position{}, errPosition
	}
	return name, hub.Position{Epoch: epoch, Seq: seq}, nil
}
