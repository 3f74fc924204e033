package main_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPeersKeepTheLogTogether has three hubs without NATS servers: what is said on one
// is heard on all; one is killed and the others go on; it comes back and has all.
func TestPeersKeepTheLogTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of elections")
	}
	hubs := asPeers(t)
	members := followAll(t, hubs, "lobby")
	for i, f := range members {
		requireOneOrder(t, members, f.say(t, []string{"one", "two", "three"}[i]).Seq)
	}
	doc := hubs[0].notes(t, "ann", "plans/plan")
	write(t, doc, "kept")

	hubs[2].kill()
	for range 20 {
		members[0].say(t, "without the third")
		members[1].say(t, "without the third")
	}
	last := members[1].say(t, "the last without").Seq
	texts := requireOneOrder(t, members[:2], last)
	require.Len(t, texts, 3+41)

	hubs[2].start()
	hubs[2].awaitReady()
	requireOneOrder(t, members, last) // it has come back by itself, and has the rest
	late := hubs[2].notes(t, "cy", "plans/plan")
	require.Equal(t, "kept", textOf(t, late))
	requireOneOrder(t, members, members[2].say(t, "from the third again").Seq)
}
