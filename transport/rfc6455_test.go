package transport

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// chops are the ways in which the network may hand the bytes over.
var chops = map[string]func(*rand.Rand) int{
	"whole":  func(*rand.Rand) int { return 1 << 20 },
	"bytes":  func(*rand.Rand) int { return 1 },
	"header": func(r *rand.Rand) int { return 1 + r.IntN(13) }, // most pieces end inside a header
	"random": func(r *rand.Rand) int { return 1 + r.IntN(1+r.IntN(3000)) },
}

// inChops runs a test against a hub for each of chops.
func inChops(t *testing.T, test func(*testing.T, *edge), change ...func(*edgeConfig)) {
	for name, sizes := range chops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := fnv.New64a()
			_, _ = seed.Write([]byte(name))
			test(t, newEdge(t, append(change, func(c *edgeConfig) {
				c.listen = func(l net.Listener) net.Listener { return &choppy{Listener: l, sizes: sizes, seed: seed.Sum64()} }
			})...))
		})
	}
}

// TestRFC6455Frames holds the hub to the table, each row as the network may give it.
func TestRFC6455Frames(t *testing.T) {
	live := slicesOf(dataRows(), partRows(), controlRows(), closeRows(), lettersRows())
	inChops(t, func(t *testing.T, e *edge) {
		names := map[string]bool{}
		for _, row := range firstRows() {
			require.False(t, names[row.name], row.name)
			names[row.name] = true
			t.Run("first/"+row.name, func(t *testing.T) { row.run(e.with(t).dial()) })
		}
		for _, row := range live {
			require.False(t, names[row.name], row.name)
			names[row.name] = true
			t.Run(row.name, func(t *testing.T) { row.run(e.with(t).guest()) })
		}
		t.Logf("%d rows", len(names))
	})
}

func slicesOf(lists ...[]frameRow) []frameRow {
	var all []frameRow
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// with gives the same hub for a subtest.
func (e *edge) with(t testing.TB) *edge {
	sub := *e
	sub.t = t
	return &sub
}

// probe is a command that shows, by its answer, that everything before it is done.
const probe = 1 << 50

var probed = fmt.Sprintf("pong %d", uint64(probe))

func (row *frameRow) run(p *peer) {
	p.t.Helper()
	send := row.send
	want := exchange{text: row.text, pongs: row.pongs, end: row.end}
	if row.end == open {
		send = bytesOf(send, ping(probe))
		want.text, want.end = join(row.text, probed), closed(1000)
	}
	written := make(chan error, 1)
	go func() {
		_, err := p.conn.Write(send)
		written <- err
	}()
	got, err := p.listen()
	require.NoError(p.t, err, "section %s; so far %+v", row.rule, got)
	if err := <-written; row.end == open {
		require.NoError(p.t, err)
	}
	require.Equal(p.t, want, got, "RFC 6455, section %s", row.rule)
}

// exchange is all that the hub answered, as a row puts it.
type exchange struct{ text, pongs, end string }

// listen reads to the end of the connection. Its error is whatever a client would
// find wrong: a broken frame, a reset, data behind the close frame.
func (p *peer) listen() (exchange, error) {
	var x exchange
	for {
		h, err := p.read()
		if errors.Is(err, io.EOF) {
			x.end = drop
			return x, nil
		}
		if err != nil {
			return x, err
		}
		switch h.op {
		case opText:
			said := brief(h.payload)
			if x.text = join(x.text, said); said == probed {
				_, _ = p.conn.Write(closing(1000, ""))
			}
		case opPong:
			x.pongs += string(h.payload) + "."
		case opClose:
			x.end = closed(h.closeCode())
			_, _ = p.conn.Write(frame(fin|opClose, h.payload)) // it may have gone already
			rest, err := io.ReadAll(p.in)
			_ = p.conn.Close()
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("%d bytes behind the close frame", len(rest))
			}
			return x, err
		}
	}
}

func join(a, b string) string { return strings.TrimPrefix(a+"; "+b, "; ") }

// brief gives what a row says of a frame.
func brief(frame []byte) string {
	r, err := wire.DecodeReply(frame)
	if err != nil {
		return err.Error()
	}
	switch body := r.Body.(type) {
	case *wire.Error:
		return fmt.Sprintf("error %d %s", r.ID, body.Code)
	case *wire.DisconnectPush:
		return fmt.Sprintf("disconnect %d", body.Code)
	case wire.Message:
		return fmt.Sprintf("%s %d", body.Type(), r.ID)
	}
	return fmt.Sprintf("%T", r.Body)
}
