package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// ServerFacts is what a NATS server says about itself to its system account.
type ServerFacts struct {
	Name      string
	Version   string
	JetStream bool
	// SyncAlways: each write is on disk before it is acknowledged.
	SyncAlways bool
	// SyncEvery is what it syncs after, where it does not each time.
	SyncEvery time.Duration
}

// Check refuses a server that would break what an ack level promises.
func (f ServerFacts) Check(ack AckLevel) error {
	if !f.JetStream {
		return nil
	}
	if err := CheckVersion(f.Name, f.Version, ack); err != nil {
		return err
	}
	if ack == AckFsync && !f.SyncAlways {
		return fmt.Errorf("NATS server %s syncs what it stores every %v, and ack level fsync needs it to do so each time: set jetstream { sync_interval: always } in its configuration and restart it, or take another level", f.Name, f.SyncEvery)
	}
	return nil
}

const (
	askServers = "$SYS.REQ.SERVER.PING.VARZ"
	// askQuiet is how long no further server may answer until all have.
	askQuiet = 500 * time.Millisecond
	// askFirst is how long the first one may take.
	askFirst = 3 * time.Second
)

// AskServers asks all servers of a cluster what they are. The connection is one of the
// system account.
func AskServers(ctx context.Context, nc *nats.Conn) (all []ServerFacts, err error) {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("ask the servers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(askServers, inbox, nil); err != nil {
		return nil, fmt.Errorf("ask the servers: %w", err)
	}
	for wait := askFirst; ; wait = askQuiet {
		try, cancel := context.WithTimeout(ctx, wait)
		msg, err := sub.NextMsgWithContext(try)
		cancel()
		switch {
		case err != nil && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("no server answers %s; are these credentials of the system account? %w", askServers, err)
		}
		facts, err := decodeFacts(msg.Data)
		if err != nil {
			return nil, fmt.Errorf("a server's answer: %w", err)
		}
		all = append(all, facts)
	}
}

func decodeFacts(data []byte) (ServerFacts, error) {
	var answer struct {
		Server struct {
			Name    string `json:"name"`
			Version string `json:"ver"`
		} `json:"server"`
		Data struct {
			JetStream struct {
				Config *struct {
					SyncAlways   bool          `json:"sync_always"`
					SyncInterval time.Duration `json:"sync_interval"`
				} `json:"config"`
			} `json:"jetstream"`
		} `json:"data"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return ServerFacts{}, err
	}
	if answer.Error != nil {
		return ServerFacts{}, answer.Error
	}
	f := ServerFacts{Name: answer.Server.Name, Version: answer.Server.Version}
	if c := answer.Data.JetStream.Config; c != nil {
		f.JetStream, f.SyncAlways, f.SyncEvery = true, c.SyncAlways, c.SyncInterval
	}
	return f, nil
}
