package bridge

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// messageOf makes a message of headers, a line each, and a body.
func messageOf(headers, body string) *nats.Msg {
	msg := &nats.Msg{Subject: "hubbub.live.1.lobby", Header: nats.Header{}, Data: []byte(body)}
	for line := range strings.Lines(headers) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\n"), ":"); ok {
			msg.Header[k] = append(msg.Header[k], strings.TrimSpace(v))
		}
	}
	return msg
}

func TestDecodeLive(t *testing.T) {
	e, err := decodeLive(messageOf("Nats-Sequence: 7\nNats-Last-Sequence: 3\n", "x"))
	require.NoError(t, err)
	require.Equal(t, []uint64{7, 3}, []uint64{e.Seq, e.Prev})
	for headers, want := range map[string]string{
		"":                                      "Nats-Sequence is there 0 times",
		"Nats-Sequence: 7\n":                    "Nats-Last-Sequence is there 0 times",
		"Nats-Sequence: -7\n":                   "invalid syntax",
		"Nats-Sequence: 1e3\n":                  "invalid syntax",
		"Nats-Sequence: 99999999999999999999\n": "out of range",
		"Nats-Sequence: 7\nNats-Sequence: 8\nNats-Last-Sequence: 3\n": "there 2 times",
		"Nats-Sequence: 7\nNats-Last-Sequence: 7\n":                   "7 after 7",
		"Nats-Sequence: 0\nNats-Last-Sequence: 0\n":                   "0 after 0",
	} {
		_, err := decodeLive(messageOf(headers, "x"))
		require.ErrorContains(t, err, want, "%q", headers)
	}
}

func TestDecodeAck(t *testing.T) {
	ack, err := decodeAck(messageOf("", `{"stream":"S","seq":9,"duplicate":true}`))
	require.NoError(t, err)
	require.Equal(t, uint64(9), ack.Seq)
	require.True(t, ack.Duplicate)
	for body, want := range map[string]string{
		"": "is empty", "{}": "has no sequence", "[]": "cannot unmarshal", `{"seq":-1}`: "cannot unmarshal",
		`{"seq":9,"error":{"code":400,"err_code":10201,"description":"twice"}}`: "twice (10201)",
	} {
		_, err := decodeAck(messageOf("", body))
		require.ErrorContains(t, err, want, "%q", body)
	}
	_, err = decodeAck(messageOf("Status: 503\n", ""))
	require.ErrorContains(t, err, "no stream takes this subject")
}

const eob = "Status: 204\nDescription: EOB\n"

func TestDirectAnswerHoldsTogether(t *testing.T) {
	one, two := "Nats-Sequence: 3\nNats-Last-Sequence: 0\n", "Nats-Sequence: 9\nNats-Last-Sequence: 3\n"
	for _, c := range []struct {
		name string
		msgs []string
		want string
	}{
		{"whole", []string{one, two, eob + "Nats-Num-Pending: 4\nNats-Last-Sequence: 9\n"}, ""},
		{"nothing", []string{"Status: 404\n"}, ""},
		{"the first is missing", []string{two}, "9 comes after 0, and names 3"},
		{"one between is missing", []string{one, "Nats-Sequence: 12\nNats-Last-Sequence: 9\n"}, "12 comes after 3, and names 9"},
		{"the last is missing", []string{one, eob + "Nats-Num-Pending: 4\nNats-Last-Sequence: 9\n"}, "it ends with 9, and 3 was the last to come"},
		{"twice", []string{one, one}, "3 comes after 3"},
		{"backwards", []string{one, "Nats-Sequence: 2\nNats-Last-Sequence: 3\n"}, "2 comes after 3"},
		{"nothing after something", []string{one, "Status: 404\n"}, "nothing was found after 3"},
		{"refused", []string{"Status: 408\nDescription: Bad Request\n"}, "408 Bad Request"},
		{"nobody", []string{"Status: 503\n"}, "does not answer"},
		{"no count at the end", []string{one, eob}, "Nats-Num-Pending is there 0 times"},
		{"no headers", []string{""}, "Nats-Sequence is there 0 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a directAnswer
			var err error
			for _, headers := range c.msgs {
				if _, err = a.take(messageOf(headers, "x")); err != nil {
					break
				}
			}
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestDecodeStored(t *testing.T) {
	e, err := decodeStored([]byte(`{"message":{"seq":5,"data":"aGVsbG8="}}`))
	require.NoError(t, err)
	require.Equal(t, "hello", string(e.Data))
	require.Empty(t, e.header)
	e, err = decodeStored([]byte(`{"message":{"seq":5,"hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiB4DQoNCg=="}}`))
	require.NoError(t, err)
	require.Equal(t, "x", e.header.Get("Nats-Msg-Id"))
	require.Empty(t, e.Data)
	for body, want := range map[string]string{
		"": "unexpected end", "{}": "holds no message", `{"message":{"seq":0}}`: "holds no message",
		`{"message":{"seq":5,"data":"*"}}`:                                      "illegal base64",
		`{"message":{"seq":5,"hdrs":"eA=="}}`:                                   "the leader's answer: nats",
		`{"error":{"code":500,"err_code":1,"description":"ill"}}`:               "ill (1)",
		`{"error":{"code":404,"err_code":10037,"description":"no such thing"}}`: "message not found",
	} {
		_, err := decodeStored([]byte(body))
		require.ErrorContains(t, err, want, "%q", body)
	}
}

// FuzzDecode gives everything that reads what NATS sends the same garbage: an
// error, or an answer that makes sense.
func FuzzDecode(f *testing.F) {
	f.Add("Nats-Sequence: 7\nNats-Last-Sequence: 3\n", `{"seq":9}`)
	f.Add(eob+"Nats-Num-Pending: 4\nNats-Last-Sequence: 0\n", `{"message":{"seq":5,"data":"aGVsbG8="}}`)
	f.Add("Status: 404\n", `{"error":{"code":400,"err_code":10201}}`)
	f.Add("Nats-Sequence: 18446744073709551616\n", `{"seq":1e99}`)
	f.Add("", `{"state":{"first_seq":1,"last_seq":9,"subjects":{"s":5}}}`)
	f.Add("", `{"state":{"first_seq":9,"last_seq":1,"subjects":{"s":5}}}`)
	f.Fuzz(func(t *testing.T, headers, body string) {
		msg := messageOf(headers, body)
		if e, err := decodeLive(msg); err == nil {
			require.Greater(t, e.Seq, e.Prev)
		}
		if ack, err := decodeAck(msg); err == nil {
			require.NotZero(t, ack.Seq)
		}
		if e, err := decodeStored(msg.Data); err == nil {
			require.NotZero(t, e.Seq)
		}
		if sp, err := decodeSpread(msg.Data, "s"); err == nil && sp.entries > 0 {
			require.LessOrEqual(t, sp.first, sp.last)
			require.LessOrEqual(t, sp.entries, sp.last-sp.first+1)
		}
		var a directAnswer
		for range 3 {
			if _, err := a.take(msg); err != nil {
				break
			}
		}
		for i, e := range a.entries {
			require.NotZero(t, e.Seq)
			require.True(t, i == 0 || e.Seq > a.entries[i-1].Seq)
		}
	})
}
