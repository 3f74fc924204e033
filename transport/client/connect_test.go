package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// recorder keeps the states that a client goes through.
type recorder struct {
	mu  sync.Mutex
	all []Status
}

func (r *recorder) note(s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, s)
}

func (r *recorder) states() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]State, len(r.all))
	for i, s := range r.all {
		list[i] = s.State
	}
	return list
}

func TestStatesTellTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, rec := newPeer(t), new(recorder)
		c := p.client(Options{Token: "t1", Software: "test/1", OnStatus: rec.note})
		require.Equal(t, Connecting, c.Status().State)
		conn := p.connection()
		id, cmd := take[*wire.Connect](conn)
		require.Equal(t, &wire.Connect{Token: "t1", Client: "test/1"}, cmd)
		conn.reply(id, someone)
		require.NoError(t, c.WaitConnected(t.Context()))
		require.Equal(t, User{"ann", "Ann"}, c.User())
		conn.cut()
		synctest.Wait()
		st := c.Status()
		require.Equal(t, Disconnected, st.State)
		require.Error(t, st.Err)
		require.False(t, st.RetryAt.IsZero())
		require.LessOrEqual(t, time.Until(st.RetryAt), backoffBase)
		p.connect()
		require.NoError(t, c.WaitConnected(t.Context()))
		synctest.Wait()
		c.Close()
		require.Equal(t, []State{Connecting, Connected, Disconnected, Connecting, Connected, Disconnected}, rec.states())
		require.ErrorIs(t, c.Err(), ErrClosed)
		require.ErrorIs(t, c.WaitConnected(t.Context()), ErrClosed)
		_, err := c.Room("a").Send(t.Context(), Text("x"))
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, c.Room("a").Join(t.Context()), ErrClosed)
	})
}

func TestCloseCodesDecideWhetherToComeBack(t *testing.T) {
	for _, code := range append(slices.Clone(wire.CloseCodes), 1001, 3499, 3999, 4000) {
		t.Run(code.Name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				c := p.client(Options{Token: "t"})
				p.connect().end(code, 0)
				back := code.Reconnect() && code != wire.CloseTokenExpired // there is no other token
				if back {
					p.connect()
					require.NoError(t, c.WaitConnected(t.Context()))
					return
				}
				<-c.Done()
				ce, ok := errors.AsType[*CloseError](c.Err())
				require.True(t, ok, "%v", c.Err())
				require.Equal(t, code, ce.Code)
				synctest.Wait()
				require.Equal(t, Disconnected, c.Status().State)
				require.True(t, c.Status().RetryAt.IsZero())
				_, err := c.Room("a").Send(t.Context(), Text("x"))
				require.ErrorAs(t, err, &ce)
			})
		})
	}
}

func TestBackoffKeepsToThePage(t *testing.T) {
	for n := range 40 {
		lowest, highest := time.Hour, time.Duration(0)
		for range 2000 {
			d := backoff(n, 0)
			lowest, highest = min(lowest, d), max(highest, d)
		}
		most := backoffCap
		if n < 7 {
			most = backoffBase << n
		}
		require.LessOrEqual(t, highest, most)
		require.Greater(t, highest, most*9/10)
		if n == 0 {
			require.Less(t, lowest, backoffBase/10)
		} else {
			require.GreaterOrEqual(t, lowest, backoffBase)
		}
		require.GreaterOrEqual(t, backoff(n, time.Minute), time.Minute)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		wait := func(break_ func(), atLeast time.Duration) {
			t.Helper()
			start := time.Now()
			break_()
			conn := p.connect()
			require.GreaterOrEqual(t, time.Since(start), atLeast)
			require.NoError(t, c.WaitConnected(t.Context()))
			conn.cut()
		}
		wait(func() { p.connect().end(wire.CloseOverloaded, 90*time.Second) }, 90*time.Second)
		wait(func() {
			conn := p.connection()
			id, _ := take[*wire.Connect](conn)
			conn.reply(id, wire.Error{Code: room.CodeUnavailable, Message: "later", RetryAfterMS: 70_000})
		}, 70*time.Second)
	})
}

func TestHandshakeThatIsRefusedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, refused := newPeer(t), 0
		p.refusing(func(w http.ResponseWriter) bool {
			if refused++; refused > 3 {
				return false
			}
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		start := time.Now()
		c := p.client(Options{})
		synctest.Wait()
		require.ErrorContains(t, c.Status().Err, "503")
		p.connect()
		require.GreaterOrEqual(t, time.Since(start), 3*time.Minute)
	})
}

