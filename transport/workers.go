package transport

import (
	"sync"
	"time"
)

// workerIdle is how long a worker waits for more to do.
const workerIdle = 2 * time.Second

// workers serve what connections have read. A goroutine never gets back the stack
// that it once needed, so each connection's own only waits, on the smallest stack
// there is, and has this done by a goroutine that it shares.
type workers struct {
	turns chan turn
	end   <-chan struct{} // closed when those who have nothing to do are to end
	wg    sync.WaitGroup
}

// turn is one frame to serve. done takes one value.
type turn struct {
	conn *conn
	done chan bool
}

var turnsDone = sync.Pool{New: func() any { return make(chan bool, 1) }}

func newWorkers(end <-chan struct{}) *workers {
	return &workers{turns: make(chan turn), end: end}
}

// serve has one frame of a connection served, and waits for it. It is false when the
// connection is over.
func (w *workers) serve(c *conn) bool {
	t := turn{c, turnsDone.Get().(chan bool)}
	select {
	case w.turns <- t:
	default:
		w.wg.Go(func() { w.work(t) })
	}
	on := <-t.done
	turnsDone.Put(t.done)
	return on
}

// work serves frames until there have been none for a while.
func (w *workers) work(t turn) {
	idle := time.NewTimer(workerIdle)
	defer idle.Stop()
	for {
		t.done <- t.conn.turn()
		idle.Reset(workerIdle)
		select {
		case t = <-w.turns:
		case <-idle.C:
			return
		case <-w.end:
			return
		}
	}
}

// wait waits until all have ended.
func (w *workers) wait() { w.wg.Wait() }
