package floor

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func start(t *testing.T) string {
	s, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, s.Close())
	})
	return "ws://" + s.Addr().String()
}

// dial is another's client, so that the floor is held to RFC 6455 and not to our
// own reading of it.
func dial(t *testing.T, url string) *websocket.Conn {
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(text)))
}

func hear(t *testing.T, c *websocket.Conn) string {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := c.Read(ctx)
	require.NoError(t, err)
	return string(data)
}

func TestEveryoneOfARoomHearsEverythingInOneOrder(t *testing.T) {
	url := start(t)
	a, b, other := dial(t, url+"?room=a"), dial(t, url+"?room=a"), dial(t, url+"?room=b")
	say(t, a, "one")
	require.Equal(t, "one", hear(t, a))
	say(t, b, "two")
	big := strings.Repeat("b", 70_000)
	require.Equal(t, []string{"one", "two"}, []string{hear(t, b), hear(t, b)})
	say(t, b, big)
	require.Equal(t, []string{"two", big}, []string{hear(t, a), hear(t, a)})
	require.Equal(t, big, hear(t, b))
	say(t, other, "elsewhere")
	require.Equal(t, "elsewhere", hear(t, other), "the first that it hears: nothing of room a")
}

func TestMembersComeAndGo(t *testing.T) {
	url := start(t)
	stays := dial(t, url+"?room=a")
	for i := range 20 {
		goes := dial(t, url+"?room=a")
		say(t, goes, "hello")
		require.Equal(t, "hello", hear(t, stays))
		require.Equal(t, "hello", hear(t, goes))
		if i%2 == 0 {
			require.NoError(t, goes.Close(websocket.StatusNormalClosure, "")) // it answers the close frame
		} else {
			require.NoError(t, goes.CloseNow())
		}
	}
	require.NoError(t, func() error {
		ctx := stays.CloseRead(t.Context())
		return stays.Ping(ctx)
	}())
}

// A member that does not read does not stop the others, and gets all once it does.
func TestAMemberThatDoesNotRead(t *testing.T) {
	url := start(t)
	sender, slow := dial(t, url), dial(t, url)
	text := strings.Repeat("s", 100_000)
	const n = 200 // 20 MB, far more than the sockets hold
	for range n {
		say(t, sender, text)
		require.Equal(t, text, hear(t, sender))
	}
	for range n {
		require.Equal(t, text, hear(t, slow))
	}
}

func TestTheFloorRefuses(t *testing.T) {
	url := start(t)
	resp, err := http.Get(strings.Replace(url, "ws:", "http:", 1))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	_, err = Listen("localhost")
	require.ErrorContains(t, err, "give an IPv4 address and a port")
	_, err = Listen(strings.TrimPrefix(url, "ws://"))
	require.ErrorContains(t, err, "address already in use")
}
