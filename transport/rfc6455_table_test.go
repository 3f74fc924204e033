package transport

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// frameRow is one rule about frames: what a client sends after the opening
// handshake, and all that the hub answers.
type frameRow struct {
	rule, name string // the section of RFC 6455, and what is shown
	send       []byte
	text       string // the answers in text frames, in order: "pong 1", "error 2 bad_request"
	pongs      string // the payloads of the pongs, in order, each followed by a dot
	end        string // how it ends; see the constants
}

// The ways in which a row ends.
const (
	open = ""     // it does not: the connection is as good as before
	drop = "drop" // the stream ends without a close frame
)

func closed(code int) string { return fmt.Sprintf("close %d", code) }

func bytesOf(frames ...[]byte) []byte { return slices.Concat(frames...) }

// hubPing is a command of the protocol, filled up to a length in bytes.
func hubPing(id, size int) string {
	s := fmt.Sprintf(`{"type":"ping","id":%d,"x":""}`, id)
	return s[:len(s)-2] + strings.Repeat("x", max(0, size-len(s))) + s[len(s)-2:]
}

func ping(id int) []byte { return text(hubPing(id, 0)) }

// pieces sends a message in fragments: all of them but the last without FIN, all
// but the first as continuations.
func pieces(op byte, parts ...string) []byte {
	var b []byte
	for i, part := range parts {
		first := op
		if i > 0 {
			first = opContinuation
		}
		if i == len(parts)-1 {
			first |= fin
		}
		b = append(b, frame(first, []byte(part))...)
	}
	return b
}

// split cuts a message into n pieces, the last ones empty if it is too short.
func split(s string, n int) []string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = s[min(i, len(s)):min(i+1, len(s))]
	}
	if n < len(s) {
		parts[n-1] = s[n-1:]
	}
	return parts
}

// long encodes a length in more bytes than it needs.
func long(first byte, wide int, payload string) []byte {
	h := []byte{first}
	if wide == 2 {
		h = binary.BigEndian.AppendUint16(append(h, 0x80|126), uint16(len(payload)))
	} else {
		h = binary.BigEndian.AppendUint64(append(h, 0x80|127), uint64(len(payload)))
	}
	return bytesOf(h, mask[:], masked([]byte(payload), mask))
}

// bare is a frame without a mask.
func bare(first byte, payload string) []byte {
	return append([]byte{first, byte(len(payload))}, payload...)
}

func keyed(key [4]byte, payload string) []byte {
	b := append([]byte{fin | opText, 0x80 | byte(len(payload))}, key[:]...)
	return append(b, masked([]byte(payload), key)...)
}

const (
	connectText = `{"type":"connect","id":1}`
	badUTF8     = "error 0 bad_request; disconnect 3501"
)

