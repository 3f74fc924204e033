package hub

// Outlet is how a session reaches its peer; each edge brings its own. Its methods
// are called by any goroutine, must not block, and must not call the hub.
type Outlet interface {
	// Deliver takes the frames of a round from number from on, in their order. What
	// the outlet keeps of them it copies, or takes by Round.Kept: the round's memory
	// is used again. It is false if the peer is now too far behind: then it takes
	// nothing more, and the outlet ends the session with ReasonSlow.
	Deliver(r *Round, from int) bool

	// End says that the session is over, once. What waits for the peer is dropped.
	End(why Reason)
}
