package hubtest

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// TestOrders holds an Orders to its contract. open gives an empty one, and another view
// of the same, as another instance has it.
func TestOrders(t *testing.T, open func(t *testing.T) (one, two hub.Orders)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, one, two hub.Orders)
	}{
		{"TellsWhatIsStoredAndThenChanges", tellsWhatIsStored},
		{"ChangesKeepTheirOrder", changesKeepTheirOrder},
		{"OrderKeys", orderKeys},
		{"StoppedWatchIsLeftAlone", stoppedWatch},
		{"ManyOrders", manyOrders},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := open(t)
			c.test(t, one, two)
		})
	}
}

// orderWatch is what one watch has brought.
type orderWatch struct {
	mu    sync.Mutex // guards what follows
	now   map[string]string
	whole bool
	calls int
}

func watchOrders(t *testing.T, o hub.Orders) *orderWatch {
	t.Helper()
	w := &orderWatch{now: map[string]string{}}
	stop, err := o.Watch(w.take)
	require.NoError(t, err)
	t.Cleanup(stop)
	return w
}

func (w *orderWatch) take(c hub.OrderChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	switch {
	case c.Whole:
		w.whole = true
	case c.Data == nil:
		delete(w.now, c.Key)
	default:
		w.now[c.Key] = string(c.Data)
	}
}

// becomes waits until the watch has brought exactly what is wanted.
func (w *orderWatch) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.whole && maps.Equal(want, w.now)
	}, patience, time.Millisecond, "%v", want)
}

func tellsWhatIsStored(t *testing.T, one, two hub.Orders) {
	empty := watchOrders(t, two)
	empty.becomes(t, map[string]string{})
	require.NoError(t, one.Put(within(t), "a", []byte("1")))
	require.NoError(t, one.Put(within(t), "b", []byte("2")))
	require.NoError(t, two.Put(within(t), "b", []byte("3")))
	require.NoError(t, one.Put(within(t), "c", []byte{}))
	require.NoError(t, one.Delete(within(t), "a"))
	require.NoError(t, one.Delete(within(t), "nobody"))
	want := map[string]string{"b": "3", "c": ""}
	empty.becomes(t, want)
	watchOrders(t, one).becomes(t, want)
	watchOrders(t, two).becomes(t, want)
	require.NoError(t, one.Put(within(t), "a", []byte("again")))
	want["a"] = "again"
	empty.becomes(t, want)
}

func changesKeepTheirOrder(t *testing.T, one, two hub.Orders) {
	w := watchOrders(t, two)
	for i := range 100 {
		require.NoError(t, one.Put(within(t), "a", fmt.Append(nil, i)))
	}
	w.becomes(t, map[string]string{"a": "99"})
}

func orderKeys(t *testing.T, one, two hub.Orders) {
	want := map[string]string{}
	for _, key := range []string{"a", "A", "-_", strings.Repeat("k", hub.MaxOrderKey)} {
		require.NoError(t, one.Put(within(t), key, []byte(key)))
		want[key] = key
	}
	watchOrders(t, two).becomes(t, want)
	require.Error(t, one.Put(within(t), "", nil))
	require.Error(t, one.Put(within(t), strings.Repeat("k", hub.MaxOrderKey+1), nil))
}

func stoppedWatch(t *testing.T, one, two hub.Orders) {
	w, sentry := &orderWatch{now: map[string]string{}}, watchOrders(t, two)
	stop, err := two.Watch(w.take)
	require.NoError(t, err)
	w.becomes(t, map[string]string{})
	stop()
	before := w.calls
	require.NoError(t, one.Put(within(t), "a", nil))
	sentry.becomes(t, map[string]string{"a": ""})
	require.Equal(t, before, w.calls)
}

func manyOrders(t *testing.T, one, two hub.Orders) {
	const n = 300
	want := map[string]string{}
	for i := range n {
		key := fmt.Sprint("user-", i)
		require.NoError(t, one.Put(within(t), key, []byte(key)))
		want[key] = key
	}
	watchOrders(t, two).becomes(t, want)
}
