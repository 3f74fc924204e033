package transport

import (
	"fmt"
	"strings"
)

// partRows: fragmentation, section 5.4.
func partRows() []frameRow {
	const s, silent = `{"type":"ping","id":1}`, `{"type":"ping"}`
	cmd := func(first byte, part string) []byte { return frame(first, []byte(part)) }
	p := func(s string) []byte { return frame(fin|opPing, []byte(s)) }
	rows := []frameRow{
		{"5.4", "two fragments", pieces(opText, s[:5], s[5:]), "pong 1", "", open},
		{"5.4", "three fragments", pieces(opText, s[:5], s[5:6], s[6:]), "pong 1", "", open},
		{"5.4", "fragments of a byte", pieces(opText, split(s, len(s))...), "pong 1", "", open},
		{"5.4", "64 fragments", pieces(opText, split(s, 64)...), "pong 1", "", open},
		{"5.4", "64 fragments, twice", bytesOf(pieces(opText, split(s, 64)...), pieces(opText, split(hubPing(2, 90), 64)...)), "pong 1; pong 2", "", open},
		{"5.4", "65 fragments", pieces(opText, split(s, 65)...), badUTF8, "", closed(3501)},
		{"5.4", "64 fragments without an end", bytesOf(cmd(opText, s), repeat(cmd(0, ""), 64)), badUTF8, "", closed(3501)},
		{"5.4", "65 fragments of binary", pieces(opBinary, split("", 65)...), badUTF8, "", closed(3501)},
		{"5.4", "65 fragments after a whole message", bytesOf(ping(7), pieces(opText, split(s, 65)...)), "pong 7; " + badUTF8, "", closed(3501)},
		{"5.4", "the first one empty", pieces(opText, "", s), "pong 1", "", open},
		{"5.4", "the one in the middle empty", pieces(opText, s[:5], "", s[5:]), "pong 1", "", open},
		{"5.4", "the last one empty", pieces(opText, s, ""), "pong 1", "", open},
		{"5.4", "all of them empty", pieces(opText, "", "", ""), "error 0 bad_request", "", open},
		{"5.4", "62 empty ones in the middle", pieces(opText, append(append([]string{s[:5]}, make([]string, 62)...), s[5:])...), "pong 1", "", open},
		{"5.4", "large ones", pieces(opText, hubPing(3, 200_000)[:100_000], hubPing(3, 200_000)[100_000:]), "pong 3", "", open},
		{"10.4", "together above the bound", pieces(opText, hubPing(3, 300_000)[:200_000], hubPing(3, 300_000)[200_000:]), "", "", closed(1009)},
		{"5.4", "two messages in fragments", bytesOf(pieces(opText, s[:5], s[5:]), pieces(opText, hubPing(2, 0)[:7], hubPing(2, 0)[7:])), "pong 1; pong 2", "", open},
		{"5.4", "a ping between two", bytesOf(cmd(opText, s[:5]), p("a"), cmd(fin, s[5:])), "pong 1", "a.", open},
		{"5.4", "a ping between each of four", bytesOf(cmd(opText, s[:3]), p("a"), cmd(0, s[3:6]), p("b"), cmd(0, s[6:9]), p("c"), cmd(fin, s[9:])), "pong 1", "a.b.c.", open},
		{"5.4", "two pings and a pong between two", bytesOf(cmd(opText, s[:5]), p("a"), frame(fin|opPong, nil), p("b"), cmd(fin, s[5:])), "pong 1", "a.b.", open},
		{"5.4", "pings between 64, which are not counted as fragments", withPings(split(s, 64)), "pong 1", strings.Repeat("p.", 63), open},
		{"5.4", "close between two", bytesOf(cmd(opText, s[:5]), closing(1000, "enough"), cmd(fin, s[5:])), "", "", closed(1000)},
		{"5.4", "a continuation of nothing", cmd(fin, s), "", "", closed(1002)},
		{"5.4", "a continuation of nothing, without FIN", cmd(0, s), "", "", closed(1002)},
		{"5.4", "an empty continuation of nothing", cmd(fin, ""), "", "", closed(1002)},
		{"5.4", "a continuation of a whole message", bytesOf(p("a"), text(silent), cmd(fin, s)), "", "a.", closed(1002)},
		{"5.4", "a continuation of a message that ended", bytesOf(pieces(opText, silent[:5], silent[5:]), p("a"), cmd(0, s)), "", "a.", closed(1002)},
		{"5.4", "a new message amid the fragments of one", bytesOf(cmd(opText, s[:5]), ping(2)), "", "", closed(1002)},
		{"5.4", "a new message in fragments amid those of one", bytesOf(cmd(opText, s[:5]), cmd(opText, s), cmd(fin, "")), "", "", closed(1002)},
		{"5.4", "binary amid the fragments of text", bytesOf(cmd(opText, s[:5]), cmd(fin|opBinary, s[5:])), "", "", closed(1002)},
		{"5.4", "the first fragment of binary, which is enough", cmd(opBinary, s[:5]), badUTF8, "", closed(3501)},
		{"5.5", "ping without FIN", cmd(opPing, "x"), "", "", closed(1002)},
		{"5.5", "pong without FIN", cmd(opPong, ""), "", "", closed(1002)},
		{"5.5", "close without FIN", cmd(opClose, "\x03\xe8"), "", "", closed(1002)},
		{"5.5", "a ping continued", bytesOf(cmd(opPing, "x"), cmd(fin, "y")), "", "", closed(1002)},
	}
	return rows
}

