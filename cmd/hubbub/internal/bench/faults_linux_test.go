package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
)

// broken is a plain server that gives each member what a fault makes of the
// messages: member n of its room is to get these, now.
type broken struct {
	fault func(member, nth int, msg string) []string

	mu      sync.Mutex
	members []*websocket.Conn
	said    int
}

func (b *broken) serve(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	b.mu.Lock()
	b.members = append(b.members, c)
	b.mu.Unlock()
	for {
		_, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		b.mu.Lock()
		for i, m := range b.members {
			for _, msg := range b.fault(i, b.said, string(data)) {
				_ = m.Write(r.Context(), websocket.MessageText, []byte(msg))
			}
		}
		b.said++
		b.mu.Unlock()
	}
}

// fanoutOn measures a small room on a server with a fault.
func fanoutOn(t *testing.T, fault func(member, nth int, msg string) []string) (Result, error) {
	b := &broken{fault: fault}
	s := httptest.NewServer(http.HandlerFunc(b.serve))
	defer s.Close()
	u, err := url.Parse(strings.Replace(s.URL, "http", "ws", 1))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return Fanout(ctx, "fanout", &Target{Name: "broken", URL: u, Dialect: dialect.Raw{}}, FanoutConfig{
		Settings: Settings{Duration: 200 * time.Millisecond}, Rooms: 1, Members: 5, Senders: 2, Rate: 200,
	})
}

// A checker that cannot turn red proves nothing.
func TestFaultyServersAreFoundOut(t *testing.T) {
	faithful := func(_, _ int, msg string) []string { return []string{msg} }
	r, err := fanoutOn(t, faithful)
	require.NoError(t, err)
	require.False(t, r.Wrong(), r)
	require.Positive(t, r.Deliveries)
	require.NotNil(t, r.P99)
	require.Nil(t, r.CPU, "there is no figure of a process that is not known")

	r, err = fanoutOn(t, func(member, nth int, msg string) []string {
		if member == 3 && nth == 7 {
			return nil
		}
		return []string{msg}
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Lost)
	require.Zero(t, r.Repeated+r.Disordered)

	r, err = fanoutOn(t, func(member, nth int, msg string) []string {
		if member == 3 && nth == 7 {
			return []string{msg, msg}
		}
		return []string{msg}
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Repeated)
	require.Zero(t, r.Lost)

	held := ""
	r, err = fanoutOn(t, func(member, nth int, msg string) []string { // of two senders: each one's order stays
		switch {
		case member == 3 && nth == 7:
			held = msg
			return nil
		case member == 3 && nth == 8:
			return []string{msg, held}
		}
		return []string{msg}
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Disordered)
	require.Zero(t, r.Lost+r.Repeated)

	_, err = fanoutOn(t, func(_, _ int, msg string) []string { return []string{strings.Replace(msg, "~hb", "~xx", 1)} })
	require.ErrorContains(t, err, "without a stamp")
}

func TestAChangedMessageIsFoundOut(t *testing.T) {
	b := &broken{fault: func(_, _ int, msg string) []string { return []string{msg[:len(msg)-1] + "y"} }}
	s := httptest.NewServer(http.HandlerFunc(b.serve))
	defer s.Close()
	u, err := url.Parse(strings.Replace(s.URL, "http", "ws", 1))
	require.NoError(t, err)
	_, err = Fanout(t.Context(), "fanout", &Target{URL: u, Dialect: dialect.Raw{}}, FanoutConfig{
		Settings: Settings{Duration: 10 * time.Second}, Rooms: 1, Members: 4, Senders: 1, Window: 64,
	})
	require.ErrorContains(t, err, "changed on its way")
}

func TestAServerThatCutsIsFoundOut(t *testing.T) {
	var b *broken
	b = &broken{fault: func(member, nth int, msg string) []string {
		if member == 2 && nth == 5 {
			_ = b.members[2].CloseNow()
		}
		return []string{msg}
	}}
	s := httptest.NewServer(http.HandlerFunc(b.serve))
	defer s.Close()
	u, err := url.Parse(strings.Replace(s.URL, "http", "ws", 1))
	require.NoError(t, err)
	_, err = Fanout(t.Context(), "fanout", &Target{URL: u, Dialect: dialect.Raw{}}, FanoutConfig{
		Settings: Settings{Duration: 10 * time.Second}, Rooms: 1, Members: 4, Senders: 1, Rate: 100,
	})
	require.ErrorContains(t, err, "a client was cut off")
}

// Delay that the server makes its publisher wait for is in the figures: a message
// is timed from when it was due.
func TestCoordinatedOmissionHidesNothing(t *testing.T) {
	stop := make(chan struct{})
	r, err := fanoutOn(t, func(member, nth int, msg string) []string {
		if member == 0 && nth == 10 {
			timer := time.NewTimer(100 * time.Millisecond)
			defer timer.Stop()
			select { // the whole server stands still, once
			case <-timer.C:
			case <-stop:
			}
		}
		return []string{msg}
	})
	close(stop)
	require.NoError(t, err)
	require.False(t, r.Wrong())
	// 20 messages were due while it stood still. Had they been timed from when they
	// could be sent, the median would not know.
	require.Greater(t, *r.P99, 80_000.0)
	require.Greater(t, *r.P50, 5_000.0)
}

func TestLimitsOfDescriptorsAreTold(t *testing.T) {
	target := &Target{Name: "x", URL: &url.URL{Scheme: "ws", Host: "127.0.0.1:1"}, Dialect: dialect.Raw{}}
	_, err := Fanout(t.Context(), "fanout", target, FanoutConfig{Rooms: 1, Members: 1 << 30, Senders: 1, Rate: 1})
	require.ErrorContains(t, err, "raise the limit")
	target.PID = 1 << 30
	_, err = Fanout(t.Context(), "fanout", target, FanoutConfig{Rooms: 1, Members: 1, Senders: 1, Rate: 1})
	require.ErrorContains(t, err, "no such process")
}

// A server that asks its clients to come later, as one does in a storm, is not at
// fault: they do.
func TestWhoIsSentAwayComesLater(t *testing.T) {
	b := &broken{fault: func(_, _ int, msg string) []string { return []string{msg} }}
	var mu sync.Mutex
	turned := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		turned++
		n := turned
		mu.Unlock()
		switch {
		case n <= 3:
			http.Error(w, "later", http.StatusServiceUnavailable)
		default:
			b.serve(w, r)
		}
	}))
	defer s.Close()
	u, err := url.Parse(strings.Replace(s.URL, "http", "ws", 1))
	require.NoError(t, err)
	r, err := Idle(t.Context(), &Target{URL: u, Dialect: dialect.Raw{}}, IdleConfig{Settings: Settings{Duration: time.Millisecond}, Conns: 6, RoomSize: 6})
	require.NoError(t, err)
	require.False(t, r.Wrong(), r)
	require.EqualValues(t, 6, r.Deliveries)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 9, turned)
}
