package bridge

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// plain are the bytes that stand for themselves in a subject; any other byte of a
// room's name is written as "=" and two hex digits. So every name is one token of
// a subject, and no two names are the same one.
func plain(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// escape turns a room's name into a token of a subject.
func escape(room string) string {
	var b strings.Builder
	b.Grow(len(room))
	for i := range len(room) {
		if c := room[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

// unescape is escape the other way. It refuses what escape never gives.
func unescape(token string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case plain(c):
			b.WriteByte(c)
		case c == '=' && i+2 < len(token):
			raw, err := hex.DecodeString(token[i+1 : i+3])
			if err != nil || plain(raw[0]) || strings.ToLower(token[i+1:i+3]) != token[i+1:i+3] {
				return "", fmt.Errorf("subject token %q: %q is no escaped byte", token, token[i:i+3])
			}
			b.Write(raw)
			i += 2
		default:
			return "", fmt.Errorf("subject token %q: byte %q does not belong there", token, c)
		}
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("subject token %q: is empty", token)
	}
	return b.String(), nil
}

// partitionOf spreads rooms over partitions. It must never change: it says where
// a room's messages are.
func partitionOf(room string, partitions int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(room))
	sum := h.Sum64()
	sum ^= sum >> 32 // the low bits of FNV alone are uneven for short names
	return int(sum % uint64(partitions))
}

func (c *Config) stream(p int) string {
	return fmt.Sprintf("%s_LOG_%02d", strings.ToUpper(c.Prefix), p)
}
func (c *Config) logFilter(p int) string { return c.Prefix + ".log." + strconv.Itoa(p) + ".*" }

// liveDestination names where the stream publishes again, in terms of the one
// wildcard of logFilter.
func (c *Config) liveDestination(p int) string {
	return c.Prefix + ".live." + strconv.Itoa(p) + ".{{wildcard(1)}}"
}

func (c *Config) logSubject(p int, room string) string {
	return c.Prefix + ".log." + strconv.Itoa(p) + "." + escape(room)
}

func (c *Config) livePrefix(p int) string { return c.Prefix + ".live." + strconv.Itoa(p) + "." }

// loggedAs turns the subject under which a message is published again into the one
// under which it is stored.
func (c *Config) loggedAs(live string) string {
	return c.Prefix + ".log." + live[min(len(live), len(c.Prefix)+len(".live.")):]
}

func (c *Config) liveSubject(p int, room string) string { return c.livePrefix(p) + escape(room) }
