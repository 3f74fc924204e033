package wire

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// table gives the rows of the first table behind the given text of PROTOCOL.md,
// without its head, each as its cells.
func table(t *testing.T, behind string) [][]string {
	t.Helper()
	page, err := os.ReadFile("PROTOCOL.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), behind)
	require.True(t, found, "PROTOCOL.md has no %q", behind)
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	require.Greater(t, len(rows), 2, "no table behind %q", behind)
	return rows[2:]
}

var inCode = regexp.MustCompile("`([a-z_]+)[^`]*`")

// names gives the identifiers at the beginning of each `code` span.
func names(cell string) []string {
	var list []string
	for _, m := range inCode.FindAllStringSubmatch(cell, -1) {
		list = append(list, m[1])
	}
	return list
}

func firstColumn(rows [][]string) []string {
	var list []string
	for _, row := range rows {
		list = append(list, names(row[0])...)
	}
	return list
}

// keysOf collects, for each type of frame, the fields that the golden frames hold.
func keysOf(t *testing.T, file string) map[string][]string {
	t.Helper()
	keys := map[string][]string{}
	for _, c := range readGolden(t, file) {
		var frame map[string]json.RawMessage
		var id struct{ ID uint64 }
		require.NoError(t, json.Unmarshal([]byte(c.canonical()), &frame))
		require.NoError(t, json.Unmarshal([]byte(c.canonical()), &id))
		kind := strings.Trim(string(frame["type"]), `"`)
		if kind == typeLeft && id.ID == 0 {
			kind = "left push"
		}
		for key := range frame {
			if key != "type" && key != "id" && !slices.Contains(keys[kind], key) {
				keys[kind] = append(keys[kind], key)
			}
		}
	}
	return keys
}

func TestProtocolListsTheCommands(t *testing.T) {
	rows := table(t, "## 2. Commands")
	require.Equal(t, CommandTypes, firstColumn(rows))
	keys := keysOf(t, "commands.json")
	replies := map[string]string{
		"connect": "connected", "refresh": "refreshed", "join": "joined", "leave": "left", "publish": "ack", "batch": "acks",
		"history": "history", "presence": "members", "typing": "ack", "broadcast": "ack", "positions": "positions", "ping": "pong",
		"doc_open": "doc_opened", "doc_update": "doc_saved", "doc_close": "doc_closed",
	}
	for _, row := range rows {
		kind := names(row[0])[0]
		require.ElementsMatch(t, keys[kind], names(row[1]), "fields of %s", kind)
		require.Equal(t, replies[kind], strings.Join(names(row[2]), ""), "reply of %s", kind)
	}
	for _, bound := range []string{
		"`history?: 0-" + strconv.Itoa(MaxJoinHistory) + "`", "`events` (1 to " + strconv.Itoa(MaxBatch) + ")", "`rooms` (1 to 1,000)",
		"`limit?: 1-" + strconv.Itoa(MaxHistory) + ", default " + strconv.Itoa(DefaultHistory) + "`",
	} {
		require.True(t, slices.ContainsFunc(rows, func(r []string) bool { return strings.Contains(r[1], bound) }), bound)
	}
	require.Equal(t, 1000, MaxPositions)
}

func TestProtocolListsTheReplies(t *testing.T) {
	rows := table(t, "## 3. Replies")
	require.Equal(t, ReplyTypes, firstColumn(rows))
	keys := keysOf(t, "replies.json")
	for _, row := range rows {
		kind := names(row[0])[0]
		require.ElementsMatch(t, keys[kind], names(row[1]), "fields of %s", kind)
	}
}

func TestProtocolListsThePushes(t *testing.T) {
	rows := table(t, "## 4. Pushes")
	require.Equal(t, PushTypes, firstColumn(rows))
	keys := keysOf(t, "replies.json")
	for _, row := range rows {
		kind := names(row[0])[0]
		want := keys[kind]
		if kind == typeLeft {
			want = keys["left push"]
		}
		require.ElementsMatch(t, want, names(row[1]), "fields of %s", kind)
	}
}

// tags gives the JSON names of a struct's fields.
func tags(v any) []string {
	var list []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		list = append(list, name)
	}
	return list
}

func TestProtocolListsTheEventFields(t *testing.T) {
	rows := table(t, "**`publish`** asks for an event:")
	require.ElementsMatch(t, tags(room.Command{}), firstColumn(rows))
	page, err := os.ReadFile("PROTOCOL.md")
	require.NoError(t, err)
	_, sentence, _ := strings.Cut(string(page), "A stored `event` has ")
	sentence, _, _ = strings.Cut(sentence, ". A kind")
	require.ElementsMatch(t, tags(room.Event{}), names(sentence))
	for name, bound := range map[string]string{
		"id": "64 bytes", "text": "16 KiB", "data": "32 KiB and 64 levels", "emoji": "64 bytes", "type": "64 bytes",
	} {
		i := slices.IndexFunc(rows, func(r []string) bool { return names(r[0])[0] == name })
		require.Contains(t, rows[i][1], bound, name)
	}
	require.Equal(t, []int{64, 16 << 10, 32 << 10, 64, 64, 64},
		[]int{room.MaxID, room.MaxText, room.MaxData, room.MaxDepth, room.MaxEmoji, room.MaxType})
}

func TestProtocolListsTheErrorCodes(t *testing.T) {
	rows := table(t, "## 8. Error codes")
	var codes []room.Code
	for _, row := range rows {
		code := room.Code(names(row[0])[0])
		codes = append(codes, code)
		require.Equal(t, row[2], strconv.Itoa(HTTPStatus(code)), "HTTP status of %s", code)
		retry := row[3] == "later" || strings.HasPrefix(row[3], "yes")
		require.Equal(t, retry, code.Retryable(), "%s: %q", code, row[3])
	}
	require.Equal(t, room.Codes, codes)
}

func TestProtocolListsTheCloseCodes(t *testing.T) {
	rows := table(t, "### Close codes")
	var codes []CloseCode
	for _, row := range rows {
		n, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		code := CloseCode(n)
		codes = append(codes, code)
		require.Equal(t, strings.Trim(row[1], "`"), code.Name(), "%d", code)
		if code >= 3000 {
			require.Equal(t, strings.Contains(row[2], "reconnect"), code.Reconnect(), "%d: %s", code, row[2])
		}
	}
	require.Equal(t, CloseCodes, codes)
}

func TestUnknownCloseCodesGoByTheirRange(t *testing.T) {
	for code, want := range map[CloseCode]bool{1001: true, 1006: true, 3000: true, 3499: true, 3500: false, 3999: false, 4000: true} {
		require.Equal(t, want, code.Reconnect(), "%d", code)
		if !slices.Contains(CloseCodes, code) {
			require.Empty(t, code.Name())
		}
	}
}

func TestEveryBoundOfProtocolIsAConstant(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	require.NoError(t, err)
	for text, bound := range map[string]int{
		"2^53-1": MaxID, "First frame": 0, "at most 500, sorted by user": MaxMembers, "8 KiB for the whole token": MaxToken, "4 KiB, one frame": MaxConnectFrame, "256 KiB after inflation": MaxFrame,
	} {
		if bound != 0 {
			require.Contains(t, string(page), text)
		}
	}
	require.Equal(t, []int{1<<53 - 1, 500, 8192, 4096, 262144}, []int{MaxID, MaxMembers, MaxToken, MaxConnectFrame, MaxFrame})
}
