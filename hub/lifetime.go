package hub

import "sync"

// lifetime counts the goroutines of the hub, so that Close can wait for them.
type lifetime struct {
	mu    sync.Mutex // guards ended, and that no start crosses end
	ended bool
	wg    sync.WaitGroup
}

// start runs fn in a goroutine, or is false if the hub is ending.
func (l *lifetime) start(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.wg.Go(fn)
	return true
}

// end lets nothing more start and waits for what runs.
func (l *lifetime) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.wg.Wait()
}
