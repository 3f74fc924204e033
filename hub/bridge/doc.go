// Package bridge is the hub's Log on NATS JetStream, and its Bus on core NATS.
//
// A room is one subject in one of a few streams, its partition:
//
//	hubbub.log.<partition>.<room>     stored
//	hubbub.live.<partition>.<room>    the same message, published again once it is stored
//	hubbub.bus.<room>                 what is not kept
//	hubbub.meta.record                epochs and marks, see record
//
// Writing, watching and reading history use a connection each, because a read of
// history holds up the connection that asked for it.
package bridge
