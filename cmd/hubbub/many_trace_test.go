package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// TestTraceAcrossHubs asks each of two processes on one NATS server what became of a
// message that the first was given, and finds it by its id behind thousands of others.
func TestTraceAcrossHubs(t *testing.T) {
	const key, later = "a-key-of-the-operator-of-the-tests-0123456789", 3000
	nats := startNATS(t)
	hubs := startMany(t, 2, func(int) []string {
		return append([]string{"--nats=" + nats, "--api-key=" + key, "--partitions=1"}, hubFlagsOfProof...)
	})
	members := followAll(t, hubs, "lobby")
	run := func(h *hubProcess, stdin []byte, args ...string) []byte {
		cmd := exec.Command(binary(t), append(args, "--url=ws://"+h.addr)...)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
		require.NoError(t, cmd.Run(), "%s: %s", args[0], errs.String())
		return out.Bytes()
	}
	trace := func(h *hubProcess, args ...string) (tr hub.Trace, parts map[string]hub.TracePart) {
		out := run(h, nil, append([]string{"trace", "lobby", "--format=json", "--api-key=" + key}, args...)...)
		require.NoError(t, json.Unmarshal(out, &tr))
		parts = map[string]hub.TracePart{}
		for _, p := range tr.Instances {
			parts[p.Name] = p
		}
		return tr, parts
	}
	ack := members[0].say(t, "hello")
	requireOneOrder(t, members, ack.Seq)
	require.Eventually(t, func() bool { // they know of each other within a second, and note what they have brought
		_, parts := trace(hubs[0], fmt.Sprint("--seq=", ack.Seq))
		return parts["hub0"].Round != nil && parts["hub1"].Round != nil
	}, time.Minute, 10*time.Millisecond)

	run(hubs[1], bytes.Repeat([]byte("line\n"), later), "send", "lobby", "--token="+hubs[1].token("teller"))
	for _, h := range hubs {
		first, parts := trace(h, fmt.Sprint("--seq=", ack.Seq))
		began := time.Now()
		tr, _ := trace(h, first.ID)
		t.Logf("by the id, behind %d others: %v", later, time.Since(began).Round(time.Millisecond))
		require.Equal(t, ack.Seq, tr.Seq)
		require.Equal(t, "user-0", tr.User)
		require.NotNil(t, parts["hub0"].Acked)
		require.Nil(t, parts["hub1"].Acked)
		require.WithinRange(t, time.UnixMilli(tr.Stored), time.UnixMilli(tr.Accepted).Add(-time.Second), time.UnixMilli(parts["hub0"].Acked.At).Add(time.Second))
		require.Equal(t, 1, parts["hub0"].Round.Members)
		require.Equal(t, 1, parts["hub1"].Round.Members)
		require.False(t, tr.Incomplete)
	}
}
