package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// Whatever stands in whatever field, the answer is a command or an error that
// names the field.
func TestEveryTypeInEveryField(t *testing.T) {
	values := []string{`null`, `true`, `false`, `0`, `1`, `-1`, `1.5`, `1e400`, `""`, `"x"`, `[]`, `[1]`, `["a"]`, `[{}]`, `[[]]`, `{}`, `{"a":1}`, `99999999999999999999`}
	cases := 0
	for _, c := range readGolden(t, "commands.json") {
		var whole map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(c.Frame), &whole))
		for key := range whole {
			for _, value := range values {
				confuse(t, whole, "", key, value)
				cases++
			}
			var inner map[string]json.RawMessage
			if json.Unmarshal(whole[key], &inner) != nil || key == "data" || key == "later" {
				continue
			}
			for name := range inner {
				for _, value := range values {
					confuse(t, whole, key, name, value)
					cases++
				}
			}
		}
	}
	require.Greater(t, cases, 2000)
}

// confuse puts value into a field of a frame, or of the object at outer in it.
func confuse(t *testing.T, whole map[string]json.RawMessage, outer, key, value string) {
	t.Helper()
	changed := map[string]json.RawMessage{}
	for k, v := range whole {
		changed[k] = v
	}
	if outer == "" {
		changed[key] = json.RawMessage(value)
	} else {
		var inner map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(whole[outer], &inner))
		inner[key] = json.RawMessage(value)
		nested, err := json.Marshal(inner)
		require.NoError(t, err)
		changed[outer] = nested
	}
	frame, err := json.Marshal(changed)
	require.NoError(t, err)
	command, err := DecodeCommand(frame)
	if err == nil {
		_, err = EncodeCommand(command)
		require.NoError(t, err, "%s", frame)
		return
	}
	e := room.AsError(err)
	require.Contains(t, []room.Code{room.CodeBadRequest, room.CodeUnknownCommand}, e.Code, "%s", frame)
	require.Contains(t, e.Message, key, "%s", frame)
	require.Regexp(t, "give|known are|each|allowed|at most", e.Message, "the error says what would be right")
}

func TestTypesThatDoNotFitAreRefused(t *testing.T) {
	for field, accepted := range map[string]string{
		`{"type":"connect","token":%s}`: `"x"`, `{"type":"join","room":%s}`: `"x"`, `{"type":"join","room":"a","history":%s}`: `1`,
		`{"type":"join","room":"a","presence":%s}`: `true`, `{"type":"join","room":"a","since":%s}`: `{"epoch":"","seq":0}`,
		`{"type":"publish","room":"a","event":{"text":%s}}`: `"x"`, `{"type":"publish","room":"a","event":{"reply_to":%s}}`: `1`,
		`{"type":"positions","rooms":%s}`: `["a"]`, `{"type":"history","room":"a","limit":%s}`: `1`,
	} {
		for _, value := range []string{`null`, `true`, `1`, `"x"`, `["a"]`, `{"epoch":"","seq":0}`} {
			_, err := DecodeCommand(fmt.Appendf(nil, field, value))
			require.Equal(t, value == accepted, err == nil, field, value)
		}
	}
}

// nested gives frames that are deep, wide or long, each within the frame bound.
func hostileFrames() map[string][]byte {
	deep := func(open, closed string, n int) string {
		return strings.Repeat(open, n) + "1" + strings.Repeat(closed, n)
	}
	frame := func(data string) []byte { return []byte(`{"type":"broadcast","id":1,"room":"a","data":` + data + `}`) }
	return map[string][]byte{
		"100,000 arrays":             frame(deep("[", "]", 100_000)),
		"30,000 objects":             frame(deep(`{"a":`, "}", 30_000)),
		"100,000 arrays, never shut": []byte(`{"type":"broadcast","id":1,"room":"a","data":` + strings.Repeat("[", 200_000)),
		"9,000 arrays":               frame(deep("[", "]", 9_000)),
		"60,000 unknown fields":      []byte(`{"type":"ping",` + strings.Repeat(`"":1,`, 50_000) + `"id":1}`),
		"60,000 times id":            []byte(`{"type":"ping",` + strings.Repeat(`"id":1,`, 35_000) + `"id":1}`),
		"200,000 digits":             []byte(`{"type":"ping","id":` + strings.Repeat("9", 200_000) + `}`),
		"80,000 rooms":               []byte(`{"type":"positions","rooms":[` + strings.Repeat(`"",`, 80_000) + `""]}`),
		"80,000 events":              []byte(`{"type":"batch","room":"a","events":[` + strings.Repeat(`{},`, 80_000) + `{}]}`),
		"escapes":                    []byte(`{"type":"` + strings.Repeat(`\u0000`, 40_000) + `"}`),
	}
}

