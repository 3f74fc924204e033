// Package life counts the goroutines of what can be closed.
package life

import "sync"

// Group counts goroutines, so that whoever closes what they belong to can wait for
// them.
type Group struct {
	mu    sync.Mutex // guards ended, and that no Start crosses End
	ended bool
	wg    sync.WaitGroup
}

// Start runs fn in a goroutine, or is false if the group is ending.
func (g *Group) Start(fn func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.wg.Go(fn)
	return true
}

// End lets nothing more start and waits for what runs.
func (g *Group) End() {
	g.mu.Lock()
	g.ended = true
	g.mu.Unlock()
	g.wg.Wait()
}
