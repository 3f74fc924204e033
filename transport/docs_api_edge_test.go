package transport

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// TestTurns: who waits for a turn in vain is told to try again.
func TestTurns(t *testing.T) {
	turns := make(chan struct{}, 1)
	done, err := takeTurn(t.Context(), turns)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = takeTurn(ctx, turns)
	require.Equal(t, room.CodeUnavailable, room.AsError(err).Code)
	done()
	done, err = takeTurn(t.Context(), turns)
	require.NoError(t, err)
	done()
}

// TestDocsFromOtherOrigins: a page that is allowed to may use every method.
func TestDocsFromOtherOrigins(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Origins = []string{"https://app.example"} })
	r := e.call("OPTIONS", doc, "", "Origin: https://app.example")
	require.Equal(t, "GET, POST, PUT, PATCH, DELETE", r.header.Get("Access-Control-Allow-Methods"))
	require.Contains(t, r.header.Get("Access-Control-Expose-Headers"), "Hubbub-Seq")
	r = e.call("OPTIONS", "/api/publish", "", "Origin: https://app.example")
	require.Equal(t, "GET, POST", r.header.Get("Access-Control-Allow-Methods"))
	refused(t, e.call("DELETE", doc, "", "Origin: https://evil.example", withKey), 403, room.CodeForbidden, "may not use this hub")
}
