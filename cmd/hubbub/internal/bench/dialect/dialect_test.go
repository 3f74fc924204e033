package dialect

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// said keeps what a peer sends.
type said []string

func (s *said) Send(msg []byte) { *s = append(*s, string(msg)) }

const payload = "~hb00010000000200000000000000ff~xx"

// step is a message of the server's, and what a peer makes of it.
type step struct {
	hears string
	is    Kind
	id    uint64
	says  string // "": nothing
}

// walk lets a peer hear one message after the other.
func walk(t *testing.T, d Dialect, p *Peer, steps []step) {
	t.Helper()
	for _, s := range steps {
		var out said
		heard, err := d.Hear(p, []byte(s.hears), &out)
		require.NoError(t, err, s.hears)
		require.Equal(t, Heard{s.is, s.id}, heard, s.hears)
		require.Equal(t, s.says, strings.Join(out, "|"), s.hears)
	}
}

func opened(d Dialect, p *Peer) (in bool, says string) {
	var out said
	in = d.Opened(p, &out)
	return in, strings.Join(out, "|")
}

func urlOf(t *testing.T, d Dialect, base string) string {
	u, err := url.Parse(base)
	require.NoError(t, err)
	return d.URL(u, "a")
}

func TestEveryNameHasItsDialect(t *testing.T) {
	for _, name := range Names {
		d, err := New(name)
		require.NoError(t, err)
		require.Equal(t, name, d.Name())
		require.Contains(t, string(d.AppendPublish(nil, &Peer{Room: "a"}, FirstID, []byte(payload))), payload)
		require.Contains(t, urlOf(t, d, "ws://h:1/own?x=1"), "ws://h:1/own?", "a path of the user's own stays")
	}
	_, err := New("mqtt")
	require.ErrorContains(t, err, "known are hubbub, raw, centrifugo, socketio")
}

func TestHubbub(t *testing.T) {
	d, p := Hubbub{}, &Peer{Room: "a", Token: "t", Track: true, Since: &Position{"e", 40}}
	require.Equal(t, "ws://h:1/ws", urlOf(t, d, "ws://h:1"))
	in, says := opened(d, p)
	require.False(t, in)
	require.Contains(t, says, `"token":"t"`)
	event := `{"type":"event","room":"a","seq":43,"event":{"v":1,"kind":"message","user":"u","at":1,"text":"` + payload + `"}}`
	walk(t, d, p, []step{
		{`{"type":"connected","id":1,"user":"u","conn":"c","ping_ms":1,"server":"s","version":1}`, Nothing, 0, `{"type":"join","id":2,"room":"a","since":{"epoch":"e","seq":40}}`},
		{`{"type":"joined","id":2,"room":"a","epoch":"e","seq":41,"live":false,"events":[]}`, Page, 0, `{"type":"join","id":2,"room":"a","since":{"epoch":"e","seq":41}}`},
		{`{"type":"joined","id":2,"room":"a","epoch":"e","seq":42,"live":true,"events":[]}`, Entered, 0, ""},
		{event, Delivery, 0, ""},
		{`{"type":"ack","id":12,"room":"a","seq":43,"epoch":"e"}`, Ack, 12, ""},
		{`{"type":"ping"}`, Nothing, 0, `{"type":"pong"}`},
		{`{"type":"disconnect","code":3004,"reason":"overloaded","retry_after_ms":1500}`, Nothing, 0, ""},
	})
	require.Equal(t, Position{"e", 43}, p.At)
	require.Equal(t, 1500*time.Millisecond, p.RetryAfter)
	text, err := d.Payload(p, []byte(event))
	require.NoError(t, err)
	require.Equal(t, payload, text)
	_, err = d.Payload(&Peer{Room: "b"}, []byte(event))
	require.ErrorContains(t, err, "a member of b")

	for _, bad := range []string{
		`{"type":"error","id":12,"code":"forbidden","message":"no"}`, `{"type":"reset","room":"a","epoch":"f","seq":1,"reason":"epoch"}`,
		`{"type":"left","room":"a","code":"forbidden","message":"no"}`, `nonsense`,
		`{"type":"joined","id":2,"room":"a","epoch":"f","seq":1,"live":true,"events":[],"reset":{"reason":"epoch"}}`,
	} {
		_, err := d.Hear(p, []byte(bad), new(said))
		require.Error(t, err, bad)
	}
}

