package transport

import "sync"

// connections are the WebSockets and streams of a server, those that are being made
// included.
type connections struct {
	mu      sync.Mutex        // guards what follows
	live    map[resident]bool // whether it was made; before that it can be told nothing
	aborted bool              // none may go on
	late    func(resident)    // what becomes of one that is made now; nil: it goes on
	over    bool              // none may begin, for good
	shut    bool              // none may begin, for now
	none    chan struct{}     // closed when there is none; nil: nobody waits for that
}

// begin notes a connection that is about to be made. It is false when none may begin.
func (l *connections) begin(r resident) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.shut {
		return false
	}
	if l.live == nil {
		l.live = make(map[resident]bool)
	}
	l.live[r] = false
	return true
}

// start notes that one that has begun was made.
func (l *connections) start(r resident) {
	l.mu.Lock()
	l.live[r] = true
	aborted, late := l.aborted, l.late
	l.mu.Unlock()
	switch {
	case aborted:
		r.abort()
	case late != nil:
		late(r)
	}
}

// end notes that one is no more, or was never made.
func (l *connections) end(r resident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, r)
	if len(l.live) == 0 && l.none != nil {
		close(l.none)
		l.none = nil
	}
}

// made gives those that were made.
func (l *connections) made() []resident {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]resident, 0, len(l.live))
	for r, made := range l.live {
		if made {
			all = append(all, r)
		}
	}
	return all
}

// part does something to all that there are, and to those that are being made as soon
// as they are. None may begin by then.
func (l *connections) part(do func(resident)) {
	l.mu.Lock()
	l.late = do
	l.mu.Unlock()
	for _, r := range l.made() {
		do(r)
	}
}

// abort ends the connections that there are, at once.
func (l *connections) abort() {
	l.mu.Lock()
	l.aborted = true
	l.mu.Unlock()
	for _, r := range l.made() {
		r.abort()
	}
}

// count is how many there are.
func (l *connections) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.live)
}

// gone lets no more begin, for good. What it gives is closed when there is none.
func (l *connections) gone() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	return l.empty()
}

// close lets no more begin until open. What it gives is closed when there is none.
func (l *connections) close() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = true
	return l.empty()
}

// open lets them begin and stay again after close, unless that is over for good.
func (l *connections) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = false
	if !l.over {
		l.late = nil
	}
}

// empty gives what is closed when there is none. mu is held.
func (l *connections) empty() <-chan struct{} {
	switch {
	case len(l.live) == 0:
		none := make(chan struct{})
		close(none)
		return none
	case l.none == nil:
		l.none = make(chan struct{})
	}
	return l.none
}
