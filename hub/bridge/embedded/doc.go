// Package embedded runs a NATS server inside this process: the log of a hub that
// stands alone. It listens on nothing; clients come through memory.
package embedded
