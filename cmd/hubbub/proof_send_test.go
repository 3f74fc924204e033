package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What hubbub send was given line by line, hubbub tail gives back, byte for byte.
func TestSendAndTailGiveBackTheSameBytes(t *testing.T) {
	lines := 100_000
	if testing.Short() {
		lines = 5_000
	}
	hub := newHub(t, []string{binary(t), "serve"}, "--admin-addr=", "--log-level=warn")
	hub.start()
	hub.awaitReady()
	tool := func(stdin []byte, args ...string) []byte {
		cmd := exec.Command(binary(t), append(args, "--url=ws://"+hub.addr, "--token="+hub.token("teller"))...)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
		require.NoError(t, cmd.Run(), "%s: %s", args[0], errs.String())
		require.Empty(t, errs.String())
		return out.Bytes()
	}
	text := manyLines(lines)
	began := time.Now()
	tool(text, "send", "book")
	sent := time.Since(began)
	began = time.Now()
	got := tool(nil, "tail", "book", "--since=0", fmt.Sprint("--limit=", lines))
	t.Logf("%d lines, %d bytes: sent in %v, read back in %v", lines, len(text), sent.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if !bytes.Equal(text, got) {
		at := 0
		for at < min(len(text), len(got)) && text[at] == got[at] {
			at++
		}
		t.Fatalf("%d bytes went in and %d came out; the first difference is at %d, in line %d", len(text), len(got), at, 1+bytes.Count(text[:at], []byte("\n")))
	}
}

// manyLines makes lines of all kinds, no two of them alike.
func manyLines(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d %s", i, []string{"", "\t<b>&amp;\"quoted\" \\n", " \u2028 \U0001F469\u200d\U0001F467 \u00e4\u0301", " trailing  "}[i%4])
		fmt.Fprintf(&b, "%s\n", strings.Repeat("x", rng.IntN(200)))
	}
	return b.Bytes()
}
