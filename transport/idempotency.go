package transport

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// maxIdempotencyKey bounds the header, in bytes.
const maxIdempotencyKey = 255

// idempotencyKey reads the Idempotency-Key header. What it does is what an event's
// own id does, and no more: the log stores one event for it, for each author and
// room, within the log's dedup window (two minutes by default), and answers a
// repeat with the first one's sequence and "duplicate": true, on whichever
// instance it arrives. So:
//
//   - A repeat is known by the author (the token's sub, or the user in as), the
//     room and the key. The rest of the body is not compared: what was stored
//     first stands.
//   - A request that failed was not stored, or is known when it is repeated: a
//     refusal is not remembered.
//   - After the window a repeat is a second event.
//   - Reading, and disconnect, do the same thing twice without harm; there the
//     header changes nothing. A broadcast, which is not stored, refuses it.
func idempotencyKey(r *http.Request) (string, error) {
	sent := r.Header.Values("Idempotency-Key")
	if len(sent) == 0 {
		return "", nil
	}
	key := sent[0]
	if len(sent) > 1 || key == "" || len(key) > maxIdempotencyKey {
		return "", room.Errorf(room.CodeBadRequest, "Idempotency-Key: send it once, with 1 to %d characters", maxIdempotencyKey)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", room.Errorf(room.CodeBadRequest, "Idempotency-Key: holds a character beyond ASCII; a UUID is fine")
	}
	return key, nil
}

// identifyEvents gives events without an id the one that follows from the
// request's key. One with an id keeps it: it is known by that already.
func (req *request) identifyEvents(events ...*room.Command) {
	if req.key == "" {
		return
	}
	for i, e := range events {
		if e.ID == "" {
			e.ID = derivedID(req.key, i, len(events))
		}
	}
}

// derivedID is the id of the ith of n events under a key: the key itself where it
// can be, so that the caller finds it in the event.
func derivedID(key string, i, n int) string {
	id := key
	if n > 1 {
		id += "/" + strconv.Itoa(i)
	}
	if len(id) <= room.MaxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
