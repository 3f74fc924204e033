package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// toolPatience is how long a test of the tools waits for what must come.
const toolPatience = time.Minute

// toolHub runs hubbub serve within the test and gives the address for --url.
func toolHub(t *testing.T, flags ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	var errs lockedBuffer
	args := append([]string{"serve", "--addr=127.0.0.1:0", "--admin-addr=", "--data=" + t.TempDir(), "--log-level=warn"}, flags...)
	go func() {
		ended <- run(ctx, args, nil, streams{strings.NewReader(""), in, &errs})
		_ = in.Close()
	}()
	t.Cleanup(func() {
		stop()
		require.Zero(t, <-ended, errs.String())
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "hubbub "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "--url=" + strings.Replace(strings.TrimSpace(addr), "http", "ws", 1)
		}
	}
	require.Fail(t, "the hub did not start", errs.String())
	return ""
}

// lockedBuffer may be written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// tool runs one command to its end.
func tool(t *testing.T, in string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolPatience)
	defer cancel()
	var out, errs lockedBuffer
	status = run(ctx, args, nil, streams{strings.NewReader(in), &out, &errs})
	require.NoError(t, ctx.Err(), "%v took too long: %s", args, errs.String())
	return status, out.String(), errs.String()
}

// Whatever is a message comes back byte for byte, in order.
func TestSendAndTailGiveTheSameBytes(t *testing.T) {
	url := toolHub(t)
	var in strings.Builder
	const lines = 5000
	for i := range lines {
		switch i % 7 {
		case 0:
			fmt.Fprintf(&in, "line %d\r\n", i)
		case 1:
			fmt.Fprintf(&in, "  \t%d \"quoted\" \\n \\ <b>&amp;</b> \x00\x01\x1b[31m\x7f  \n", i)
		case 2:
			fmt.Fprintf(&in, "%d 議事録 👩‍👩‍👧 \u2028 e\u0301 \ufeff\n", i)
		case 3:
			fmt.Fprintf(&in, "%s%d\n", strings.Repeat("x", i%500), i)
		default:
			fmt.Fprintln(&in, i)
		}
	}
	fmt.Fprintln(&in, strings.Repeat("ü", room.MaxText/2))
	status, stdout, stderr := tool(t, in.String(), "send", "lines", url)
	require.Zero(t, status, stderr)
	require.Empty(t, stdout)
	status, stdout, stderr = tool(t, "", "tail", "lines", "--since=0", "--limit="+strconv.Itoa(lines+1), url)
	require.Zero(t, status, stderr)
	require.True(t, in.String() == stdout, "the bytes differ")
}

func TestSendTellsWhatItCannotSend(t *testing.T) {
	url := toolHub(t)
	in := "first\n\n" + strings.Repeat("x", 100_000) + "\n \t\nnot \xff UTF-8\nlast, without a line feed"
	status, _, stderr := tool(t, in, "send", "lobby", url)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "line 3: is 100000 bytes long; a message has at most 16384")
	require.Contains(t, stderr, "line 5: publish in lobby: bad_request: text: is not valid UTF-8")
	require.Contains(t, stderr, "2 blank lines were left out")
	require.Contains(t, stderr, "2 of 4 messages were refused")
	_, stdout, _ := tool(t, "", "tail", "lobby", "--since=0", "--limit=2", url)
	require.Equal(t, "first\nlast, without a line feed\n", stdout)

	status, _, stderr = tool(t, "\n\n", "send", "lobby", url)
	require.Zero(t, status, "what was left out was not refused")
	require.Contains(t, stderr, "2 blank lines")
	status, _, stderr = tool(t, "", "send", "lobby", url)
	require.Zero(t, status)
	require.Empty(t, stderr)
}

func TestSendOneMessage(t *testing.T) {
	url := toolHub(t)
	status, _, stderr := tool(t, "not read", "send", "lobby", "hello", "from  a", "shell", url)
	require.Zero(t, status, stderr)
	_, stdout, _ := tool(t, "", "tail", "lobby", "--limit=1", url)
	require.Equal(t, "hello from  a shell\n", stdout)
	for want, args := range map[string][]string{
		"at most 16384":         {"send", "lobby", strings.Repeat("x", 20_000), url},
		"allowed are letters":   {"send", "no such", "x", url},
		"127.0.0.1:1/":          {"send", "lobby", "x", "--url=ws://127.0.0.1:1"},
		"unauthorized":          {"send", "lobby", "x", "--token=nonsense", url},
		"give the hub's addr":   {"send", "lobby", "x", "--url=localhost"},
		"--limit -1":            {"tail", "lobby", "--limit=-1", url},
		"must be one of":        {"tail", "lobby", "--format=xml", url},
		"tail: allowed are let": {"tail", "no such", url},
	} {
		status, stdout, stderr := tool(t, "", args...)
		require.Equal(t, 1, status, "%q: %s", args, stderr)
		require.Empty(t, stdout)
		require.Contains(t, stderr, strings.TrimPrefix(want, "tail: "), args)
	}
}

