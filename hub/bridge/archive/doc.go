// Package archive is the form in which a hub's log leaves its engine: one stream of
// records, compressed, with bounds on every length and a checksum over all. FORMAT.md
// beside this file tells the form byte by byte. It knows no engine; hub/bridge fills
// and empties it.
package archive