func TestDialGivesUpAtOnce(t *testing.T) {
	_, err := Dial(t.Context(), Options{URL: "ws://127.0.0.1:1"})
	require.ErrorContains(t, err, "127.0.0.1:1")
	for url, want := range map[string]string{
		"": "ws://", "127.0.0.1:8080": "ws://", "ftp://x": "ftp", "ws://": "host", "ws://u:p@x": "token", "ws://x?token=t": "logs", "ws://x?access_token=t": "logs", "ws://%": "cannot",
	} {
		_, err := Dial(t.Context(), Options{URL: url})
		require.ErrorContains(t, err, want, url)
	}
	for url, want := range map[string]string{
		"ws://x": "ws://x/ws", "http://x:1/": "ws://x:1/ws", "https://x/chat": "wss://x/chat/ws", "wss://x/chat/ws": "wss://x/chat/ws", "ws://x/ws#f": "ws://x/ws",
	} {
		got, err := endpoint(url)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestTokensAreAskedForWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		asked := make(chan TokenReason, 9)
		c := p.client(Options{GetToken: func(_ context.Context, why TokenReason) (string, error) {
			asked <- why
			return "for-" + string(why), nil
		}})
		refuse := func(code room.Code) {
			conn := p.connection()
			id, _ := take[*wire.Connect](conn)
			conn.reply(id, wire.Error{Code: code, Message: "no"})
		}
		require.Equal(t, TokenConnect, <-asked)
		refuse(room.CodeTokenExpired)
		require.Equal(t, TokenExpired, <-asked)
		conn := p.connection()
		id, cmd := take[*wire.Connect](conn)
		require.Equal(t, "for-expired", cmd.Token)
		expires := time.Now().Add(10 * time.Minute)
		with := someone
		with.ExpiresAt = expires.UnixMilli()
		conn.reply(id, with)

		renewal := later(func() (*wire.Refresh, error) {
			id, cmd := take[*wire.Refresh](conn)
			conn.reply(id, wire.Refreshed{ExpiresAt: time.Now().Add(time.Hour).UnixMilli()})
			return cmd, nil
		})
		require.Equal(t, TokenExpiring, <-asked, "a new token is asked for before the old one ends")
		require.Less(t, time.Until(expires), 2*time.Minute)
		require.Greater(t, time.Until(expires), time.Duration(0))
		require.Equal(t, "for-expiring", (<-renewal).value.Token)
		conn.end(wire.CloseUnauthorized, 0) // as when the user was locked out

		require.Equal(t, TokenRefused, <-asked)
		refuse(room.CodeUnauthorized)
		<-c.Done()
		require.ErrorIs(t, c.Err(), ErrUnauthorized)
	})
}

func TestATokenSourceThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, tries := newPeer(t), 0
		p.client(Options{GetToken: func(context.Context, TokenReason) (string, error) {
			if tries++; tries < 3 {
				return "", errors.New("the token service is down")
			}
			return "good", nil
		}})
		_, cmd := take[*wire.Connect](p.connection())
		require.Equal(t, "good", cmd.Token)
	})
}

func TestGuestsComeBackAsThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{Name: "Gast"})
		conn := p.connection()
		id, cmd := take[*wire.Connect](conn)
		require.Equal(t, "Gast", cmd.Name)
		require.Empty(t, cmd.Token)
		guest := someone
		guest.User, guest.Token = "guest-1", "guest-token"
		conn.reply(id, guest)
		require.NoError(t, c.WaitConnected(t.Context()))
		conn.cut()
		conn = p.connection()
		id, cmd = take[*wire.Connect](conn)
		require.Equal(t, "guest-token", cmd.Token)
		conn.reply(id, wire.Error{Code: room.CodeTokenExpired, Message: "over"})
		_, cmd = take[*wire.Connect](p.connection())
		require.Empty(t, cmd.Token, "a guest whose token is over is a new guest")
	})
}

func TestASilentHubIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		conn := p.connect()
		start := time.Now()
		_, data, err := conn.ws.Read(t.Context())
		require.NoError(t, err)
		require.JSONEq(t, `{"type":"ping","id":2}`, string(data))
		require.Equal(t, 25*time.Second, time.Since(start).Round(time.Second))
		conn.raw(`{"type":"pong","id":2}`)
		_, _, err = conn.ws.Read(t.Context()) // the next ping, which is not answered
		require.NoError(t, err)
		answered := time.Now()
		_, _, err = conn.ws.Read(t.Context())
		require.Error(t, err, "the client hangs up")
		require.Equal(t, 10*time.Second, time.Since(answered).Round(time.Second))
		p.connect()
		require.NoError(t, c.WaitConnected(t.Context()))
	})
}

func TestPingsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.client(Options{})
		conn := p.connect()
		conn.push(wire.PingPush{})
		_, data, err := conn.ws.Read(t.Context())
		require.NoError(t, err)
		require.JSONEq(t, `{"type":"pong"}`, string(data))
	})
}

func TestFramesThatCannotBeReadEndTheConnection(t *testing.T) {
	for _, frame := range []string{`{`, `[]`, `{"type":"event","room":"a","seq":"x","event":{}}`, `{"type":"error","code":"bad_request","message":"frame: is not JSON"}`} {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t)
			c := p.client(Options{})
			p.connect().raw(frame)
			p.connect() // what was missed can be an event: the client resumes
			require.NoError(t, c.WaitConnected(t.Context()))
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		conn := p.connect()
		conn.raw(`{"type":"hologram","later":[1]}`)
		conn.raw(`{"type":"pong","id":77}`)
		require.NoError(t, c.WaitConnected(t.Context()))
		require.True(t, conn.silent(10*time.Second), "frames of a newer hub are ignored")
	})
}
