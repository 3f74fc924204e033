package transport

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// ids gives the ids of a room's events, in order.
func (e *edge) ids(name string) []string {
	e.t.Helper()
	page := decode[wire.HistoryPage](e.t, e.call("POST", "/api/history", `{"room":"`+name+`","limit":200}`, withKey))
	ids := make([]string, len(page.Events))
	for i, it := range page.Events {
		event, err := room.DecodeEvent(it.Event)
		require.NoError(e.t, err)
		ids[i] = event.ID
	}
	return ids
}

// TestIdempotencyKeyStandsForTheID: a repeat is answered with the first one's
// place, whatever else it says, and stored once.
func TestIdempotencyKeyStandsForTheID(t *testing.T) {
	e := newAPIEdge(t)
	send := func(roomName, user, key, text string) wire.Ack {
		return decode[wire.Ack](t, e.call("POST", "/api/publish", fmt.Sprintf(`{"room":%q,"as":{"user":%q},"event":{"text":%q}}`, roomName, user, text), withKey, "Idempotency-Key: "+key))
	}
	first := send("a", "ann", "k1", "one")
	require.False(t, first.Duplicate)
	again := send("a", "ann", "k1", "something else")
	require.True(t, again.Duplicate)
	require.Equal(t, first.Seq, again.Seq)

	require.False(t, send("a", "ann", "k2", "one").Duplicate, "another key")
	require.False(t, send("a", "bob", "k1", "one").Duplicate, "another author")
	require.False(t, send("b", "ann", "k1", "one").Duplicate, "another room")
	require.Equal(t, []string{"k1", "k2", "k1"}, e.ids("a"))

	own := decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"a","event":{"text":"x"}}`, e.bearer("ann", room.Everything()), "Idempotency-Key: k1"))
	require.Equal(t, first.Seq, own.Seq, "ann herself is the same author as a server that speaks for her")
	byID := decode[wire.Ack](t, e.call("POST", "/sse", `{"id":1,"type":"publish","room":"a","event":{"id":"k1","text":"x"}}`, e.bearer("ann", room.Everything())))
	require.Equal(t, first.Seq, byID.Seq, "the key is the event's id")
}

func TestIdempotencyKeyOfABatch(t *testing.T) {
	e := newAPIEdge(t)
	long := strings.Repeat("k", maxIdempotencyKey)
	for _, key := range []string{"k", long} {
		send := func() wire.Acks {
			return decode[wire.Acks](t, e.call("POST", "/api/batch", `{"room":"`+key[:1]+`-`+fmt.Sprint(len(key))+`","as":{"user":"ann"},"events":[{"text":"0"},{"id":"mine","text":"1"},{"text":"2"}]}`, withKey, "Idempotency-Key: "+key))
		}
		first, again := send(), send()
		for i := range first.Acks {
			require.False(t, first.Acks[i].Duplicate)
			require.True(t, again.Acks[i].Duplicate)
			require.Equal(t, first.Acks[i].Seq, again.Acks[i].Seq)
		}
	}
	require.Equal(t, []string{"k/0", "mine", "k/2"}, e.ids("k-1"))
	hashed := e.ids(fmt.Sprintf("k-%d", len(long)))
	require.Len(t, hashed[0], 43)
	require.NotEqual(t, hashed[0], hashed[2])
}

// TestRefusalIsNotRemembered: what was refused may be mended and sent under the
// same key.
func TestRefusalIsNotRemembered(t *testing.T) {
	e := newAPIEdge(t)
	refused(t, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"text":" "}}`, withKey, "Idempotency-Key: k"), 400, room.CodeBadRequest, "neither text")
	ack := decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"text":"x"}}`, withKey, "Idempotency-Key: k"))
	require.False(t, ack.Duplicate)
}

func TestIdempotencyKeyRefusals(t *testing.T) {
	e := newAPIEdge(t)
	body := `{"room":"a","as":{"user":"ann"},"event":{"text":"x"}}`
	for _, c := range []struct {
		name    string
		headers []string
	}{
		{"empty", []string{"Idempotency-Key: "}},
		{"too long", []string{"Idempotency-Key: " + strings.Repeat("k", maxIdempotencyKey+1)}},
		{"twice", []string{"Idempotency-Key: a", "Idempotency-Key: b"}},
		{"beyond ASCII", []string{"Idempotency-Key: ä"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, e.call("POST", "/api/publish", body, append(c.headers, withKey)...), 400, room.CodeBadRequest, "Idempotency-Key")
		})
	}
	refused(t, e.call("POST", "/api/broadcast", `{"room":"a","as":{"user":"ann"},"data":1}`, withKey, "Idempotency-Key: k"), 400, room.CodeBadRequest, "not stored")
	require.True(t, json.Valid(e.call("POST", "/api/history", `{"room":"a"}`, withKey, "Idempotency-Key: k").body))
}
