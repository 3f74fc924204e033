package hubtest

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// TestBlobs holds a Blobs to its contract. open gives an empty one each time.
func TestBlobs(t *testing.T, open func(t *testing.T) hub.Blobs) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hub.Blobs)
	}{
		{"PutAndGet", putAndGet},
		{"BlobsOfAllNames", blobsOfAllNames},
		{"BlobsNeverChange", blobsNeverChange},
		{"DeletedIsGone", deletedIsGone},
		{"PutAtOnce", putAtOnce},
		{"LargeBlob", largeBlob},
		{"CancelledBlobs", cancelledBlobs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// noise gives bytes that no form of storage can make smaller, the same for a seed.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(data) // never fails
	return data
}

func requireBlob(t *testing.T, blobs hub.Blobs, name string, want []byte) {
	t.Helper()
	got, err := blobs.Get(within(t), name)
	require.NoError(t, err)
	require.True(t, string(want) == string(got), "%q: %d bytes were put, and %d are other ones", name, len(want), len(got))
}

func putAndGet(t *testing.T, blobs hub.Blobs) {
	_, err := blobs.Get(within(t), "a")
	require.ErrorIs(t, err, hub.ErrNoBlob)
	for i, n := range []int{0, 1, 4095, 128 << 10, 512 << 10, 512<<10 + 1, 3 << 20} {
		name, data := strings.Repeat("n", i+1), noise(uint64(i), n)
		require.NoError(t, blobs.Put(within(t), name, data))
		requireBlob(t, blobs, name, data)
		if n > 0 {
			data[0]++ // is the caller's again
			data[0]--
			got, err := blobs.Get(within(t), name)
			require.NoError(t, err)
			got[0]++
			requireBlob(t, blobs, name, data)
		}
	}
}

func blobsOfAllNames(t *testing.T, blobs hub.Blobs) {
	all := append([]string{"", " ", "*", ">", "a.*", "\x00", "\xff", "a b", strings.Repeat("long", 1000)}, names...)
	for _, name := range all {
		require.NoError(t, blobs.Put(within(t), name, []byte(name)))
	}
	for _, name := range all {
		requireBlob(t, blobs, name, []byte(name))
	}
}

func blobsNeverChange(t *testing.T, blobs hub.Blobs) {
	require.NoError(t, blobs.Put(within(t), "a", []byte("first")))
	require.NoError(t, blobs.Put(within(t), "a", []byte("first")), "once more does no harm")
	require.ErrorContains(t, blobs.Put(within(t), "a", []byte("other")), "never changed")
	requireBlob(t, blobs, "a", []byte("first"))
}

func deletedIsGone(t *testing.T, blobs hub.Blobs) {
	require.NoError(t, blobs.Delete(within(t), "a"))
	require.NoError(t, blobs.Put(within(t), "a", []byte("first")))
	require.NoError(t, blobs.Put(within(t), "b", []byte("stays")))
	require.NoError(t, blobs.Delete(within(t), "a"))
	require.NoError(t, blobs.Delete(within(t), "a"))
	_, err := blobs.Get(within(t), "a")
	require.ErrorIs(t, err, hub.ErrNoBlob)
	requireBlob(t, blobs, "b", []byte("stays"))
	require.NoError(t, blobs.Put(within(t), "a", []byte("second")))
	requireBlob(t, blobs, "a", []byte("second"))
}

func putAtOnce(t *testing.T, blobs hub.Blobs) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := blobs.Put(within(t), strings.Repeat("n", i), noise(uint64(i), 1<<20)); err != nil {
				t.Errorf("put: %v", err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		requireBlob(t, blobs, strings.Repeat("n", i), noise(uint64(i), 1<<20))
	}
}

func largeBlob(t *testing.T, blobs hub.Blobs) {
	data := noise(9, 64<<20)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := blobs.Put(ctx, "cut off", data); err != nil { // memory can be as fast
		require.ErrorIs(t, err, hub.ErrUnavailable)
		_, err = blobs.Get(within(t), "cut off")
		require.ErrorIs(t, err, hub.ErrNoBlob)
	}
	require.NoError(t, blobs.Put(within(t), "large", data))
	requireBlob(t, blobs, "large", data)
	require.NoError(t, blobs.Delete(within(t), "large"))
}

func cancelledBlobs(t *testing.T, blobs hub.Blobs) {
	require.NoError(t, blobs.Put(within(t), "a", []byte("x")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := blobs.Get(ctx, "a")
	require.ErrorIs(t, err, hub.ErrUnavailable)
	require.ErrorIs(t, blobs.Put(ctx, "b", []byte("x")), hub.ErrUnavailable)
	require.ErrorIs(t, blobs.Delete(ctx, "a"), hub.ErrUnavailable)
	requireBlob(t, blobs, "a", []byte("x"))
}
