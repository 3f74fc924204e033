package bridge

import (
	"github.com/nats-io/nats.go/jetstream"
)

// checkBytes bounds what check records may take: the oldest go first, and what they
// told of is then not verified.
const checkBytes = 1 << 30

// checkConfig is that of the stream of check records.
func (c *Config) checkConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.checkStream(),
		Description: "Hubbub: what doctor --deep holds the log of its " + c.Of.String() + " against",
		Subjects:    []string{c.checkPrefix() + "*.*"},
		MaxBytes:    checkBytes, Discard: jetstream.DiscardOld,
		Storage: jetstream.FileStorage, Replicas: c.Replicas,
		AllowRollup: true, AllowDirect: true,
	}
}
