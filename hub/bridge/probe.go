package bridge

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// errRefused: the account's user may not do what the log does.
var errRefused = errors.New("the NATS user lacks a permission")

// refused is what the servers have refused of late, or nil. It is told beside the
// silence that follows, which says nothing.
func (l *Log) refused() error {
	conns := []*nats.Conn{l.pub, l.live, l.old}
	if l.blobs != nil {
		conns = append(conns, l.blobs.nc)
	}
	for _, nc := range conns {
		if nc == nil {
			continue
		}
		if err := nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			return fmt.Errorf("%w: %w; allow it to publish and to subscribe to %s", errRefused, err, l.cfg.needs())
		}
	}
	return nil
}

// needs says what a user of this log must be allowed.
func (c *Config) needs() string {
	return fmt.Sprintf("%s.>, $JS.API.>, $O.%s.>, $JS.EVENT.ADVISORY.> and _INBOX.>", c.Prefix, c.bucket())
}

// probe does, in a form that changes nothing, what the log will do later: a
// permission that is missing is better known now.
func (l *Log) probe() error {
	if l.near {
		return nil
	}
	reply := l.pub.NewInbox()
	for _, ask := range l.probes() {
		ask.Reply = reply
		if err := l.pub.PublishMsg(ask); err != nil {
			return fmt.Errorf("try the permissions: %w", err)
		}
	}
	sub, err := l.live.ChanSubscribe(l.cfg.liveSubject(0, "probe"), make(chan *nats.Msg, 1))
	if err != nil {
		return fmt.Errorf("try the permissions: %w", err)
	}
	if err := l.live.FlushTimeout(flushTimeout); err != nil {
		return fmt.Errorf("try the permissions: %w", err)
	}
	_ = sub.Unsubscribe() // it may have been refused
	if err := l.pub.FlushTimeout(flushTimeout); err != nil {
		return fmt.Errorf("try the permissions: %w", err)
	}
	return l.refused()
}

// probes are messages that are refused by whoever takes them, for another reason.
func (l *Log) probes() []*nats.Msg {
	foreign := nats.Header{"Nats-Expected-Stream": []string{"none"}}
	nothing := []byte(`{"seq":0}`)
	asks := []*nats.Msg{
		{Subject: l.cfg.logSubject(0, "probe"), Header: foreign},
		{Subject: l.cfg.metaSubject(), Header: foreign},
		{Subject: directAPI + l.cfg.stream(0), Data: []byte(`{"last_by_subj":"none"}`)},
		{Subject: "$JS.API.STREAM.MSG.GET." + l.cfg.stream(0), Data: nothing},
		{Subject: "$JS.API.STREAM.MSG.DELETE." + l.cfg.stream(0), Data: nothing},
	}
	if l.cfg.Of == Rooms {
		return append(asks, &nats.Msg{Subject: l.cfg.Prefix + ".bus.=probe"})
	}
	return append(
		asks,
		&nats.Msg{Subject: l.cfg.Prefix + ".docbus.=probe"},
		&nats.Msg{Subject: l.blobs.chunks("probe"), Header: foreign},
		&nats.Msg{Subject: l.blobs.about("probe"), Header: foreign},
		&nats.Msg{Subject: "$JS.API.STREAM.PURGE." + l.blobs.stream, Data: []byte(`{"filter":"` + l.blobs.chunks("probe") + `"}`)},
	)
}
