package client

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

func TestAddressesAreTriedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := newAddresses("ws://a.test, http://b.test,wss://c.test/x")
		require.NoError(t, err)
		var tried []string
		for n := range 9 {
			tried = append(tried, a.url())
			wait := a.failed(n, 0)
			switch n % 3 {
			case 0, 1:
				require.Less(t, wait, nextWithin, "the next one at once")
			case 2:
				require.LessOrEqual(t, wait, backoffBase<<(n/3), "the nth round waits as the nth try of one address")
			}
			time.Sleep(wait)
		}
		require.Equal(t, tried[:3], tried[3:6])
		require.Equal(t, tried[:3], tried[6:])
		slices.Sort(tried)
		require.Equal(t, []string{"ws://a.test/ws", "ws://b.test/ws", "wss://c.test/x/ws"}, slices.Compact(tried))
	})
}

func TestAddressesAreLeftAloneForAsLongAsTheyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := newAddresses("ws://a.test,ws://b.test")
		require.NoError(t, err)
		busy := a.url()
		require.Less(t, a.failed(0, time.Hour), nextWithin)
		for n := 1; n < 5; n++ {
			require.NotEqual(t, busy, a.url())
			wait := a.failed(n, 0)
			require.Less(t, wait, time.Minute)
			time.Sleep(wait)
		}
		require.Greater(t, a.failed(5, 2*time.Hour), 50*time.Minute, "both ask for patience: the one that asks for less")
		require.Equal(t, busy, a.url())
	})
	synctest.Test(t, func(t *testing.T) {
		a, err := newAddresses("ws://a.test")
		require.NoError(t, err)
		require.GreaterOrEqual(t, a.failed(0, time.Minute), time.Minute)
	})
}

func TestAddressesThatAreSpreadOverMany(t *testing.T) {
	first := map[string]int{}
	for range 300 {
		a, err := newAddresses("ws://a.test,ws://b.test,ws://c.test")
		require.NoError(t, err)
		first[a.url()]++
	}
	require.Len(t, first, 3)
	for url, n := range first {
		require.Greater(t, n, 50, url)
	}
	for _, list := range []string{"", "ws://a.test,", ",", "ws://a.test;ws://b.test:x:y,ftp://c"} {
		_, err := newAddresses(list)
		require.ErrorContains(t, err, "give the hub's address", list)
	}
}

// several makes a client of two instances; at gives the one that a host is.
func several(t *testing.T, opts Options) (c *Client, at map[string]*peer) {
	at = map[string]*peer{"a.test": newPeer(t), "b.test": newPeer(t)}
	opts.URL = "ws://a.test,ws://b.test"
	opts.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case at[strings.TrimSuffix(addr, ":80")].dials <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}}
	c, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, at
}

// first gives the instance that the client has come to first, and the other.
func first(at map[string]*peer) (conn *peerConn, other *peer) {
	select {
	case conn = <-at["a.test"].accepted:
		return conn, at["b.test"]
	case conn = <-at["b.test"].accepted:
		return conn, at["a.test"]
	}
}

func TestAClientThatIsMovedGoesToTheNextAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c, at := several(t, Options{GetToken: func(context.Context, TokenReason) (string, error) {
			asked++
			return "t", nil
		}})
		conn, other := first(at)
		id, _ := take[*wire.Connect](conn)
		hello := someone
		hello.ExpiresAt = time.Now().Add(time.Hour).UnixMilli()
		conn.reply(id, hello)
		require.NoError(t, c.WaitConnected(t.Context()))
		begun := time.Now()
		conn.end(wire.CloseMoved, 150*time.Millisecond)
		next := other.connection()
		require.Less(t, time.Since(begun), nextWithin)
		id, cmd := take[*wire.Connect](next)
		require.Equal(t, "t", cmd.Token)
		require.Equal(t, 1, asked, "nobody is asked for what still holds")
		hello.ExpiresAt = time.Now().Add(refreshEarly / 2).UnixMilli()
		next.reply(id, hello)
		require.NoError(t, c.WaitConnected(t.Context()))
		next.end(wire.CloseMoved, 150*time.Millisecond)
		back, _ := first(at)
		_, _ = take[*wire.Connect](back)
		require.Equal(t, 2, asked, "a token that is almost over is not brought")
	})
}

func TestDialTriesAllAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, at := several(t, Options{})
		conn, other := first(at)
		conn.cut()
		other.connect()
		require.NoError(t, <-c.first)
	})
	synctest.Test(t, func(t *testing.T) {
		c, at := several(t, Options{})
		conn, other := first(at)
		conn.cut()
		other.connection().cut()
		require.Error(t, <-c.first)
	})
}
