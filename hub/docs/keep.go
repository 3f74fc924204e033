package docs

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	keepEvery   = time.Second     // how often the documents are looked at
	tailCheck   = 5 * time.Second // how often they are compared with the log
	tailsAtOnce = 100
	// worthCompacting is how many records a document that is let go of must have behind
	// its snapshot to be compacted, or worthBytes in bytes beside a quarter of that:
	// whoever opens it next reads one record.
	worthCompacting = 100
	worthBytes      = 16 << 10
)

// news is what Announce has not been told of yet.
type news struct {
	users         []string
	since, latest time.Time // of the changes
	at            hub.Position
}

func (n *news) due() bool { return len(n.users) > 0 }

// note counts a change that the log has.
func (n *news) note(user string, at hub.Position, now time.Time) {
	if len(n.users) == 0 {
		n.since = now
	}
	n.at, n.latest = at, now
	if !slices.Contains(n.users, user) {
		n.users = append(n.users, user)
	}
}

// keep does what is due with time, until Docs are closed.
func (d *Docs) keep() {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	compared := time.Now()
	for {
		select {
		case <-d.ctx.Done():
			return
		case now := <-tick.C:
			all := d.all()
			for _, l := range all {
				l.keep(now)
			}
			if now.Sub(compared) >= tailCheck {
				compared = now
				d.compareTails(all)
			}
		}
	}
}

// keep looks at one document.
func (l *liveDoc) keep(now time.Time) {
	l.mu.Lock()
	ready, seats, cursors := l.ready, len(l.seats), len(l.aware.clients)
	news := l.takeNews(now)
	version := l.versionDue(now)
	l.mu.Unlock()
	if !ready {
		return
	}
	if cursors > 0 {
		l.silence(now)
	}
	l.announce(news)
	if version {
		l.docs.life.Start(l.autoVersion)
	}
	if seats == 0 {
		l.letGo(now)
	}
}

// takeNews gives what is to be announced, once nothing was added to it for a while, or
// for long enough. mu is held.
func (l *liveDoc) takeNews(now time.Time) *Changed {
	cfg := &l.docs.cfg
	if !l.news.due() || now.Sub(l.news.latest) < cfg.AnnounceWait && now.Sub(l.news.since) < cfg.AnnounceMost {
		return nil
	}
	c := &Changed{Doc: l.name, At: l.news.at, Users: l.news.users}
	slices.Sort(c.Users)
	l.news = news{}
	return c
}

func (l *liveDoc) announce(c *Changed) {
	if c != nil && l.docs.cfg.Announce != nil {
		l.docs.life.Start(func() { l.docs.cfg.Announce(*c) })
	}
}

// announceRest tells of what has gathered, because nothing more will.
func (l *liveDoc) announceRest() {
	l.mu.Lock()
	news := l.takeNews(time.Now().Add(l.docs.cfg.AnnounceMost))
	l.mu.Unlock()
	l.announce(news)
}

// letGo closes a document that nobody has had open for a while, compacted if that is
// worth it.
func (l *liveDoc) letGo(now time.Time) {
	leaving := l.docs.leaving.Load()
	if leaving { // another instance opens it next, and is to find it at rest
		l.announceRest()
	}
	l.mu.Lock()
	since := l.state.Since
	worth := since.Records >= worthCompacting || since.Bytes >= worthBytes+l.state.BaseBytes/4
	if worth && !leaving && now.Sub(l.empty) >= l.docs.cfg.EmptyLinger && !l.queue.busy && !l.tried {
		l.queue.compact, l.tried = true, true
		l.mu.Unlock()
		l.store()
		return
	}
	l.mu.Unlock()
	if l.idle(now) {
		l.docs.drop(l)
		l.shut()
	}
}

// tailsPerCheck is how many documents one look at the tails covers: each answer has the
// whole last record with it.
const tailsPerCheck = 200

// turn gives the documents whose turn it is to be compared.
func (d *Docs) turn(all []*liveDoc) []*liveDoc {
	if len(all) <= tailsPerCheck {
		return all
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:tailsPerCheck]
}

// compareTails has documents read that stand behind the log: what a dying leader of it
// has committed may never have been told.
func (d *Docs) compareTails(all []*liveDoc) {
	for batch := range slices.Chunk(d.turn(all), tailsAtOnce) {
		names := make([]string, len(batch))
		for i, l := range batch {
			names[i] = l.name
		}
		ctx, cancel := context.WithTimeout(d.ctx, tailCheck)
		tails, err := d.cfg.Log.Tails(ctx, names)
		cancel()
		if err != nil {
			if d.ctx.Err() == nil {
				d.cfg.Fault("", err)
			}
			return
		}
		for i, l := range batch {
			l.mu.Lock()
			behind := l.ready && (tails[i].Seq > l.at.Seq || tails[i].Epoch != l.at.Epoch)
			l.mu.Unlock()
			if behind {
				l.Suspect()
			}
		}
	}
}
