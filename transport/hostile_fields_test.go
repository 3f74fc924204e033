package transport

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// odd holds a JSON value of every type, and those that break programs.
var odd = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e3", "1e400", "-1e-400", "9007199254740991", "9007199254740992", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 400),
	`""`, `" "`, `"a"`, `"é"`, `"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`, `"../../etc/passwd"`, `"a*"`, `"*"`, `">"`, `"a.b.>"`, `"__proto__"`, `"<script>"`, `"'; drop table rooms; --"`, `"\r\nX: y"`, `"\u202e"`,
	`"` + strings.Repeat("x", 65) + `"`, `"` + strings.Repeat("x", 129) + `"`, `"` + strings.Repeat("x", 20_000) + `"`, `"` + strings.Repeat("x", 40_000) + `"`,
	"[]", "[1]", `["a"]`, `[null]`, `[[]]`, `[{}]`, `["a",1]`, "{}", `{"a":1}`, `{"epoch":1}`, `{"epoch":"e","seq":-1}`, `{"kind":"unreadable"}`, `{"kind":1}`, `{"text":[]}`, `{"":{"":{}}}`,
	`[` + strings.TrimSuffix(strings.Repeat("1,", 3000), ",") + `]`, strings.Repeat("[", 70) + strings.Repeat("]", 70),
}

// fields lists every field that a command knows, with a value that is good.
var fields = map[string]map[string]string{
	"connect":   {"token": `"x"`, "name": `"n"`, "client": `"c"`},
	"refresh":   {"token": `"x"`},
	"join":      {"room": `"a"`, "since": `{"epoch":"","seq":0}`, "history": "5", "presence": "true"},
	"leave":     {"room": `"a"`},
	"publish":   {"room": `"a"`, "event": `{"text":"t"}`},
	"batch":     {"room": `"a"`, "events": `[{"text":"t"}]`},
	"history":   {"room": `"a"`, "before": "5", "after": "5", "around": "5", "limit": "5", "changes": "true"},
	"presence":  {"room": `"a"`},
	"typing":    {"room": `"a"`, "typing": "true"},
	"broadcast": {"room": `"a"`, "data": "1"},
	"positions": {"rooms": `["a"]`},
	"ping":      {},
	"pong":      {},
}

// eventFields are those of an event, for each kind that can be published.
var eventFields = []string{"kind", "id", "text", "data", "reply_to", "target", "emoji", "type", "user", "at", "v", "seq"}

// oddCommands gives every command with every odd value in every field, its own and
// those of its event, by name.
func oddCommands(yield func(name, body string)) {
	for kind, own := range fields {
		for field := range own {
			for i, value := range odd {
				parts := []string{fmt.Sprintf(`%q:%s`, field, value)}
				for other, good := range own {
					if other != field && (kind != "history" || other == "room") {
						parts = append(parts, fmt.Sprintf(`%q:%s`, other, good))
					}
				}
				yield(fmt.Sprintf("%s.%s %d", kind, field, i), fmt.Sprintf(`"type":%q,%s`, kind, strings.Join(parts, ",")))
			}
		}
	}
	for _, kind := range []string{"message", "edit", "delete", "react", "unreact", "custom"} {
		for _, field := range eventFields {
			for i, value := range odd {
				event := fmt.Sprintf(`{"kind":%q,%q:%s}`, kind, field, value)
				if field == "kind" {
					event = fmt.Sprintf(`{"kind":%s,"text":%q}`, value, kind)
				}
				yield(fmt.Sprintf("publish %s.%s %d", kind, field, i), `"type":"publish","room":"a","event":`+event)
				yield(fmt.Sprintf("batch %s.%s %d", kind, field, i), `"type":"batch","room":"a","events":[`+event+`,{"text":"t"}]`)
			}
		}
	}
	for i, value := range odd {
		yield(fmt.Sprintf("type %d", i), `"type":`+value)
	}
}

// TestOddFields: whatever stands in whatever field, the command is answered under
// its id, with an error that says what is wrong or with what it asks for; never
// with a fault of the hub, and never by hanging.
func TestOddFields(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	ask[wire.Joined](p, &wire.Join{Room: "a"})
	n, refusals := 0, 0
	oddCommands(func(name, body string) {
		n++
		p.lastID++
		p.write(text(fmt.Sprintf(`{"id":%d,%s}`, p.lastID, body)))
		if strings.Contains(body, `"type":"pong"`) {
			return
		}
		r := p.reply(p.lastID)
		p.kept = nil
		if said, ok := r.Body.(*wire.Error); ok {
			refusals++
			require.NotContains(t, []room.Code{room.CodeInternal, room.CodeUnavailable, room.CodeRateLimited}, said.Code, "%s: %.200s", name, body)
			require.Less(t, len(said.Message), 500, "%s", name)
		}
		if strings.Contains(name, "type ") {
			ask[wire.PongReply](p, &wire.Ping{}) // so that malformed ones are not in a row
		}
	})
	t.Logf("%d commands, %d of them refused", n, refusals)
	require.Greater(t, refusals, n/2)
	p.bye()
	e.well()
}

// TestOddIDs: an id that is none is an error that names it, without an id.
func TestOddIDs(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	for _, id := range odd {
		p.write(text(`{"type":"ping","id":` + id + "}"))
		r := p.next()
		if said, ok := r.Body.(*wire.Error); ok {
			require.Equal(t, room.CodeBadRequest, said.Code)
			require.Contains(t, said.Message, "id:")
			require.Zero(t, r.ID)
		} else {
			require.Contains(t, []string{"1", "9007199254740991"}, id)
		}
		ask[wire.PongReply](p, &wire.Ping{})
	}
	p.bye()
}