// firstRows begin on a connection that has not said connect.
func firstRows() []frameRow {
	full := hubConnect(wire.MaxConnectFrame)
	refused := func(code string, close int) (string, string) {
		return fmt.Sprintf("%s; disconnect %d", code, close), closed(close)
	}
	badText, badEnd := refused("error 0 bad_request", 3501)
	rows := []frameRow{
		{"5.6", "connect", text(connectText), "connected 1", "", open},
		{"5.4", "connect in two fragments", pieces(opText, connectText[:9], connectText[9:]), "connected 1", "", open},
		{"5.4", "connect in fragments of a byte", pieces(opText, split(connectText, len(connectText))...), "connected 1", "", open},
		{"5.4", "connect in 64 fragments", pieces(opText, split(connectText, 64)...), "connected 1", "", open},
		{"5.4", "connect in 65 fragments", pieces(opText, split(connectText, 65)...), badText, "", badEnd},
		{"5.4", "a ping amid the fragments of connect", bytesOf(frame(opText, []byte(connectText[:9])), frame(fin|opPing, []byte("p")), frame(fin, []byte(connectText[9:]))), "connected 1", "p.", open},
		{"5.5.2", "a ping before connect", bytesOf(frame(fin|opPing, []byte("early")), text(connectText)), "connected 1", "early.", open},
		{"5.5.3", "a pong before connect", bytesOf(frame(fin|opPong, nil), text(connectText)), "connected 1", "", open},
		{"5.5.1", "close before connect", closing(1000, ""), "", "", closed(1000)},
		{"5.5.1", "an empty close before connect", frame(fin|opClose, nil), "", "", closed(1005)},
		{"5.6", "binary before connect", frame(fin|opBinary, []byte(connectText)), badText, "", badEnd},
		{"5.2", "reserved bits before connect", frame(fin|0x40|opText, []byte(connectText)), "", "", closed(1002)},
		{"5.2", "a reserved opcode before connect", frame(fin|3, nil), "", "", closed(1002)},
		{"5.1", "connect without a mask", bare(fin|opText, connectText), badText, "", badEnd},
		{"8.1", "connect that is not UTF-8", text("{\"type\":\"connect\",\"id\":1,\"name\":\"\xff\"}"), badText, "", badEnd},
		{"10.4", "connect at the bound of 4 KiB", text(full), "connected 1", "", open},
		{"10.4", "connect a byte beyond 4 KiB", text(full + " "), "", "", closed(1009)},
		{"10.4", "connect beyond 4 KiB in fragments", pieces(opText, full[:1500], full[1500:3000], full[3000:]+" "), "", "", closed(1009)},
		{"10.4", "connect of 64 KiB", text(hubConnect(65536)), "", "", closed(1009)},
		{"10.4", "connect that says it has 2^63-1 bytes", bytesOf(header(fin|opText, 1<<63-1), blank(5000)), "", "", closed(1009)},
		{"10.4", "connect that says it has 2^64-1 bytes", header(fin|opText, 1<<64-1), badText, "", badEnd},
	}
	rows = append(rows, []frameRow{
		{"hubbub", "connect and a command in one go", bytesOf(text(connectText), ping(2)), "connected 1; pong 2", "", open},
		{"hubbub", "a large command right behind connect", bytesOf(text(connectText), text(hubPing(2, 100_000))), "connected 1; pong 2", "", open},
		{"hubbub", "another command first", ping(2), "error 2 unauthorized; disconnect 3500", "", closed(3500)},
		{"hubbub", "another command first, without an id", text(`{"type":"ping"}`), "error 0 unauthorized; disconnect 3500", "", closed(3500)},
		{"hubbub", "an unknown command first", text(`{"type":"hello","id":3}`), "error 3 unknown_command; disconnect 3501", "", closed(3501)},
		{"hubbub", "an empty message first", text(""), badText, "", badEnd},
		{"hubbub", "no JSON first", text("hello"), badText, "", badEnd},
		{"hubbub", "an array first", text("[]"), badText, "", badEnd},
		{"hubbub", "connect with a number for a token", text(`{"type":"connect","id":1,"token":5}`), "error 1 bad_request; disconnect 3501", "", closed(3501)},
		{"hubbub", "connect with a token that is none", text(`{"type":"connect","id":1,"token":"x.y.z"}`), "error 1 unauthorized; disconnect 3500", "", closed(3500)},
		{"hubbub", "one frame is all that there is before connect", bytesOf(text("hello"), text(connectText)), badText, "", badEnd},
	}...)
	return rows
}

// hubConnect is a connect command of a length in bytes.
func hubConnect(size int) string {
	s := `{"type":"connect","id":1,"client":""}`
	return s[:len(s)-2] + strings.Repeat("c", size-len(s)) + s[len(s)-2:]
}

