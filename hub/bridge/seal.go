package bridge

import (
	"github.com/nats-io/nats.go/jetstream"
)

// sealBytes bounds what check records may take: the oldest go first, and what they
// told of is then not verified.
const sealBytes = 1 << 30

// sealConfig is that of the stream of check records.
func (c *Config) sealConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.sealStream(),
		Description: "Hubbub: what doctor --deep holds the log of its " + c.Of.String() + " against",
		Subjects:    []string{c.sealPrefix() + "*.*"},
		MaxBytes:    sealBytes, Discard: jetstream.DiscardOld,
		Storage: jetstream.FileStorage, Replicas: c.Replicas,
		AllowRollup: true, AllowDirect: true,
	}
}
