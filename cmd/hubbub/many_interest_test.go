package main_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// subjects gives what is subscribed to on a server of the hubs' rooms and documents.
func subjects(t testing.TB, s *server.Server) (all []string) {
	t.Helper()
	info, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Limit: 10_000})
	require.NoError(t, err)
	for _, sub := range info.Subs {
		for _, kind := range []string{"live", "bus", "livedoc", "docbus"} {
			// What begins with an escaped "!" is of the instances themselves: two each.
			if strings.HasPrefix(sub.Subject, "hubbub."+kind+".") && !strings.HasPrefix(sub.Subject, "hubbub.bus.=21hub") {
				all = append(all, sub.Subject)
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestInstancesHearOfTheirOwnRoomsAlone counts what two hubs are subscribed to: what
// their members are in, once for each hub, and nothing when they have left.
func TestInstancesHearOfTheirOwnRoomsAlone(t *testing.T) {
	opts := &server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
		JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 20,
	}
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(time.Minute))
	hubs := startMany(t, 2, func(int) []string { return []string{"--nats=" + s.ClientURL(), "--partitions=1"} })
	require.Empty(t, subjects(t, s), "nobody is in a room")

	a := hubs[0].follow(t, "ann", "lobby")
	hubs[0].follow(t, "bo", "lobby")
	require.Equal(t, []string{"hubbub.bus.lobby", "hubbub.live.0.lobby"}, subjects(t, s), "a room once, however many are in it")
	hubs[1].follow(t, "cy", "garden")
	doc := hubs[1].notes(t, "cy", "garden/plan")
	require.Equal(t, []string{
		"hubbub.bus.garden", "hubbub.bus.lobby", "hubbub.docbus.garden=2fplan",
		"hubbub.live.0.garden", "hubbub.live.0.lobby", "hubbub.livedoc.0.garden.plan",
	}, numbered(subjects(t, s)))
	for i := range 50 {
		a.say(t, fmt.Sprint(i)) // in a room that the other hub has nobody in
	}
	doc.Close()
	require.NoError(t, a.room.Leave(context.Background()))
	require.Eventually(t, func() bool { return len(subjects(t, s)) == 4 }, time.Minute, 50*time.Millisecond, "the document is let go of")
}

// numbered takes the partition out of the subject of a document, whose log has 16.
func numbered(all []string) []string {
	for i, s := range all {
		if rest, ok := strings.CutPrefix(s, "hubbub.livedoc."); ok {
			_, rest, _ = strings.Cut(rest, ".")
			all[i] = "hubbub.livedoc.0." + rest
		}
	}
	return all
}
