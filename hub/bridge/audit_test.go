package bridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// blocks gives the block files of the fullest partition.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "HUBBUB_LOG_*", "msgs", "*.blk"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// damaged fills a log, stops it with or without a chance to write its index, lets
// harm come to its files, and opens it again.
func damaged(t *testing.T, harm func(dir string)) (before hub.Position, w *world) {
	dir := t.TempDir()
	w = start(t, dir, bridge.Config{Partitions: 1})
	seqs := fill(t, w, "lobby", 200)
	require.Len(t, seqs, 200)
	before = tail(t, w, "lobby")
	w.close(t)
	harm(dir)
	w = start(t, dir, bridge.Config{Existing: true})
	t.Cleanup(func() { w.close(t) })
	return before, w
}

// withoutIndex removes what lets the engine trust its blocks unread.
func withoutIndex(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "HUBBUB_LOG_*", "msgs", "index.db"))
	require.NoError(t, err)
	for _, name := range files {
		require.NoError(t, os.Remove(name))
	}
}

func TestAuditFindsDamage(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"bit flipped": func(t *testing.T, dir string) {
			withoutIndex(t, dir)
			file := blocks(t, dir)[0]
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			data[len(data)/2] ^= 1
			require.NoError(t, os.WriteFile(file, data, 0o600))
		},
		"truncated": func(t *testing.T, dir string) {
			withoutIndex(t, dir)
			file := blocks(t, dir)[0]
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(file, info.Size()*2/3))
		},
		"block gone": func(t *testing.T, dir string) {
			withoutIndex(t, dir)
			require.NoError(t, os.Remove(blocks(t, dir)[0]))
		},
		"truncated behind the index's back": func(t *testing.T, dir string) {
			file := blocks(t, dir)[0]
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(file, info.Size()*2/3))
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, w := damaged(t, func(dir string) { harm(t, dir) })
			found := w.Findings()
			require.NotEmpty(t, found)
			t.Log(found)
			for _, f := range found {
				require.True(t, f.Reset)
				require.Contains(t, f.String(), "HUBBUB_LOG_00: ")
			}
			after := tail(t, w, "lobby")
			require.NotEqual(t, before.Epoch, after.Epoch, "clients are told, not served a hole")
			require.Less(t, after.Seq, before.Seq)
			left := readAll(t, w, "lobby")
			require.Less(t, len(left), 200)
			for i, e := range left {
				require.Equal(t, fmt.Sprint("lobby ", i), string(e.Data), "what is left is the beginning")
			}
			ack := put(t, w, "lobby", hub.Record{ID: "new", Data: []byte("new")})[0]
			require.NoError(t, ack.Err)
			require.Equal(t, after.Epoch, ack.Epoch)
		})
	}
}

func TestAuditIsQuietOnceItHasSpoken(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1})
	fill(t, w, "lobby", 200)
	w.close(t)
	withoutIndex(t, dir)
	file := blocks(t, dir)[0]
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(file, data, 0o600))
	w = start(t, dir, bridge.Config{})
	require.NotEmpty(t, w.Findings())
	epoch := tail(t, w, "lobby").Epoch
	w.close(t)
	for range 2 {
		w = start(t, dir, bridge.Config{})
		require.Empty(t, w.Findings())
		require.Equal(t, epoch, tail(t, w, "lobby").Epoch)
		w.close(t)
	}
}

func TestEpochOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 2})
	fill(t, w, "lobby", 3)
	before := tail(t, w, "lobby")
	w.close(t)
	w = start(t, dir, bridge.Config{Existing: true})
	require.Equal(t, before, tail(t, w, "lobby"))
	w.close(t)
}