// withPings puts a ping behind each part but the last.
func withPings(parts []string) []byte {
	var b []byte
	for i, part := range parts {
		first := byte(0)
		if i == 0 {
			first = opText
		}
		if i == len(parts)-1 {
			return append(b, frame(fin, []byte(part))...)
		}
		b = append(b, frame(first, []byte(part))...)
		b = append(b, frame(fin|opPing, []byte("p"))...)
	}
	return b
}

// controlRows: section 5.5.
func controlRows() []frameRow {
	p := func(s string) []byte { return frame(fin|opPing, []byte(s)) }
	var rows []frameRow
	for _, n := range []int{0, 1, 2, 124, 125} {
		s := strings.Repeat("p", n)
		rows = append(rows,
			frameRow{"5.5.2", fmt.Sprintf("a ping of %d bytes", n), p(s), "", s + ".", open},
			frameRow{"5.5.3", fmt.Sprintf("a pong of %d bytes that nobody asked for", n), frame(fin|opPong, []byte(s)), "", "", open})
	}
	for _, n := range []int{126, 127, 1000, 65536} {
		s := strings.Repeat("p", n)
		rows = append(rows, frameRow{"5.5", fmt.Sprintf("a ping of %d bytes", n), bytesOf(p("a"), p(s)), "", "a.", closed(1002)})
	}
	return append(rows,
		frameRow{"5.5", "a pong of 126 bytes", frame(fin|opPong, make([]byte, 126)), "", "", closed(1002)},
		frameRow{"5.5", "a close of 126 bytes", closing(1000, strings.Repeat("r", 124)), "", "", closed(1002)},
		frameRow{"5.5", "a ping that says it has 2^62 bytes", header(fin|opPing, 1<<62), "", "", closed(1002)},
		frameRow{"5.5.2", "a ping with a length of 2 bytes", long(fin|opPing, 2, "wide"), "", "wide.", open},
		frameRow{"5.5.2", "a ping with bytes that are no text", p("\x00\xff\xfe"), "", "\x00\xff\xfe.", open},
		frameRow{"5.5.2", "three pings in order", bytesOf(p("1"), p("2"), p("3")), "", "1.2.3.", open},
		frameRow{"5.5.2", "pings between commands", bytesOf(p("1"), ping(1), p("2"), ping(2)), "pong 1; pong 2", "1.2.", open},
		frameRow{"hubbub", "64 pings", repeat(p("z"), 64), "", strings.Repeat("z.", 64), open},
		frameRow{"hubbub", "65 pings", repeat(p("z"), 65), badUTF8, strings.Repeat("z.", 64), closed(3501)},
		frameRow{"hubbub", "65 pongs", repeat(frame(fin|opPong, nil), 65), badUTF8, "", closed(3501)},
		frameRow{"hubbub", "64 pings and close", bytesOf(repeat(p("z"), 64), closing(1000, "")), "", strings.Repeat("z.", 64), closed(1000)},
	)
}