// dataRows: lengths, masks, bits and opcodes of data frames.
func dataRows() []frameRow {
	var rows []frameRow
	for i, n := range []int{40, 124, 125, 126, 127, 128, 4096, 4097, 65534, 65535, 65536, 65537, 256<<10 - 1, 256 << 10} {
		rows = append(rows, frameRow{"5.2", fmt.Sprintf("text of %d bytes", n), text(hubPing(i+1, n)), fmt.Sprintf("pong %d", i+1), "", open})
	}
	for _, n := range []int{256<<10 + 1, 300_000, 2 << 20} {
		rows = append(rows, frameRow{"10.4", fmt.Sprintf("text of %d bytes, above the bound", n), text(hubPing(1, n)), "", "", closed(1009)})
	}
	for _, row := range []struct{ wide, size int }{{2, 40}, {8, 40}, {2, 125}, {8, 126}, {8, 65535}} {
		// A sender must use the shortest form; nothing says that a receiver must
		// look, and a longer one does no harm.
		rows = append(rows, frameRow{"5.2", fmt.Sprintf("%d bytes with a length of %d bytes", row.size, row.wide), long(fin|opText, row.wide, hubPing(1, row.size)), "pong 1", "", open})
	}
	for _, exp := range []int{20, 31, 32, 40, 62} {
		rows = append(rows, frameRow{"10.4", fmt.Sprintf("a length of 2^%d", exp), bytesOf(header(fin|opText, 1<<exp), blank(300_000)), "", "", closed(1009)})
	}
	rows = append(rows, frameRow{"10.4", "a length of 2^63-1", bytesOf(header(fin|opText, 1<<63-1), blank(300_000)), "", "", closed(1009)})
	for _, n := range []uint64{1 << 63, 1<<63 + 1, 1<<64 - 1} {
		rows = append(rows,
			frameRow{"5.2", fmt.Sprintf("a length of %#x, with the highest bit set", n), header(fin|opText, n), badUTF8, "", closed(3501)},
			frameRow{"5.2", fmt.Sprintf("a ping with a length of %#x", n), header(fin|opPing, n), badUTF8, "", closed(3501)})
	}
	for _, key := range [][4]byte{{}, {0xff, 0xff, 0xff, 0xff}, {1, 0, 0, 0}, {0x80, 0x7f, 0x22, 0x7d}} {
		rows = append(rows, frameRow{"5.3", fmt.Sprintf("mask %x", key), keyed(key, hubPing(1, 41)), "pong 1", "", open})
	}
	for _, first := range []byte{fin | opText, fin | opBinary, opText, fin | opPing, fin | opPong, fin | opClose} {
		rows = append(rows, frameRow{"5.1", fmt.Sprintf("%#x without a mask", first), bytesOf(ping(1), bare(first, "")), "pong 1; " + badUTF8, "", closed(3501)})
	}
	rows = append(rows, frameRow{"5.1", "a continuation without a mask", bytesOf(frame(opText, []byte(hubPing(1, 0))), bare(fin, "")), badUTF8, "", closed(3501)})
	for bits := byte(0x10); bits <= 0x70; bits += 0x10 {
		rows = append(rows, frameRow{"5.2", fmt.Sprintf("reserved bits %#x on text", bits), frame(fin|bits|opText, []byte(hubPing(2, 0))), "", "", closed(1002)})
	}
	for _, first := range []byte{opBinary, opPing, opPong, opClose} {
		for _, bits := range []byte{0x40, 0x20, 0x10} {
			rows = append(rows, frameRow{"5.2", fmt.Sprintf("reserved bits %#x on opcode %d", bits, first), frame(fin|bits|first, nil), "", "", closed(1002)})
		}
	}
	rows = append(rows, frameRow{"5.2", "RSV1 on a continuation", bytesOf(frame(opText, []byte("{")), frame(fin|0x40, []byte("}"))), "", "", closed(1002)})
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		rows = append(rows,
			frameRow{"5.2", fmt.Sprintf("reserved opcode %d", op), frame(fin|op, []byte("x")), "", "", closed(1002)},
			frameRow{"5.2", fmt.Sprintf("reserved opcode %d without FIN", op), frame(op, nil), "", "", closed(1002)})
	}
	for _, s := range []string{"", "x", hubPing(1, 0), strings.Repeat("x", 126), strings.Repeat("x", 65536)} {
		rows = append(rows, frameRow{"5.6", fmt.Sprintf("binary of %d bytes", len(s)), frame(fin|opBinary, []byte(s)), badUTF8, "", closed(3501)})
	}
	return append(rows,
		frameRow{"5.6", "binary in fragments", pieces(opBinary, "{", "}"), badUTF8, "", closed(3501)},
		frameRow{"5.6", "an empty text", text(""), "error 0 bad_request", "", open},
		frameRow{"5.6", "white space before and after", text(" \r\n\t" + hubPing(1, 0) + "\n"), "pong 1", "", open},
		frameRow{"5.6", "a byte order mark, which JSON does not allow", text("\ufeff" + hubPing(1, 0)), "error 0 bad_request", "", open},
		frameRow{
			"5.6", "ten messages in one go", bytesOf(ping(1), ping(2), ping(3), ping(4), ping(5), ping(6), ping(7), ping(8), ping(9), ping(10)),
			"pong 1; pong 2; pong 3; pong 4; pong 5; pong 6; pong 7; pong 8; pong 9; pong 10", "", open,
		},
	)
}
