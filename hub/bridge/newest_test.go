package bridge_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// A page that ends at a bound ends there, whatever is stored while it is counted.
func TestAPageBeforeABoundIsWholeWhileOthersAppend(t *testing.T) {
	l := openLog(t, filepath.Join(t.TempDir(), "data"), bridge.Config{})
	var seqs []uint64
	appendOne := func(i int) uint64 {
		return put(t, l, "lobby", hub.Record{Data: []byte(fmt.Sprintf(`{"n":%d}`, i))})[0].Seq
	}
	for i := range 120 {
		seqs = append(seqs, appendOne(i))
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			stored := make(chan []hub.Ack, 1)
			if err := l.Append("lobby", []hub.Record{{Data: []byte("{}")}}, func(a []hub.Ack) { stored <- a }); err != nil {
				done <- err
				return
			}
			<-stored
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
		}
	}()
	for i := range 100 {
		end, limit := 1+i%len(seqs), 1+i%50
		if i%2 == 0 {
			limit = hub.MaxPage
		}
		page, err := l.Read(t.Context(), "lobby", hub.Range{Before: seqs[end-1] + 1, Newest: true, Limit: limit})
		require.NoError(t, err)
		var got []uint64
		for _, e := range page.Entries {
			got = append(got, e.Seq)
		}
		require.Equal(t, seqs[max(0, end-limit):end], got, "the %d before %d", limit, seqs[end-1]+1)
	}
	close(stop)
	require.NoError(t, <-done)
}
