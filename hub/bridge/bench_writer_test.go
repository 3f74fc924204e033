package bridge_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// BenchmarkWriter is one durable message of so many that wait at a time, all in one
// room: what the log's writer and the engine beneath it allocate for it, and how much
// less of a sync each has to pay for when they are many.
func BenchmarkWriter(b *testing.B) {
	for _, waiting := range []int{1, 64} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			w := start(b, b.TempDir(), bridge.Config{})
			defer w.close(b)
			body, run, n := make([]byte, 256), nats.NewInbox(), 0
			slots := make(chan struct{}, waiting)
			done := func(acks []hub.Ack) {
				if acks[0].Err != nil {
					b.Error(acks[0].Err)
				}
				<-slots
			}
			b.ReportAllocs()
			for b.Loop() {
				n++
				slots <- struct{}{}
				require.NoError(b, w.Append("room", []hub.Record{{ID: fmt.Sprint(run, n), Data: body}}, done))
			}
			for range waiting {
				slots <- struct{}{}
			}
		})
	}
}
