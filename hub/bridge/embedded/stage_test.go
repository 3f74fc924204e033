package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// staging is a server that gathers batches in a folder of its own.
type staging struct {
	*testing.T
	dir, stage string
	server     *embedded.Server
	nc         *nats.Conn
	js         jetstream.JetStream
}

func startStaging(t *testing.T, dir, stage string) *staging {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, SyncAlways: true, Stage: stage})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Shutdown()) })
	s := &staging{T: t, dir: dir, stage: stage, server: server}
	s.nc, s.js = stream(t, server)
	_, err = s.js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log.*"}, AllowAtomicPublish: true})
	require.NoError(t, err)
	require.NoError(t, server.StageBatches())
	return s
}

// publish sends one message of a batch.
func (s *staging) publish(batch string, seq int, commit bool) {
	s.Helper()
	msg := nats.NewMsg("log.a")
	msg.Header.Set("Nats-Batch-Id", batch)
	msg.Header.Set("Nats-Batch-Sequence", fmt.Sprint(seq))
	if !commit {
		require.NoError(s, s.nc.PublishMsg(msg))
		require.NoError(s, s.nc.Flush())
		return
	}
	msg.Header.Set("Nats-Batch-Commit", "1")
	answer, err := s.nc.RequestMsg(msg, 10*time.Second)
	require.NoError(s, err)
	require.NotContains(s, string(answer.Data), "error")
}

func (s *staging) stored() uint64 {
	s.Helper()
	st, err := s.js.Stream(s.Context(), "LOG")
	require.NoError(s, err)
	return st.CachedInfo().State.Msgs
}

// link is where the stream gathers its batches, as far as the engine knows.
func (s *staging) link() string {
	return filepath.Join(s.dir, "jetstream", "$G", "streams", "LOG", "batches")
}

// staged gives what lies in the folder of the stream.
func (s *staging) staged() []string {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(s.stage, "*", "LOG", "*"))
	require.NoError(s, err)
	return found
}

func TestBatchesAreGatheredInMemory(t *testing.T) {
	s := startStaging(t, t.TempDir(), t.TempDir())
	s.publish("one", 1, false)
	require.Eventually(t, func() bool { return len(s.staged()) == 1 }, 10*time.Second, time.Millisecond)
	require.Zero(t, s.stored(), "a batch is all or nothing")
	s.publish("one", 2, true)
	require.EqualValues(t, 2, s.stored())
	require.Eventually(t, func() bool { return len(s.staged()) == 0 }, 10*time.Second, time.Millisecond)

	s.nc.Close()
	require.NoError(t, s.server.Shutdown())
	left, err := os.ReadDir(s.stage)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoFileExists(t, s.link())

	again := startStaging(t, s.dir, s.stage)
	require.EqualValues(t, 2, again.stored())
	to, err := os.Readlink(again.link())
	require.NoError(t, err)
	require.Equal(t, s.stage, filepath.Dir(filepath.Dir(to)))
}

func TestWhatACrashHasLeftInMemoryIsRemoved(t *testing.T) {
	dir, stage, other := t.TempDir(), t.TempDir(), t.TempDir()
	s := startStaging(t, dir, stage)
	s.nc.Close()
	require.NoError(t, s.server.Shutdown())
	// As kill -9 leaves it.
	old := filepath.Join(stage, "hubbub-batches-old")
	require.NoError(t, os.MkdirAll(filepath.Join(old, "LOG", "x"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(old, "LOG"), s.link()))
	startStaging(t, dir, stage).server.Shutdown()
	require.NoDirExists(t, old)

	// A link that leads elsewhere is none of ours.
	foreign := filepath.Join(other, "hubbub-batches-x")
	require.NoError(t, os.MkdirAll(filepath.Join(foreign, "LOG"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(foreign, "LOG"), s.link()))
	startStaging(t, dir, stage)
	require.DirExists(t, foreign)
}

func TestTheFolderInMemoryIsMadeAgain(t *testing.T) {
	s := startStaging(t, t.TempDir(), t.TempDir())
	before, err := os.Readlink(s.link())
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Dir(before)))
	require.Eventually(t, func() bool {
		now, err := os.Readlink(s.link())
		return err == nil && now != before
	}, 20*time.Second, 5*time.Millisecond)
	s.publish("one", 1, false)
	s.publish("one", 2, true)
	require.EqualValues(t, 2, s.stored())
}

func TestWithoutMemoryBatchesAreGatheredOnTheDisk(t *testing.T) {
	s := startStaging(t, t.TempDir(), "")
	s.publish("one", 1, false)
	s.publish("one", 2, true)
	require.EqualValues(t, 2, s.stored())
	_, err := os.Readlink(s.link())
	require.Error(t, err)
}
