package bridge

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// plain are the bytes that stand for themselves in a subject; any other byte of a
// room's name is written as "=" and two hex digits. So every name is one token of
// a subject, and no two names are the same one.
func plain(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// escape turns a room's name into a token of a subject.
func escape(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		if c := name[i]; plain(c) {
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
func partitionOf(name string, partitions int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	sum := h.Sum64()
	sum ^= sum >> 32 // the low bits of FNV alone are uneven for short names
	return int(sum % uint64(partitions))
}

// Kind says what a Log is of.
type Kind int

// The kinds of a Log. Each has streams and subjects of its own, so that one engine
// holds both under one prefix.
const (
	// Rooms: all that they have said stays.
	Rooms Kind = iota
	// Documents: their past may be replaced, see hub.DocLog.
	Documents
)

// String gives what entries belong to, in the plural.
func (k Kind) String() string {
	if k == Documents {
		return "documents"
	}
	return "rooms"
}

// words are what names of streams and subjects are made of.
type words struct {
	stream, meta string // of stream names
	log, live    string // of subjects
	wildcards    int    // tokens of a subject that make a name
}

func (k Kind) words() words {
	if k == Documents {
		return words{stream: "DOC", meta: "DOCMETA", log: "doc", live: "livedoc", wildcards: 2}
	}
	return words{stream: "LOG", meta: "META", log: "log", live: "live", wildcards: 1}
}

const (
	// noTitle stands for the title of a document that is its room's, and empty for a
	// part of a name that is empty; escape gives neither.
	noTitle = "="
	empty   = "=="
)

// tokens turns a name into the end of a subject: a token for a room, and two for a
// document, so that the documents of a room are found by their first.
func (k Kind) tokens(name string) string {
	if k == Rooms {
		return escape(name)
	}
	r, title := room.DocRoom(name)
	if r == name {
		return docToken(r) + "." + noTitle
	}
	return docToken(r) + "." + docToken(title)
}

func docToken(part string) string {
	if part == "" {
		return empty
	}
	return escape(part)
}

// document is tokens the other way, for a document.
func document(tokens string) (string, error) {
	first, second, ok := strings.Cut(tokens, ".")
	if !ok {
		return "", fmt.Errorf("subject %q: ends in one token, and a document has two", tokens)
	}
	r, err := docPart(first)
	if err != nil || second == noTitle {
		return r, err
	}
	title, err := docPart(second)
	return r + "/" + title, err
}

func docPart(token string) (string, error) {
	if token == empty {
		return "", nil
	}
	return unescape(token)
}

func (c *Config) stream(p int) string {
	return fmt.Sprintf("%s_%s_%02d", strings.ToUpper(c.Prefix), c.Of.words().stream, p)
}

func (c *Config) metaStream() string {
	return strings.ToUpper(c.Prefix) + "_" + c.Of.words().meta
}

// bucket names the object store of what is too large for the log of documents.
func (c *Config) bucket() string { return strings.ToUpper(c.Prefix) + "_DOCS" }

func (c *Config) blobStream() string { return "OBJ_" + c.bucket() }

func (c *Config) metaSubject() string {
	return c.Prefix + "." + strings.ToLower(c.Of.words().meta) + ".record"
}

func (c *Config) logPrefix(p int) string {
	return c.Prefix + "." + c.Of.words().log + "." + strconv.Itoa(p) + "."
}

func (c *Config) livePrefix(p int) string {
	return c.Prefix + "." + c.Of.words().live + "." + strconv.Itoa(p) + "."
}

func (c *Config) logFilter(p int) string {
	return c.logPrefix(p) + "*" + strings.Repeat(".*", c.Of.words().wildcards-1)
}

// liveDestination names where the stream publishes again, in terms of the wildcards
// of logFilter.
func (c *Config) liveDestination(p int) string {
	var parts []string
	for i := range c.Of.words().wildcards {
		parts = append(parts, fmt.Sprintf("{{wildcard(%d)}}", i+1))
	}
	return c.livePrefix(p) + strings.Join(parts, ".")
}

func (c *Config) logSubject(p int, name string) string { return c.logPrefix(p) + c.Of.tokens(name) }

func (c *Config) liveSubject(p int, name string) string { return c.livePrefix(p) + c.Of.tokens(name) }

// docsFilter takes in the documents of a room in a partition.
func (c *Config) docsFilter(p int, room string) string { return c.logPrefix(p) + docToken(room) + ".*" }

// loggedAs turns the subject under which a message is published again into the one
// under which it is stored.
func (c *Config) loggedAs(live string) string {
	w := c.Of.words()
	return c.Prefix + "." + w.log + "." + live[min(len(live), len(c.Prefix)+len(w.live)+2):]
}
