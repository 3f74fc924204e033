package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

var head = archive.Head{
	Made: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), By: "test",
	Logs: []archive.Log{{Of: archive.Rooms, DedupMS: 120000, Partitions: []archive.Partition{{Epoch: "e0"}, {Epoch: "e1", Resets: 2}}}},
}

func message(seq uint64) *archive.Message {
	return &archive.Message{
		Seq: seq, Time: time.Unix(0, int64(seq)*7919).UTC(), Subject: fmt.Sprint("room=20", seq%3),
		Header: []archive.Header{{Name: "Nats-Msg-Id", Value: fmt.Sprint("id", seq)}}, Data: bytes.Repeat([]byte{byte(seq)}, int(seq)),
	}
}

// sample is an archive of two sections, and what Next gives for it.
func sample(t testing.TB) (data []byte, parts []any) {
	var out bytes.Buffer
	w, err := archive.NewWriter(&out, head)
	require.NoError(t, err)
	for p := range 2 {
		s := archive.Section{Of: archive.Rooms, Partition: p, From: 3, To: 30}
		require.NoError(t, w.Begin(s))
		parts = append(parts, s)
		for seq := uint64(3); seq < 30; seq += 2 {
			require.NoError(t, w.Message(message(seq)))
			parts = append(parts, message(seq))
		}
		require.NoError(t, w.End())
		parts = append(parts, archive.Ended(14))
	}
	require.NoError(t, w.Close())
	return out.Bytes(), parts
}

func read(data []byte) (h archive.Head, parts []any, err error) {
	r, err := archive.NewReader(bytes.NewReader(data))
	if err != nil {
		return h, nil, err
	}
	defer r.Close()
	for {
		part, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Head(), parts, nil
		}
		if err != nil {
			return h, parts, err
		}
		if m, ok := part.(*archive.Message); ok {
			m.Data = bytes.Clone(m.Data)
		}
		parts = append(parts, part)
	}
}

func TestRoundTrip(t *testing.T) {
	data, parts := sample(t)
	h, got, err := read(data)
	require.NoError(t, err)
	require.Equal(t, head, h)
	require.Equal(t, parts, got)
}

// TestEveryByteCounts: a change of any byte, and a cut at any, is noticed.
func TestEveryByteCounts(t *testing.T) {
	data, _ := sample(t)
	for at := range data {
		bad := bytes.Clone(data)
		bad[at] ^= 0x04
		_, _, err := read(bad)
		require.Error(t, err, "byte %d", at)
		_, _, err = read(data[:at])
		require.Error(t, err, "cut at %d", at)
	}
	_, _, err := read(append(data, 'x'))
	require.Error(t, err)
}

// packed makes a file of records as they are, for what no writer would write.
func packed(t testing.TB, records ...string) []byte {
	var out bytes.Buffer
	out.WriteString("HUBBUB\x01\n")
	z, err := zstd.NewWriter(&out)
	require.NoError(t, err)
	for _, r := range records {
		_, err := io.WriteString(z, r)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

func record(kind byte, body string) string {
	return string(binary.AppendUvarint([]byte{kind}, uint64(len(body)))) + body
}

func TestWhatIsRefused(t *testing.T) {
	h := record('H', `{"logs":[{"of":"rooms","partitions":[{}]}]}`)
	s := record('S', `{"of":"rooms","partition":0,"from":1,"to":9}`)
	for name, is := range map[string]struct {
		data []byte
		says string
	}{
		"another file":              {[]byte("PK\x03\x04 and so on"), "no archive of a hub"},
		"a newer version":           {[]byte("HUBBUB\x02\n"), "version 2"},
		"nothing":                   {nil, "no beginning"},
		"no head":                   {packed(t, s), "begins with"},
		"a length without end":      {packed(t, h, "S"+strings.Repeat("\xff", 11)), "length"},
		"a length of all the world": {packed(t, h, s, "M\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "at most"},
		"a long JSON":               {packed(t, h, record('S', strings.Repeat(" ", 70000))), "at most"},
		"a kind nobody knows":       {packed(t, h, record('Q', "")), "no place"},
		"a message in no section":   {packed(t, h, record('M', "\x01\x00\x00\x00")), "no place"},
		"a partition nobody has":    {packed(t, h, record('S', `{"of":"rooms","partition":1}`)), "does not name"},
		"a stream nobody knows":     {packed(t, h, record('S', `{"of":"keys"}`)), "does not name"},
		"a subject beyond the body": {packed(t, h, s, record('M', "\x01\x00\x7f\x00")), "longer"},
		"headers without end":       {packed(t, h, s, record('M', "\x01\x00\x00\xff\xff\x03")), "too many"},
		"a sequence of 0":           {packed(t, h, s, record('M', "\x00\x00\x00\x00")), "sequence 0"},
		"a sequence out of place":   {packed(t, h, s, record('M', "\x0a\x00\x00\x00")), "out of its place"},
		"the same sequence twice":   {packed(t, h, s, record('M', "\x02\x00\x00\x00"), record('M', "\x02\x00\x00\x00")), "out of its place"},
		"a wrong sum":               {packed(t, h, s, record('E', `{"messages":0,"sum":"00"}`)), "are read"},
		"no end":                    {packed(t, h), "without an end"},
		"a million partitions":      {packed(t, record('H', `{"logs":[{"of":"rooms","partitions":[`+strings.Repeat("{},", 2000)+`{}]}]}`)), "partitions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(is.data)
			require.ErrorContains(t, err, is.says)
		})
	}
}