// What is written by hand is what the codec reads.
func TestHubbubsCommandsAreCommands(t *testing.T) {
	p := &Peer{Room: "a"}
	c, err := wire.DecodeCommand(Hubbub{}.AppendPublish(nil, p, 12, []byte(payload)))
	require.NoError(t, err)
	publish := c.Body.(*wire.Publish)
	require.EqualValues(t, 12, c.ID)
	require.Equal(t, payload, publish.Event.Text)
	require.Equal(t, "000100000002", publish.Event.ID)
	c, err = wire.DecodeCommand(Hubbub{}.AppendHistory(nil, p, 13, 77, 20))
	require.NoError(t, err)
	require.Equal(t, 20, c.Body.(*wire.History).Limit)
}

func TestCentrifugo(t *testing.T) {
	d, p := Centrifugo{}, &Peer{Room: "a", Token: "t"}
	require.Equal(t, "ws://h:1/connection/websocket", urlOf(t, d, "ws://h:1"))
	_, says := opened(d, p)
	require.JSONEq(t, `{"id":1,"connect":{"token":"t"}}`, says)
	push := `{"push":{"channel":"a","pub":{"data":"` + payload + `","offset":3}}}`
	walk(t, d, p, []step{
		{`{"id":1,"connect":{"client":"c","version":"6","ping":25,"pong":true}}`, Nothing, 0, `{"id":2,"subscribe":{"channel":"a"}}`},
		{`{"id":2,"subscribe":{}}`, Entered, 0, ""},
		{push, Delivery, 0, ""},
		{`{"push":{"channel":"a","join":{"info":{"user":"u"}}}}`, Nothing, 0, ""},
		{`{"id":12,"publish":{}}`, Ack, 12, ""},
		{`{}`, Nothing, 0, `{}`},
	})
	var parts []string
	d.Each([]byte(push+"\n{}\n"), func(part []byte) { parts = append(parts, string(part)) })
	require.Equal(t, []string{push, "{}"}, parts)
	text, err := d.Payload(p, []byte(push))
	require.NoError(t, err)
	require.Equal(t, payload, text)
	require.JSONEq(t, `{"id":12,"publish":{"channel":"a","data":"`+payload+`"}}`, string(d.AppendPublish(nil, p, 12, []byte(payload))))
	_, err = d.Hear(p, []byte(`{"id":2,"error":{"code":103,"message":"permission denied"}}`), new(said))
	require.ErrorContains(t, err, "103 permission denied")
}

func TestSocketIO(t *testing.T) {
	d, p := SocketIO{}, &Peer{Room: "a", Token: "t"}
	require.Equal(t, "ws://h:1/socket.io/?EIO=4&transport=websocket", urlOf(t, d, "ws://h:1"))
	in, says := opened(d, p)
	require.False(t, in)
	require.Empty(t, says)
	event := `42["message","` + payload + `"]`
	walk(t, d, p, []step{
		{`0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, Nothing, 0, `40{"token":"t"}`},
		{`40{"sid":"n"}`, Nothing, 0, `421["join","a"]`},
		{`431[]`, Entered, 0, ""},
		{event, Delivery, 0, ""},
		{`2`, Nothing, 0, `3`},
	})
	text, err := d.Payload(p, []byte(event))
	require.NoError(t, err)
	require.Equal(t, payload, text)
	require.Equal(t, `42["publish","a","`+payload+`"]`, string(d.AppendPublish(nil, p, 12, []byte(payload))))
	for _, bad := range []string{`44{"message":"no"}`, `41`, `1`, ``} {
		_, err := d.Hear(p, []byte(bad), new(said))
		require.Error(t, err, bad)
	}
}
