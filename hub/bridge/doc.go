// Package bridge is the hub's Log and DocLog on NATS JetStream, and its Bus on core NATS.
//
// A room is one subject in one of a few streams, its partition:
//
//	hubbub.log.<partition>.<room>     stored
//	hubbub.live.<partition>.<room>    the same message, published again once it is stored
//	hubbub.bus.<room>                 what is not kept
//	hubbub.meta.record                epochs and marks, see record
//
// A document likewise, in streams of its own and with a token for its room and one
// for its title:
//
//	hubbub.doc.<partition>.<room>.<title>
//	hubbub.livedoc.<partition>.<room>.<title>
//	hubbub.docbus.<document>          what is not kept
//	hubbub.docmeta.record
//
// What is too large for these is in an object store, see Blobs.
//
// Writing, watching and reading history use a connection each, because a read of
// history holds up the connection that asked for it.
package bridge