// closeRows: sections 5.5.1 and 7.4.
func closeRows() []frameRow {
	var rows []frameRow
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3501, 3999, 4000, 4444, 4999} {
		rows = append(rows, frameRow{"7.4", fmt.Sprintf("close %d is given back", code), closing(uint16(code), ""), "", "", closed(code)})
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 5999, 32768, 65535} {
		rows = append(rows, frameRow{"7.4", fmt.Sprintf("close %d may not be sent", code), closing(uint16(code), ""), "", "", closed(1002)})
	}
	return append(rows,
		frameRow{"5.5.1", "close without a code", frame(fin|opClose, nil), "", "", closed(1005)},
		frameRow{"5.5.1", "close with half a code", frame(fin|opClose, []byte{3}), "", "", closed(1002)},
		frameRow{"5.5.1", "close with a reason", closing(1000, "good bye"), "", "", closed(1000)},
		frameRow{"5.5.1", "close with a reason in UTF-8", closing(4001, "adé 👋"), "", "", closed(4001)},
		frameRow{"5.5.1", "close with the longest reason", closing(1001, strings.Repeat("r", 123)), "", "", closed(1001)},
		// The RFC asks for UTF-8 here too. The library gives the bytes back as they
		// came; who sent them gets them, and nobody else.
		frameRow{"5.5.1", "close with a reason that is not UTF-8", closing(1000, "\xff\xfe"), "", "", closed(1000)},
		frameRow{"5.5.1", "a command behind close is not served", bytesOf(closing(1000, ""), ping(2)), "", "", closed(1000)},
		frameRow{"5.5.1", "a ping behind close is not answered", bytesOf(closing(1000, ""), frame(fin|opPing, []byte("late"))), "", "", closed(1000)},
		frameRow{"5.5.1", "a second close", bytesOf(closing(1000, ""), closing(1001, "")), "", "", closed(1000)},
		frameRow{"5.5.1", "what is no frame behind close", bytesOf(closing(1000, ""), repeat([]byte{0xff}, 5000)), "", "", closed(1000)},
		frameRow{"7.1.1", "a great deal behind close", bytesOf(closing(1000, ""), repeat(text(strings.Repeat("x", 1000)), 500)), "", "", closed(1000)},
	)
}

