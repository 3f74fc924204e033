package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// ParseCaps reads grants as a person writes them: as JSON, the way they stand in a
// token, or in short as "room=verb,verb;room2=*".
func ParseCaps(s string) (room.Grants, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errors.New(`caps: are empty; give "room=verb,verb;room2=*", or "*=*" for everything`)
	}
	if strings.HasPrefix(s, "{") {
		if _, err := object("caps", []byte(s)); err != nil {
			return nil, message(err)
		}
		g, err := grants([]byte(s))
		return g, message(err)
	}
	g := make(room.Grants)
	for part := range strings.SplitSeq(s, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue // a semicolon at the end
		}
		if err := addShort(g, part); err != nil {
			return nil, err
		}
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return g, nil
}

// addShort reads "room=verb,verb". A room's name may hold "=", a verb may not.
func addShort(g room.Grants, part string) error {
	i := strings.LastIndexByte(part, '=')
	if i < 0 {
		return fmt.Errorf("caps: %.60q has no verbs; write room=verb,verb, as lobby=join,publish or lobby=*", part)
	}
	pattern := strings.TrimSpace(part[:i])
	if _, ok := g[pattern]; ok {
		return fmt.Errorf("caps: %.60q stands there twice; put its verbs together", pattern)
	}
	verbs := []room.Verb{}
	for verb := range strings.SplitSeq(part[i+1:], ",") {
		verb = strings.TrimSpace(verb)
		if verb == "" {
			return fmt.Errorf("caps: %.60q has an empty verb; write room=verb,verb", part)
		}
		verbs = append(verbs, room.Verb(verb))
	}
	g[pattern] = verbs
	return nil
}