func TestMissingStreamIsFatal(t *testing.T) {
	for _, c := range []struct{ stream, want string }{
		{"HUBBUB_LOG_01", "HUBBUB_LOG_01"},
		{"HUBBUB_META", "HUBBUB_META"},
	} {
		for _, existing := range []bool{false, true} {
			t.Run(fmt.Sprint(c.stream, existing), func(t *testing.T) {
				dir := t.TempDir()
				w := start(t, dir, bridge.Config{Partitions: 2})
				for i := range 20 {
					fill(t, w, fmt.Sprint("room-", i), 2)
				}
				w.close(t)
				require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams", c.stream)))
				w = startEngine(t, dir)
				defer w.close(t)
				_, err := w.open(t, bridge.Config{Existing: existing})
				require.ErrorContains(t, err, c.want)
				require.ErrorContains(t, err, "estore it from a backup, or start with another folder")
				require.NoDirExists(t, filepath.Join(dir, "jetstream", "$G", "streams", c.stream), "nothing was created in its place")
			})
		}
	}
}

// TestUnloadedStreamIsFatal damages a stream's own description, as loss of power
// during a change of it does: the engine goes on without the stream, and its
// messages lie there unseen.
func TestUnloadedStreamIsFatal(t *testing.T) {
	for _, stream := range []string{"HUBBUB_LOG_01", "HUBBUB_META"} {
		t.Run(stream, func(t *testing.T) {
			dir := t.TempDir()
			w := start(t, dir, bridge.Config{Partitions: 2})
			for i := range 20 {
				fill(t, w, fmt.Sprint("room-", i), 2)
			}
			w.close(t)
			meta := filepath.Join(dir, "jetstream", "$G", "streams", stream, "meta.sum")
			require.NoError(t, os.WriteFile(meta, []byte("0000000000000000"), 0o600))
			w = startEngine(t, dir)
			defer w.close(t)
			_, err := w.open(t, bridge.Config{})
			require.ErrorContains(t, err, stream)
			require.ErrorContains(t, err, "nothing was changed")
		})
	}
}

func TestSettingsAreFixedAtCreation(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, bridge.Config{Partitions: 2, Dedup: time.Minute}).close(t)
	w := startEngine(t, dir)
	defer w.close(t)
	_, err := w.open(t, bridge.Config{Partitions: 3})
	require.ErrorContains(t, err, "created with 2 partitions, which is fixed: 3 cannot be had; leave the setting out, or give 2")
	_, err = w.open(t, bridge.Config{Dedup: 2 * time.Minute})
	require.ErrorContains(t, err, "duplicate_window is 1m0s, and this hub needs 2m0s")
	l, err := w.open(t, bridge.Config{})
	require.NoError(t, err)
	w.Log = l
}

func TestForeignStreamIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, bridge.Config{Partitions: 1}).close(t)
	w := startEngine(t, dir)
	defer w.close(t)
	nc, err := w.engine.Connect("operator")
	require.NoError(t, err)
	defer nc.Close()
	changeLimit(t, nc, "HUBBUB_LOG_00")
	_, err = w.open(t, bridge.Config{})
	require.ErrorContains(t, err, "stream HUBBUB_LOG_00: limits")
	require.ErrorContains(t, err, "was not changed")
}

func TestConfigIsChecked(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	for want, cfg := range map[string]bridge.Config{
		`prefix "Hub.bub"`:         {Prefix: "Hub.bub"},
		"partitions: 65":           {Partitions: 65},
		"partitions: -1":           {Partitions: -1},
		"dedup window: 11m0s":      {Dedup: 11 * time.Minute},
		`ack level "sure"`:         {Ack: "sure"},
		"ack level replicated":     {Ack: bridge.AckReplicated},
		"ack timeout: 10s":         {AckTimeout: 10 * time.Second},
		"replicas: 9":              {Replicas: 9},
		"readers: is negative":     {Readers: -1},
		"queue bytes: is negative": {QueueBytes: -1},
		"mark every: is negative":  {MarkEvery: -1},
	} {
		_, err := w.open(t, cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := bridge.Open(t.Context(), bridge.Config{})
	require.ErrorContains(t, err, "connect")
}

// changeLimit does what an operator may do by hand.
func changeLimit(t *testing.T, nc *nats.Conn, stream string) {
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s, err := js.Stream(t.Context(), stream)
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs = 1000
	_, err = js.UpdateStream(t.Context(), cfg)
	require.NoError(t, err)
}
