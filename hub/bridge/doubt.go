package bridge

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A stream that ends below what was acknowledged has lost something, if its leader is
// one. A server that was cut off from the others goes on as the leader for some
// seconds, and one that has just been elected may still be taking in what it has. So
// an end that is too early counts only when the leader has heard of its followers just
// now, and when it is still so a little later.
const (
	// heardWithin is for how long a follower may be silent; they answer each second.
	heardWithin = 3 * time.Second
	// doubtTime is how long an end must have been too early, and the same. On a busy
	// machine a new leader was seen to need more than 5 s for what it had in its log.
	// Meanwhile an ack below what was acknowledged tells of a loss at once.
	doubtTime = 20 * time.Second
	doubtWait = time.Second // between two looks
)

// doubt is what is doubted of a stream's end.
type doubt struct {
	since  time.Time // zero: nothing is
	end    uint64
	leader string
}

// sure reports whether what a stream says of itself can be relied on. Whoever opens
// the log calls it, and then the one who compares its ends.
func (p *partition) sure(info *jetstream.StreamInfo, mark uint64) bool {
	if info.State.LastSeq >= mark || info.Config.Replicas < 2 {
		p.doubt = doubt{}
		return true
	}
	now := doubt{since: p.doubt.since, end: info.State.LastSeq}
	if info.Cluster != nil {
		now.leader = info.Cluster.Leader
	}
	if now != p.doubt || now.since.IsZero() || !Followed(info.Cluster) {
		now.since = time.Now()
		p.doubt = now
		return false
	}
	return time.Since(now.since) >= doubtTime
}

// Followed reports whether most of a stream's servers have been heard by the one that
// answers for it, itself included.
func Followed(c *jetstream.ClusterInfo) bool {
	if c == nil {
		return false
	}
	heard := 1
	for _, r := range c.Replicas {
		if !r.Offline && r.Active < heardWithin {
			heard++
		}
	}
	return heard > (len(c.Replicas)+1)/2
}
