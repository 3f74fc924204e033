package yjs

import "fmt"

// Kind sorts what can be wrong with bytes that were given to be decoded.
type Kind uint8

const (
	// Truncated bytes end before what they announce.
	Truncated Kind = iota + 1
	// Malformed bytes are none that Yjs could have written.
	Malformed
	// TooLarge bytes, or what they announce, are beyond a limit of Limits.
	TooLarge
)

// String gives the kind in words.
func (k Kind) String() string {
	switch k {
	case Truncated:
		return "truncated"
	case Malformed:
		return "malformed"
	case TooLarge:
		return "too large"
	}
	return "unknown"
}

// Error is why bytes were refused.
type Error struct {
	// Kind is the sort of fault.
	Kind Kind
	// Offset is the byte at which it was seen, counted from the first one given. In
	// what version 2 keeps in columns it is the place within the column.
	Offset int
	// Reason says what was wrong and what would be right.
	Reason string
}

// Error gives the kind, the place and the reason.
func (e *Error) Error() string {
	return fmt.Sprintf("yjs: %s at byte %d: %s", e.Kind, e.Offset, e.Reason)
}
