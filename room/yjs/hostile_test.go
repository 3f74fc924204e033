package yjs

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// raw builds bytes from integers as varuints, and from bytes and strings as they are.
func raw(parts ...any) (out []byte) {
	for _, p := range parts {
		switch v := p.(type) {
		case int:
			out = binary.AppendUvarint(out, uint64(v))
		case uint64:
			out = binary.AppendUvarint(out, v)
		case byte:
			out = append(out, v)
		case string:
			out = append(out, v...)
		case []byte:
			out = append(out, v...)
		}
	}
	return out
}

// one is an update of one struct of client 1, from its first byte on, without deletes.
func one(parts ...any) []byte {
	return raw(append(append([]any{1, 1, 1, 0}, parts...), 0)...)
}

// inText is an item's head: a struct of a kind at the beginning of a root type.
func inText(ref Ref) []byte { return raw(int(ref), 1, 1, "t") }

const (
	million = 1_000_000
	huge    = 1 << 60
)

// hostile are updates of version 1 that have to be refused: why, and where.
var hostile = []struct {
	name   string
	data   []byte
	kind   Kind
	offset int
}{
	{"nothing", nil, Truncated, 0},
	{"an integer without an end", raw("\xff\xff\xff"), Truncated, 0},
	{"an integer of 70 bits", raw("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Malformed, 0},
	{"more clients than bytes", raw(million, 0), Truncated, 0},
	{"more structs than bytes", raw(1, 400_000, 1, 0, 0), Truncated, 1},
	{"more structs than the limit", raw(1, million, 1, 0, bytes.Repeat([]byte{0, 1}, million), 0), TooLarge, 1},
	{"as many structs as there are integers", raw(1, uint64(1<<63), 1, 0), TooLarge, 1},
	{"more delete ranges than bytes", raw(0, 1, 1, million), Truncated, 3},
	{"more delete ranges than the limit", raw(0, 1, 1, million, bytes.Repeat([]byte{1, 1}, million)), TooLarge, 3},
	{"more clients of the delete set than bytes", raw(0, million), Truncated, 1},
	{"a client beyond 53 bits", raw(1, 1, uint64(1<<53), 0, 0, 1, 0), Malformed, 2},
	{"a clock beyond 53 bits", raw(1, 1, 1, uint64(1<<53), 0, 1, 0), Malformed, 3},
	{"a struct that ends beyond 53 bits", raw(1, 1, 1, maxSafe, 0, 2, 0), Malformed, 13},
	{"a delete range that ends beyond 53 bits", raw(0, 1, 1, 1, maxSafe, 2), Malformed, 13},
	{"an origin beyond 53 bits", one(byte(0x80|4), uint64(1<<53), 0, 1, "a"), Malformed, 5},
	{"an item beside itself", one(byte(0x80|4), 1, 0, 1, "a"), Malformed, 7},
	{"an item beside a later one", one(byte(0x40|4), 1, 7, 1, "a"), Malformed, 7},
	{"an item within a later one", one(4, 0, 1, 9, 1, "a"), Malformed, 8},
	{"a kind that there is not", one(inText(11), 0), Malformed, 8},
	{"a parent that there is not", one(4, 2, 1, "t", 1, "a"), Malformed, 6},
	{"a type that there is not", one(inText(RefType), 7), Malformed, 9},
	{"text that goes on behind the end", one(inText(RefString), huge, "a"), Truncated, 17},
	{"text that is not UTF-8", one(inText(RefString), 2, "\xed\xa0"), Malformed, 8},
	{"half a surrogate pair", one(inText(RefString), 3, "\xed\xa0\xbd"), Malformed, 8},
	{"a name that is not UTF-8", one(4, 1, 1, "\xff", 1, "a"), Malformed, 6},
	{"more values than bytes", one(inText(RefAny), million), Truncated, 8},
	{"more elements than bytes", one(inText(RefAny), 1, "u", million), Truncated, 10},
	{"more fields than bytes", one(inText(RefAny), 1, "v", 2, 0, "~"), Truncated, 10},
	{"a value that there is not", one(inText(RefAny), 1, 0x73), Malformed, 9},
	{"values nested 100,000 deep", one(inText(RefAny), 1, bytes.Repeat([]byte("u\x01"), 100_000), "~"), TooLarge, 9 + 2*128 + 1},
	{"an embed that is not JSON", one(inText(RefEmbed), 2, "{]"), Malformed, 8},
	{"an attribute that is not JSON", one(inText(RefFormat), 1, "b", 3, "yes"), Malformed, 10},
	{"JSON nested 100,000 deep", one(inText(RefEmbed), 100_000, bytes.Repeat([]byte("["), 100_000)), TooLarge, 8},
	{"bytes behind the end", append(one(0, 1), 0), Malformed, 7},
}

func TestHostileUpdates(t *testing.T) {
	s := New()
	_, err := s.Apply(one(inText(RefString), 5, "hello"))
	require.NoError(t, err)
	before := must(s.Diff(nil))
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			var err error
			cost := allocated(func() { _, err = s.Apply(c.data) })
			requireRefused(t, err, c.kind, c.offset)
			require.Less(t, cost, 8<<10)
			cost = allocated(func() { _, err = DecodeV1(c.data, Limits{}) })
			requireRefused(t, err, c.kind, c.offset)
			require.Less(t, cost, 8<<10)
			require.Equal(t, before, must(s.Diff(nil)))
		})
	}
}

