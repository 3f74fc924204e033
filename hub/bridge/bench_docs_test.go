package bridge_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// BenchmarkDocument opens a document of 300 entries among 30,000 of others, lists
// them, and replaces one.
func BenchmarkDocument(b *testing.B) {
	w := start(b, b.TempDir(), bridge.Config{Of: bridge.Documents, Partitions: 4})
	defer w.close(b)
	for i := range 300 {
		fill(b, w, fmt.Sprint("team/other-", i, "-a"), 100)
		put(b, w, "team/doc", hub.Record{Data: make([]byte, 60)})
	}
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			page, err := w.Read(b.Context(), "team/doc", hub.Range{Limit: hub.MaxPage})
			require.NoError(b, err)
			require.Len(b, page.Entries, 300)
		}
	})
	b.Run("Swap", func(b *testing.B) {
		last := tail(b, w, "team/doc").Seq
		for b.Loop() {
			at, err := w.Swap(b.Context(), "team/doc", last, make([]byte, 20_000), true)
			require.NoError(b, err)
			last = at.Seq
		}
	})
	b.Run("List", func(b *testing.B) {
		for b.Loop() {
			names, err := w.List(b.Context(), "team")
			require.NoError(b, err)
			require.Len(b, names, 301)
		}
	})
}
