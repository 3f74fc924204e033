// Package transport is the edge: it turns bytes into commands for the hub, and
// what the hub tells back into bytes. Routes, WebSocket, Server-Sent Events, the
// HTTP API, who is calling (identity), limits, health, metrics, the web page.
//
// Each kind of connection knows the hub and the frames, and none of the others.
package transport
