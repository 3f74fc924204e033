package transport

import "sync"

// connections are the WebSocket connections of a server, those that are being made
// included.
type connections struct {
	mu      sync.Mutex // guards what follows
	live    map[*conn]struct{}
	aborted bool          // none may go on
	over    bool          // none may begin
	none    chan struct{} // closed when there is none, if somebody waits for that
}

// begin notes a connection that is about to be made. It is false when none may begin
// any more.
func (l *connections) begin(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	if l.live == nil {
		l.live = make(map[*conn]struct{})
	}
	l.live[c] = struct{}{}
	return true
}

// start runs one that has begun and was made, in a goroutine of its own.
func (l *connections) start(c *conn) {
	l.mu.Lock()
	c.made = true
	if l.aborted {
		c.abort()
	}
	l.mu.Unlock()
	go func() {
		defer l.end(c)
		c.serve()
	}()
}

// end notes that one is no more, or was never made.
func (l *connections) end(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, c)
	if len(l.live) == 0 && l.none != nil {
		close(l.none)
		l.none = nil
	}
}

// abort ends the connections that there are, at once.
func (l *connections) abort() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aborted = true
	for c := range l.live {
		if c.made {
			c.abort()
		}
	}
}

// wait lets no more begin, and waits until there is none.
func (l *connections) wait() {
	l.mu.Lock()
	l.over = true
	if len(l.live) == 0 {
		l.mu.Unlock()
		return
	}
	if l.none == nil {
		l.none = make(chan struct{})
	}
	none := l.none
	l.mu.Unlock()
	<-none
}
