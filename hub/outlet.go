package hub

// Outlet is how a session reaches its peer; each edge brings its own. Its methods
// are called by any goroutine, must not block, and must not call the hub.
type Outlet interface {
	// Deliver takes the frames of a round from number from on, in their order. What
	// the outlet keeps of them it copies, or takes by Round.Kept: the round's memory
	// is used again. It is false if the peer is now too far behind: then it takes
	// nothing more, and the outlet ends the session with ReasonSlow.
	Deliver(r *Round, from int) bool

	// Lag says how much waits for the peer or, once Deliver was false or the session
	// is ended with ReasonSlow, how much did then.
	Lag() Lag

	// End says that the session is over, once. What waits for the peer is dropped.
	End(why Reason)
}

// Lag is what waits for a peer.
type Lag struct {
	Bytes int
	Why   Excess // what was too much, if the peer was cut for it
}

// Excess is what was too much for a peer to be waited for.
type Excess string

// What can be too much.
const (
	// ExcessBytes: so many bytes waited.
	ExcessBytes Excess = "bytes"
	// ExcessFrames: so many frames waited.
	ExcessFrames Excess = "frames"
	// ExcessAge: some of them waited for so long.
	ExcessAge Excess = "age"
)
