// Package hub is the core: the registry of live rooms, their delivery, and the
// sessions of connected peers. Every goroutine of the core is started here.
//
// It knows nothing of the network on either side: below it stand the interfaces
// Log and Bus, above it a Codec that turns what happened into bytes.
package hub
