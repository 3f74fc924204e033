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
		end      func(second int) uint64
		cluster  *jetstream.ClusterInfo
		sure     int // after how many seconds; -1: never
	}{
		{"one copy", 1, at(22), nil, 0},
		{"a good end", 3, at(40), heard(s, s), 0},
		{"a good end, cut off", 3, at(41), heard(20*s, 20*s), 0},
		{"cut off", 3, at(22), heard(4*s, 4*s), -1},
		{"nobody knows", 3, at(22), nil, -1},
		{"followed by one", 3, at(22), heard(s, 20*s), 20},
		{"followed by one of four", 5, at(22), heard(s, 20*s, 20*s, 20*s), -1},
		{"still taking in what it has", 3, func(second int) uint64 { return uint64(min(20+second, 30)) }, heard(s, s), 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sure := new(partition), -1
				for second := 0; second < 60 && sure < 0; second++ {
					info := &jetstream.StreamInfo{Config: jetstream.StreamConfig{Replicas: c.replicas}, Cluster: c.cluster}
					info.State.LastSeq = c.end(second)
					if p.sure(info, mark) {
						sure = second
					}
					<-time.After(time.Second)
				}
				require.Equal(t, c.sure, sure)
			})
		})
	}
}

func at(end uint64) func(int) uint64 { return func(int) uint64 { return end } }
