package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A leader that was cut off from its followers, and one that is just beginning, answer
// for the stream without knowing its end: no epoch ends by that.
func TestAnEarlyEndIsDoubted(t *testing.T) {
	heard := func(ago ...time.Duration) *jetstream.ClusterInfo {
		c := &jetstream.ClusterInfo{Leader: "a"}
		for _, d := range ago {
			c.Replicas = append(c.Replicas, &jetstream.PeerInfo{Active: d})
		}
		return c
	}
	const mark, s = 40, time.Second
	for _, c := range []struct {
		name     string
		replicas int
		end      uint64
		cluster  *jetstream.ClusterInfo
		sure     []bool // at once, and each second from then on
	}{
		{"one copy", 1, 22, nil, []bool{true}},
		{"a good end", 3, 40, heard(s, s), []bool{true}},
		{"a good end, cut off", 3, 41, heard(20*s, 20*s), []bool{true}},
		{"cut off", 3, 22, heard(4*s, 4*s), []bool{false, false, false, false, false, false, false, false}},
		{"nobody knows", 3, 22, nil, []bool{false, false, false, false, false, false, false}},
		{"followed by one", 3, 22, heard(s, 20*s), []bool{false, false, false, false, false, true}},
		{"followed by one of four", 5, 22, heard(s, 20*s, 20*s, 20*s), []bool{false, false, false, false, false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(partition)
				info := &jetstream.StreamInfo{Config: jetstream.StreamConfig{Replicas: c.replicas}, Cluster: c.cluster}
				info.State.LastSeq = c.end
				for i, want := range c.sure {
					require.Equal(t, want, p.sure(info, mark), "after %d s", i)
					<-time.After(time.Second)
				}
			})
		})
	}
}
