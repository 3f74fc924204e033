package transport

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// What is sent while an answer is being made goes behind it, whatever the way.
func TestAnswerKeepsItsPlace(t *testing.T) {
	lines := make(chan string, 1)
	c := socketMember(t, plainIO, func(r io.Reader) {
		said := []string{}
		for len(said) < 4 {
			var head [2]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				break
			}
			body := make([]byte, head[1])
			if _, err := io.ReadFull(r, body); err != nil {
				break
			}
			said = append(said, string(body))
		}
		lines <- strings.Join(said, " ")
	})
	say := func(s string) []byte {
		buf, _ := sealFrame(append(openFrame(nil, finText), s...), 0)
		return buf
	}
	c.out.frame(say("before"))
	c.out.hold()
	c.out.frame(say("pushed"))
	c.out.reply(say("replied"))
	require.True(t, c.out.fill(say("answer")))
	require.Equal(t, "before answer pushed replied", <-lines)
}

// A peer that could not have what gathers behind an answer is cut.
func TestAnswerIsNotWaitedForWithoutBound(t *testing.T) {
	all := make(chan string, 1)
	c := socketMember(t, plainIO, func(r io.Reader) {
		said := new(strings.Builder)
		for buf := make([]byte, 1000); !strings.Contains(said.String(), "goodbye"); {
			n, err := r.Read(buf)
			if said.Write(buf[:n]); err != nil {
				break
			}
		}
		all <- said.String()
	})
	c.out.hold()
	piece := make([]byte, c.out.most/4)
	for range 5 {
		c.out.frame(piece)
	}
	require.Empty(t, c.out.held.behind, "nothing is kept that will not be sent")
	require.False(t, c.out.fill([]byte("answer")))
	newer, _ := sealFrame(append(openFrame(nil, finText), "newer than what was dropped"...), 0)
	c.out.frame(newer)
	last, _ := sealFrame(append(openFrame(nil, finText), "goodbye"...), 0)
	require.True(t, c.out.goodbye(last, true))
	require.Equal(t, string(last), <-all)
}

// Large answers to joins, compressed or not, stand before what is published meanwhile,
// and nothing is missing between.
func TestLargeJoinAmidPublishes(t *testing.T) {
	e := newEdge(t)
	writer := e.guest()
	body := strings.Repeat("as much as makes it large, ", 100)
	for i := range 30 {
		writer.post("a", fmt.Sprint(i, " ", body))
	}
	for i := range 20 {
		p, _ := e.dialDeflate(noTakeover)
		ask[wire.Connected](p, &wire.Connect{})
		var beside sync.WaitGroup
		beside.Go(func() {
			for range 10 {
				e.hub.Publish(context.Background(), room.Caller{User: "ann", Grants: room.Everything()}, "a",
					[]room.Command{{Kind: room.KindMessage, Text: "beside"}}, func([]hub.Outcome) {})
			}
		})
		joined := ask[wire.Joined](p, &wire.Join{Room: "a", Since: &wire.Position{}})
		require.True(t, joined.Live)
		require.Len(t, joined.Events, int(joined.Seq))
		for _, r := range p.kept {
			require.Fail(t, "something came before the answer", "join %d: %+v", i, r.Body)
		}
		beside.Wait()
		last := writer.post("a", "last")
		for seq := joined.Seq + 1; seq <= last; seq++ {
			require.Equal(t, seq, push[wire.EventPush](p).Seq, "join %d", i)
		}
		require.NoError(t, p.conn.Close())
	}
}
