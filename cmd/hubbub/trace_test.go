package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

const traceKey = "a-key-of-the-operator-of-the-tests-0123456789"

// TestTraceOfWhatWasSent sends a message and asks what became of it, by its id and by
// its sequence.
func TestTraceOfWhatWasSent(t *testing.T) {
	url, key := toolHub(t, "--name=first", "--api-key="+traceKey), "--api-key="+traceKey
	status, _, stderr := tool(t, "", "send", "lobby", "hello", url)
	require.Zero(t, status, stderr)
	_, stdout, _ := tool(t, "", "tail", "lobby", "--since=0", "--limit=1", "--format=json", url)
	var said struct {
		Seq   uint64
		Event room.Event
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &said))
	require.NotEmpty(t, said.Event.ID)

	dead := "--url=ws://127.0.0.1:1," + url[len("--url="):]
	status, byID, stderr := tool(t, "", "trace", "lobby", said.Event.ID, dead, key)
	require.Zero(t, status, stderr)
	require.Contains(t, byID, fmt.Sprintf("event      message %d in lobby, epoch ", said.Seq))
	require.Contains(t, byID, "accepted   "+moment(said.Event.At)+"\n")
	require.Contains(t, byID, ", by the log's clock\n")
	require.Contains(t, byID, "published  through first (")
	require.Contains(t, byID, "delivered  first (")

	status, stdout, stderr = tool(t, "", "trace", "lobby", fmt.Sprintf("--seq=%d", said.Seq), "--format=json", url, key)
	require.Zero(t, status, stderr)
	var tr hub.Trace
	require.NoError(t, json.Unmarshal([]byte(stdout), &tr))
	require.Equal(t, said.Event.ID, tr.ID)
	require.WithinRange(t, time.UnixMilli(tr.Stored), said.Event.Time().Add(-time.Second), time.Now().Add(time.Second))
	require.NotNil(t, tr.Instances[0].Acked)

	for _, c := range []struct {
		says string
		args []string
	}{
		{"the hub answers 404: there is no event with this id in this room, which has 1", []string{"lobby", "other", url, key}},
		{"the hub answers 404: there is no event with this id of this user", []string{"lobby", said.Event.ID, "--user=ann", url, key}},
		{"the hub answers 401: X-API-Key: is not a key of this hub", []string{"lobby", said.Event.ID, url, "--api-key=" + traceKey + "x"}},
		{"--api-key: is missing", []string{"lobby", said.Event.ID, url}},
		{"which message?", []string{"lobby", url, key}},
		{"which message?", []string{"lobby", "m", "--seq=1", url, key}},
		{"--user is for an id", []string{"lobby", "--seq=1", "--user=ann", url, key}},
		{"room", []string{"no room", "m", url, key}},
		{"give ws://HOST:PORT", []string{"lobby", "m", "--url=127.0.0.1", key}},
		{"connection refused", []string{"lobby", "m", "--url=ws://127.0.0.1:1", key}},
	} {
		status, stdout, stderr := tool(t, "", append([]string{"trace"}, c.args...)...)
		require.Equal(t, 1, status, c.args)
		require.Empty(t, stdout)
		require.Contains(t, stderr, c.says)
	}
}

// TestTraceAsLines prints all that a trace can say.
func TestTraceAsLines(t *testing.T) {
	at := func(ms int64) int64 { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC).UnixMilli() + ms }
	var out bytes.Buffer
	printTrace(&out, &hub.Trace{
		Room: "lobby", Epoch: "e", Seq: 7, Kind: room.KindMessage, ID: "m\x1b", User: "ann", Accepted: at(0), Stored: at(2),
		Instances: []hub.TracePart{
			{
				Instance: "1", Name: "one", Delivery: hub.DeliveryBrought, Acked: &hub.TraceAck{At: at(3)},
				Round: &hub.TraceRound{At: at(4), Took: 1250, Members: 3, Waiting: 2}, MoreCuts: true,
				Cuts: []hub.TraceCut{{At: at(900), User: "bob", Connection: "c", Why: hub.ExcessAge, Bytes: 5}, {User: "eve", Why: hub.ExcessBytes}, {User: "joe", Why: hub.ExcessFrames}},
			},
			{Instance: "2", Delivery: hub.DeliveryNone, Acked: &hub.TraceAck{At: at(5000), Duplicate: true}},
			{Instance: "3", Delivery: hub.DeliveryPending},
			{Instance: "4", Delivery: hub.DeliveryUnknown, Since: hub.TraceSince{Rounds: at(6000)}},
		},
		Silent: []string{"5"}, Incomplete: true,
	})
	require.Equal(t, `event      message 7 in lobby, epoch e
author     "ann", id "m\x1b"
accepted   2026-05-04 03:02:01.000 UTC
stored     2026-05-04 03:02:01.002 UTC, by the log's clock
published  through one (1), acknowledged at 2026-05-04 03:02:01.003 UTC
published  again through 2, where the repeat was acknowledged at 2026-05-04 03:02:06.000 UTC
delivered  one (1): to 3 members at 2026-05-04 03:02:01.004 UTC, in 1.250 ms; for 2 of them it was put behind what they had not taken
cut        one (1): user "bob", connection c, at 2026-05-04 03:02:01.900 UTC: 5 bytes waited, some of them for too long
cut        one (1): user "eve", connection , at not known: 0 bytes waited, which was too much
cut        one (1): user "joe", connection , at not known: 0 bytes waited in too many frames
cut        one (1): others as well
delivered  2: to nobody: there was no member, or those who came later had it as a part of the room's past
delivered  3: not yet, or it is on its way
delivered  4: not known: this instance remembers what it delivered since 2026-05-04 03:02:07.000 UTC
unknown    5 did not answer in time: what it has delivered is not known
`, out.String())
	out.Reset()
	printTrace(&out, &hub.Trace{Incomplete: true})
	require.Contains(t, out.String(), "accepted   not known\n")
	require.Contains(t, out.String(), "published  through which instance is not known: none that has answered remembers it\n")
	require.Contains(t, out.String(), "unknown    an instance could not be heard: there may be more to know\n")
}
