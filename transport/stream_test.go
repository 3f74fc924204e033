package transport

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// sseMessage is one message of an event stream, as a browser would give it.
type sseMessage struct {
	id    string // of this message or, if it has none, of the last that had
	moved bool   // it has one itself
	data  string
	kind  string // the frame's type
	frame wire.Reply
}

// sseStream is a client of GET /sse. One goroutine uses it.
type sseStream struct {
	t      testing.TB
	status int
	header http.Header
	body   io.ReadCloser
	lines  *bufio.Reader
	cancel context.CancelFunc
	lastID string
	retry  string
}

// stream opens GET /sse with a query and headers.
func (e *edge) stream(query string, headers ...string) *sseStream {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.addr+"/sse"+query, nil)
	require.NoError(e.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(e.t, err)
	return &sseStream{
		t: e.t, status: resp.StatusCode, header: resp.Header, body: resp.Body,
		lines: bufio.NewReader(resp.Body), cancel: cancel,
	}
}

func (s *sseStream) close() {
	s.cancel()
	_ = s.body.Close()
}

// refusal reads the answer of a stream that did not begin.
func (s *sseStream) refusal() reply {
	s.t.Helper()
	body, err := io.ReadAll(s.body)
	require.NoError(s.t, err)
	req, err := http.NewRequest(http.MethodGet, "http://hub/sse", nil)
	require.NoError(s.t, err)
	r := reply{s.status, s.header, body}
	holdToContract(s.t, req, r)
	return r
}

// message reads the next message by the rules of the HTML standard; false at the
// end of the stream.
func (s *sseStream) message() (sseMessage, bool) {
	s.t.Helper()
	var m sseMessage
	var data []string
	for {
		line, err := s.lines.ReadString('\n')
		if err == io.EOF {
			return m, false
		}
		require.NoError(s.t, err)
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && data != nil:
			m.data, m.id = strings.Join(data, "\n"), s.lastID
			m.frame, err = wire.DecodeReply([]byte(m.data))
			require.NoError(s.t, err, "%s", m.data)
			m.kind = m.frame.Body.(interface{ Type() string }).Type()
			return m, true
		case field == "id":
			s.lastID, m.moved = value, true
		case field == "data":
			data = append(data, value)
		case field == "retry":
			s.retry = value
		default:
			require.Empty(s.t, line, "a field that has no meaning")
		}
	}
}

// next reads the next message, pings aside.
func (s *sseStream) next() sseMessage {
	s.t.Helper()
	for {
		m, ok := s.message()
		require.True(s.t, ok, "the stream ended")
		if m.kind != "ping" {
			return m
		}
	}
}

// nextFrame reads the next message, which must be a T, and gives its frame.
func nextFrame[T any](s *sseStream) *T {
	s.t.Helper()
	m := s.next()
	body, ok := m.frame.Body.(*T)
	require.True(s.t, ok, "%s", m.data)
	return body
}