func TestTailBeginsWhereItIsTold(t *testing.T) {
	url := toolHub(t)
	var in strings.Builder
	for i := range 30 {
		fmt.Fprintln(&in, i)
	}
	status, _, stderr := tool(t, in.String(), "send", "lobby", url)
	require.Zero(t, status, stderr)
	_, all, _ := tool(t, "", "tail", "lobby", "--since=0", "--limit=30", "--format=json", url)
	var seqs []uint64
	for line := range strings.Lines(all) {
		var item struct {
			Seq   uint64
			Event room.Event
		}
		require.NoError(t, json.Unmarshal([]byte(line), &item))
		require.Equal(t, strconv.Itoa(len(seqs)), item.Event.Text)
		seqs = append(seqs, item.Seq)
	}
	_, some, stderr := tool(t, "", "tail", "lobby", "--since="+strconv.FormatUint(seqs[26], 10), "--limit=3", url)
	require.Equal(t, "27\n28\n29\n", some)
	require.NotContains(t, stderr, "gap")
	_, some, _ = tool(t, "", "tail", "lobby", "--limit=2", url)
	require.Equal(t, "28\n29\n", some)
	_, some, stderr = tool(t, "", "tail", "lobby", "--since=999999999", "--limit=1", "--format=json", url)
	require.Contains(t, stderr, "gap (ahead)")
	require.Contains(t, some, `{"gap":{"at":`)
}

// Without a limit tail follows until it is interrupted.
func TestTailFollows(t *testing.T) {
	url := toolHub(t)
	status, _, _ := tool(t, "", "send", "lobby", "before", url)
	require.Zero(t, status)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	var errs lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"tail", "lobby", url}, nil, streams{strings.NewReader(""), in, &errs})
	}()
	lines := bufio.NewReader(out)
	for _, text := range []string{"before", "while", "it follows"} {
		if text != "before" {
			status, _, stderr := tool(t, "", "send", "lobby", text, url)
			require.Zero(t, status, stderr)
		}
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, text+"\n", line)
	}
	interrupt()
	require.Zero(t, <-ended, errs.String())
}

func TestOnATerminalMessagesCannotSteerIt(t *testing.T) {
	for safe, want := range map[bool]string{true: "a\ufffd[2Jb\tc\nd\n", false: "a\x1b[2Jb\tc\nd\n"} {
		var out bytes.Buffer
		p := &printer{out: bufio.NewWriter(&out), safe: safe}
		require.NoError(t, p.text("a\x1b[2Jb\tc\nd"))
		require.NoError(t, p.out.Flush())
		require.Equal(t, want, out.String())
	}
}

// slowReader gives its bytes in pieces, as a pipe does.
type slowReader struct {
	text string
	step int
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(p, r.text[:min(r.step, len(r.text))])
	r.text = r.text[n:]
	return n, nil
}

func TestLinesOfAnyShape(t *testing.T) {
	type got struct {
		number int
		text   string
		whole  int
	}
	for in, want := range map[string][]got{
		"":             nil,
		"\n":           {{1, "", 0}},
		"a":            {{1, "a", 1}},
		"a\n":          {{1, "a", 1}},
		"a\nb":         {{1, "a", 1}, {2, "b", 1}},
		"a\n\nb\n":     {{1, "a", 1}, {2, "", 0}, {3, "b", 1}},
		"12345\n":      {{1, "12345", 5}},
		"123456789\nx": {{1, "12345", 9}, {2, "x", 1}},
		"1234567":      {{1, "12345", 7}},
		"a\r\n":        {{1, "a\r", 2}},
	} {
		for step := 1; step < 12; step++ {
			var lines []got
			require.NoError(t, eachLine(&slowReader{in, step}, 5, func(n int, text []byte, whole int) error {
				lines = append(lines, got{n, string(text), whole})
				return nil
			}))
			require.Equal(t, want, lines, "%q in pieces of %d", in, step)
		}
	}
}