func TestHostileFramesCostLittle(t *testing.T) {
	for name, frame := range hostileFrames() {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(frame), MaxFrame)
			start := time.Now()
			_, err := DecodeCommand(frame)
			require.Less(t, time.Since(start), 2*time.Second, "time that grows with the square of the frame would be minutes")
			if name != "60,000 unknown fields" {
				require.Error(t, err)
				require.Less(t, len(err.Error()), 400)
			}
			allocated := testing.AllocsPerRun(1, func() { _, _ = DecodeCommand(frame) })
			require.Less(t, allocated, 3000.0)
		})
	}
}

func TestDecodeKeepsNothingOfTheFrame(t *testing.T) {
	frame := []byte(`{"type":"publish","id":1,"room":"a","event":{"text":"hi","data":{"a":1}}}`)
	command, err := DecodeCommand(frame)
	require.NoError(t, err)
	push := AppendEvent(nil, "a", 1, stored)
	reply, err := DecodeReply(push)
	require.NoError(t, err)
	copy(frame, bytes.Repeat([]byte("#"), len(frame)))
	copy(push, bytes.Repeat([]byte("#"), len(push)))
	require.Equal(t, room.Command{Kind: room.KindMessage, Text: "hi", Data: json.RawMessage(`{"a":1}`)}, command.Body.(*Publish).Event)
	require.Equal(t, &EventPush{Room: "a", Item: Item{1, stored}}, reply.Body)
}

func TestEncodeRefusesWhatIsNoFrame(t *testing.T) {
	for name, c := range map[string]Command{
		"no body":            {ID: 1},
		"id too large":       {ID: MaxID + 1, Body: &Ping{}},
		"data is no JSON":    {ID: 1, Body: &Broadcast{Room: "a", Data: json.RawMessage(`{`)}},
		"no data":            {ID: 1, Body: &Broadcast{Room: "a"}},
		"event data no JSON": {ID: 1, Body: &Publish{Room: "a", Event: room.Command{Data: json.RawMessage(`x`)}}},
		"batch data no JSON": {ID: 1, Body: &Batch{Room: "a", Events: []room.Command{{Text: "x"}, {Data: json.RawMessage(`"`)}}}},
		"data in bad UTF-8":  {ID: 1, Body: &Broadcast{Room: "a", Data: json.RawMessage("\"\xff\"")}},
	} {
		_, err := EncodeCommand(c)
		require.Error(t, err, name)
	}
}

func TestDecodeReplyRefuses(t *testing.T) {
	for _, frame := range []string{
		``, `[]`, `{}`, `{"type":7}`, `{"type":"event"}`, `{"type":"event","room":"a","seq":1}`, `{"type":"event","room":"a","seq":0,"event":{}}`,
		`{"type":"event","room":"a","seq":1,"event":"x"}`, `{"type":"event","room":"","seq":1,"event":{}}`, `{"type":"ack","id":1,"seq":"1"}`,
		`{"type":"joined","id":1,"events":{}}`, `{"type":"disconnect","code":"3000"}`, "{\"type\":\"ping\",\"x\":\"\xff\"}",
	} {
		_, err := DecodeReply([]byte(frame))
		require.Error(t, err, frame)
	}
	got, err := DecodeReply([]byte(`{"type":"hologram","id":3}`))
	require.NoError(t, err)
	require.Equal(t, Reply{ID: 3, Body: &Unknown{Kind: "hologram"}}, got)
}

func TestErrorsTravel(t *testing.T) {
	sent := &room.Error{Code: room.CodeRateLimited, Message: "wait", RetryAfter: 1500 * time.Millisecond}
	require.Equal(t, sent, ErrorOf(fmt.Errorf("publish: %w", sent)).Err())
	require.Equal(t, room.CodeInternal, ErrorOf(fmt.Errorf("secret")).Code)
	require.NotContains(t, ErrorOf(fmt.Errorf("secret")).Message, "secret")
}

func TestAppendEventAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 1<<10)
	require.Zero(t, testing.AllocsPerRun(100, func() { dst = AppendEvent(dst[:0], "büro/7", 43, stored) }))
}