// lettersRows: UTF-8, section 8.1, in the classes of Unicode's table 3-7.
func lettersRows() []frameRow {
	in := func(s string) string { return `{"type":"ping","id":1,"x":"` + s + `"}` }
	var rows []frameRow
	for name, s := range map[string]string{
		"U+0080": "\u0080", "U+07FF": "\u07ff", "U+0800": "\u0800", "U+D7FF": "\ud7ff", "U+E000": "\ue000", "U+FFFD": "\ufffd", "U+FFFE": "\ufffe",
		"U+FFFF": "\uffff", "U+10000": "\U00010000", "U+10FFFF": "\U0010ffff", "U+FEFF in a string": "\ufeff", "U+007F": "\u007f",
		"κόσμε": "κόσμε", "family": "👩‍👩‍👧", "escaped NUL": `\u0000`, "escaped half of a pair": `\ud800`,
	} {
		rows = append(rows, frameRow{"8.1", "good: " + name, text(in(s)), "pong 1", "", open})
	}
	for name, s := range badText {
		rows = append(rows, frameRow{"8.1", "bad: " + name, text(in(s)), badUTF8, "", closed(3501)})
	}
	for _, s := range []string{"é", "€", "𝄞"} {
		for cut := 1; cut < len(s); cut++ {
			whole := in(s)
			at := strings.Index(whole, s) + cut
			rows = append(rows,
				frameRow{"8.1", fmt.Sprintf("good: %s split after byte %d", s, cut), pieces(opText, whole[:at], whole[at:]), "pong 1", "", open},
				frameRow{"8.1", fmt.Sprintf("bad: %s split after byte %d and not continued", s, cut), pieces(opText, whole[:at], whole[at+len(s)-cut:]), badUTF8, "", closed(3501)})
		}
	}
	return append(rows,
		frameRow{"8.1", "good: split by a ping", bytesOf(frame(opText, []byte(in("€")[:len(in(""))-1])), frame(fin|opPing, []byte("p")), frame(fin, []byte(in("€")[len(in(""))-1:]))), "pong 1", "p.", open},
		frameRow{"8.1", "bad: outside of a string", text("\xff" + in("")), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: at the end", text(in("") + "\xe2\x82"), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: in the first fragment, and no other comes", frame(opText, []byte(in("\xff"))), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: in the second fragment, and no other comes", bytesOf(frame(opText, []byte(in(""))), frame(0, []byte("\xed\xa0"))), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: half a letter that the second fragment does not end", bytesOf(frame(opText, []byte("\xe2\x82")), frame(0, []byte("x"))), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: half a letter, a ping, and not its end", bytesOf(frame(opText, []byte("\xf0\x9f")), frame(fin|opPing, []byte("p")), frame(0, []byte("\x98A"))), badUTF8, "p.", closed(3501)},
		frameRow{"8.1", "bad: nothing else", text("\x80"), badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: after a command that is served", bytesOf(ping(2), text(in("\xc0"))), "pong 2; " + badUTF8, "", closed(3501)},
		frameRow{"8.1", "bad: in a field's name", text("{\"type\":\"ping\",\"id\":1,\"\xc3\x28\":1}"), badUTF8, "", closed(3501)},
	)
}

// badText holds one of each class of what is not UTF-8.
var badText = map[string]string{
	"continuation 80":         "\x80",
	"continuation BF":         "\xbf",
	"overlong of 2":           "\xc0\x80",
	"overlong of 2, the last": "\xc1\xbf",
	"overlong of 3":           "\xe0\x80\x80",
	"overlong of 3, the last": "\xe0\x9f\xbf",
	"overlong of 4":           "\xf0\x80\x80\x80",
	"overlong of 4, the last": "\xf0\x8f\xbf\xbf",
	"overlong slash":          "\xc0\xaf",
	"2 cut short":             "\xc2",
	"3 cut short by 2":        "\xe1",
	"3 cut short by 1":        "\xe1\x80",
	"4 cut short by 3":        "\xf1",
	"4 cut short by 2":        "\xf1\x80",
	"4 cut short by 1":        "\xf1\x80\x80",
	"2 with ASCII in it":      "\xc2A",
	"3 with ASCII in it":      "\xe2\x82A",
	"4 with ASCII in it":      "\xf0\x9f\x98A",
	"2 begun twice":           "\xc2\xc2\x80",
	"surrogate D800":          "\xed\xa0\x80",
	"surrogate DFFF":          "\xed\xbf\xbf",
	"a pair of surrogates":    "\xed\xa0\xbd\xed\xb8\x80",
	"above U+10FFFF":          "\xf4\x90\x80\x80",
	"F5":                      "\xf5\x80\x80\x80",
	"5 bytes":                 "\xf8\x88\x80\x80\x80",
	"6 bytes":                 "\xfc\x84\x80\x80\x80\x80",
	"FE":                      "\xfe",
	"FF":                      "\xff",
	"a byte too many":         "\xc2\x80\x80",
	"Latin-1":                 "caf\xe9",
}