func requireRefused(t *testing.T, err error, kind Kind, offset int) {
	t.Helper()
	var told *Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, kind, told.Kind, "%v", err)
	require.Equal(t, offset, told.Offset, "%v", err)
}

// allocated is how many bytes a call takes from the heap.
func allocated(call func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// twenty bytes of version 2 that stand for as many structs as one likes
func columnBomb(structs int) []byte {
	u := Update{Structs: []Struct{{ID: ID{Client: 1}, Len: 1, Ref: RefGC}}}
	v2 := u.EncodeV2()
	return bytes.Replace(v2, []byte{1, 1, 0, 0}, raw(1, structs, 0, 0), 1)
}

func TestHostileV2(t *testing.T) {
	var err error
	for name, data := range map[string][]byte{
		"a million structs in twenty bytes": columnBomb(million),
		"more structs than the column has":  columnBomb(400_000),
		"a feature that there is not":       raw(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"nothing":                           nil,
		"columns that are not there":        raw(0, 0, 0),
		"a column beyond the end":           raw(0, huge),
	} {
		t.Run(name, func(t *testing.T) {
			cost := allocated(func() { _, err = ConvertV2ToV1(data, Limits{}) })
			require.Error(t, err)
			require.Less(t, cost, 8<<10)
			requireTold(t, data, err)
		})
	}
	// A long key that is named over and over is not written out beyond the limit.
	s := Struct{ID: ID{Client: 1}, Len: 1, Ref: RefFormat, Parent: Parent{Kind: ParentRoot}}
	s.Content.Key, s.Content.Data = bytes.Repeat([]byte("k"), 1<<16), []byte("null")
	u := Update{Structs: []Struct{s}}
	for i := range uint64(99) {
		next := s
		next.ID.Clock = i + 1
		u.Structs = append(u.Structs, next)
	}
	_, err = ConvertV2ToV1(u.EncodeV2(), Limits{MaxBytes: 1 << 20})
	require.Error(t, err)
}

// What waits for something that never comes is bounded, and what is beyond the bound is
// refused without a trace.
func TestPendingIsBounded(t *testing.T) {
	s := NewLimited(Limits{MaxPending: 4 << 10})
	text := bytes.Repeat([]byte("a"), 1000)
	late := func(client int) []byte {
		return raw(1, 1, client, 5, inText(RefString), len(text), text, 0)
	}
	var err error
	accepted := 0
	for client := 1; err == nil; client++ {
		_, err = s.Apply(late(client))
		accepted++
		require.Less(t, accepted, 10)
	}
	var told *Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, TooLarge, told.Kind)
	before := must(s.Diff(nil))
	_, err = s.Apply(late(99))
	require.Error(t, err)
	require.Equal(t, before, must(s.Diff(nil)))
	// What need not wait is taken however large it is, and lets go what waited.
	_, err = s.Apply(raw(1, 1, 1, 0, inText(RefString), 5, "hello", 0))
	require.NoError(t, err)
	_, err = s.Apply(raw(1, 1, 7, 0, inText(RefString), 8000, bytes.Repeat([]byte("b"), 8000), 0))
	require.NoError(t, err)
	change, err := s.Apply(late(98))
	require.NoError(t, err)
	require.True(t, change.Pending)
}

// Structs that refer to one another criss-cross cost no more than their number.
func TestCrissCross(t *testing.T) {
	const n = 50_000
	var a, b []byte
	a = append(a, inText(RefString)...)
	a = append(a, raw(1, "a")...)
	for i := range n - 1 {
		a = append(a, raw(byte(0x80|0x40|4), 1, i, 2, i, 1, "a")...)
	}
	for i := range n {
		b = append(b, raw(byte(0x80|4), 1, i, 1, "b")...)
	}
	s := New()
	_, err := s.Apply(raw(2, n, 2, 0, b, n, 1, 0, a, 0))
	require.NoError(t, err)
	sv := must(DecodeStateVector(s.StateVector(), Limits{}))
	require.Equal(t, StateVector{1: n, 2: n}, sv)
}

// A text of surrogate pairs, each cut in two, is rewritten in time that grows with it.
func TestCutPairs(t *testing.T) {
	const n = 100_000
	s := New()
	_, err := s.Apply(raw(1, 1, 1, 0, inText(RefString), 4*n, bytes.Repeat([]byte("😀"), n), 0))
	require.NoError(t, err)
	var deletes []byte
	for i := range n {
		deletes = append(deletes, raw(2*i+1, 1)...)
	}
	_, err = s.Apply(raw(0, 1, 1, n, deletes))
	require.NoError(t, err)
	u := must(DecodeV1(s.Snapshot(), Limits{}))
	require.Len(t, u.Structs, 2*n)
	require.Equal(t, replacement, string(u.Structs[0].Content.Data))
}

// A key that is set a million times, and a text that is typed and taken back, end up as
// a few bytes.
func TestChurnLeavesNothing(t *testing.T) {
	const n = 100_000
	s := New()
	_, err := s.Apply(raw(1, 1, 1, 0, 0x20|8, 1, 1, "m", 1, "k", 1, "~", 0))
	require.NoError(t, err)
	for i := range n {
		_, err := s.Apply(raw(1, 1, 1, i+1, byte(0x80|0x20|8), 1, i, 1, "w", 4, "some", 1, 1, 1, i, 1))
		require.NoError(t, err)
	}
	require.Less(t, len(s.Snapshot()), 64)
	held := 0
	for _, b := range s.clients[1].blocks {
		held += cap(b.buf)
	}
	require.Less(t, held, 3*blockSize)
}
