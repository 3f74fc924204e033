package embedded_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
	"github.com/hubbub-im/hubbub/hub/hubtest/mounts"
)

func TestReadOnlyFolder(t *testing.T) {
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=16m")
	require.NoError(t, start(t, dir).Shutdown())
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "read-only file system")
	_, err = embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(dir, "new")})
	require.ErrorContains(t, err, "cannot be made")
}

func TestFullDiskIsReportedBeforeItIsFull(t *testing.T) {
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=40m")
	s := start(t, dir)
	require.NoError(t, s.Health())
	free := mounts.Fill(t, dir, 1<<20)
	err := s.Health()
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "the disk is full: 1 MiB are free, and at least 4 must be")
	var hold interface{ Hold() bool }
	require.True(t, errors.As(err, &hold) && hold.Hold(), "nothing is to be written now")
	free()
	require.NoError(t, s.Health())
	require.NoError(t, s.Shutdown())
}

func TestNoSpaceToStartOn(t *testing.T) {
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=64k,nr_inodes=3")
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
	require.ErrorContains(t, err, dir)
	t.Log(err)
}

// TestEngineIsMendedAfterAFailedWrite lets a write fail, which the engine never
// gets over by itself, and gives the space back.
func TestEngineIsMendedAfterAFailedWrite(t *testing.T) {
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=24m")
	s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, SyncAlways: true, Reserve: -1})
	require.NoError(t, err)
	nc, js := stream(t, s)
	_, err = js.Publish(t.Context(), "log.a", []byte("before"))
	require.NoError(t, err)
	free := mounts.Fill(t, dir, 200<<10)
	body := make([]byte, 100<<10)
	_, err = nc.Request("log.a", body, 300*time.Millisecond)
	for range 10 {
		if err == nil {
			_, err = nc.Request("log.a", body, 300*time.Millisecond)
		}
	}
	require.ErrorIs(t, err, nats.ErrTimeout, "the engine does not answer what it cannot write")
	require.ErrorContains(t, s.Health(), "write error")
	require.Contains(t, s.Health().Error(), "no space left on device")
	free()
	require.Eventually(t, func() bool { return s.Health() == nil }, time.Minute, 10*time.Millisecond)
	var last uint64
	require.Eventually(t, func() bool {
		ack, err := js.Publish(t.Context(), "log.a", []byte("after"))
		if err == nil {
			last = ack.Sequence
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	st, err := js.Stream(t.Context(), "LOG")
	require.NoError(t, err)
	for seq, want := range map[uint64]string{1: "before", last: "after"} {
		msg, err := st.GetMsg(t.Context(), seq)
		require.NoError(t, err)
		require.Equal(t, want, string(msg.Data))
	}
	require.NoError(t, s.Shutdown())
}
