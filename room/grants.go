package room

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verb is one thing that a caller may be allowed to do in a room.
type Verb string

// The verbs that a grant can hold.
const (
	// VerbJoin: receive what happens in the room while connected.
	VerbJoin Verb = "join"
	// VerbHistory: read what happened before.
	VerbHistory Verb = "history"
	// VerbPresence: see who is here.
	VerbPresence Verb = "presence"
	// VerbPublish: post messages and application events; edit and delete one's own.
	VerbPublish Verb = "publish"
	// VerbReact: add and take back reactions.
	VerbReact Verb = "react"
	// VerbTyping: tell that one is typing.
	VerbTyping Verb = "typing"
	// VerbBroadcast: send ephemeral messages that are not logged.
	VerbBroadcast Verb = "broadcast"
	// VerbDocRead: open documents, and see what is said of them.
	VerbDocRead Verb = "doc:read"
	// VerbDocComment: comment on documents; covers VerbDocRead.
	VerbDocComment Verb = "doc:comment"
	// VerbDocWrite: edit documents; covers both.
	VerbDocWrite Verb = "doc:write"
	// VerbAny covers all of the above.
	VerbAny Verb = "*"
)

// Verbs lists every verb.
var Verbs = []Verb{VerbJoin, VerbHistory, VerbPresence, VerbPublish, VerbReact, VerbTyping, VerbBroadcast, VerbDocRead, VerbDocComment, VerbDocWrite, VerbAny}

// Bounds on a token's grants: matching is linear in them.
const (
	MaxPatterns = 100
	MaxPattern  = MaxName + 1
)

// Grants maps room patterns to the verbs allowed there, as Ably writes
// capabilities: {"team-*": ["join","publish"], "lobby": ["*"]}. A pattern is a
// room's name, or a prefix followed by one "*" at its end; "*" alone is every
// room. The prefix must be followed by something: "team-*" covers "team-a" and
// neither "team" nor "team-". The verbs of all patterns that match add up.
type Grants map[string][]Verb

// Everything grants all verbs in all rooms.
func Everything() Grants { return Grants{"*": {VerbAny}} }

// Check reports the first thing that is wrong with the grants, or nil.
func (g Grants) Check() error {
	if len(g) > MaxPatterns {
		return fmt.Errorf("caps: %d room patterns; at most %d", len(g), MaxPatterns)
	}
	for pattern, verbs := range g {
		if pattern == "" || len(pattern) > MaxPattern {
			return fmt.Errorf("caps: pattern %.40q is %d bytes long; give 1 to %d", pattern, len(pattern), MaxPattern)
		}
		prefix := strings.TrimSuffix(pattern, "*")
		if prefix != "" {
			if err := CheckName(prefix); err != nil {
				return fmt.Errorf("caps: pattern %q: a room's name with at most one * at its end is expected", pattern)
			}
		}
		for _, v := range verbs {
			if !slices.Contains(Verbs, v) {
				return fmt.Errorf("caps: pattern %q: unknown verb %q; known are %s", pattern, v, verbList())
			}
		}
	}
	return nil
}

// Allow reports whether the grants cover verb in room.
func (g Grants) Allow(room string, verb Verb) bool {
	allowed := false
	for pattern, verbs := range g {
		if !matches(pattern, room) {
			continue
		}
		if denies(verbs) {
			return false
		}
		allowed = allowed || slices.Contains(verbs, verb) || slices.Contains(verbs, VerbAny)
	}
	return allowed
}

// verbDenied takes a pattern's rooms out of the grants, whatever others allow there. No
// token can hold it.
const verbDenied Verb = "!"

func denies(verbs []Verb) bool { return len(verbs) == 1 && verbs[0] == verbDenied }

// Deny gives the grants without the rooms of some patterns.
func (g Grants) Deny(patterns ...string) Grants {
	left := maps.Clone(g)
	if left == nil {
		left = Grants{}
	}
	for _, p := range patterns {
		left[p] = []Verb{verbDenied}
	}
	return left
}

// Denied reports whether a room was taken out of the grants by Deny.
func (g Grants) Denied(room string) bool {
	for pattern, verbs := range g {
		if denies(verbs) && matches(pattern, room) {
			return true
		}
	}
	return false
}

func matches(pattern, room string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		return pattern == room
	}
	return len(room) > len(prefix) && strings.HasPrefix(room, prefix)
}

func verbList() string {
	names := make([]string, len(Verbs))
	for i, v := range Verbs {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
