package transport

import "sync"

// connections are the WebSocket connections of a server.
type connections struct {
	wg sync.WaitGroup

	mu      sync.Mutex // guards what follows
	live    map[*conn]struct{}
	aborted bool // none may go on
}

// start runs a connection in a goroutine of its own.
func (l *connections) start(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = make(map[*conn]struct{})
	}
	l.live[c] = struct{}{}
	if l.aborted {
		c.abort()
	}
	l.wg.Go(func() {
		c.serve()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.live, c)
	})
}

// abort ends the connections that there are, at once.
func (l *connections) abort() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aborted = true
	for c := range l.live {
		c.abort()
	}
}

// wait waits until there is none.
func (l *connections) wait() { l.wg.Wait() }
