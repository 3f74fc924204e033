package client

import "time"

// State is how the client stands with the hub.
type State string

// The states of a connection.
const (
	Connecting   State = "connecting"
	Connected    State = "connected"
	Disconnected State = "disconnected"
)

// Status is a State with what belongs to it.
type Status struct {
	State   State
	Err     error     // why it is not connected; nil while it is, and before the first try has failed
	RetryAt time.Time // when the next try begins; zero with Disconnected: there will be none
	Attempt int       // tries since the last connection that held
}
