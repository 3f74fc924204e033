package view

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

// A position made by Yjs or by us has the same form, and stands for the same index:
// then, and after others have edited around it, or deleted what it names.
func TestPositionAgainstYjs(t *testing.T) {
	kinds := map[string]yjs.TypeRef{"text": yjs.TypeText, "array": yjs.TypeArray, "xml": yjs.TypeXMLFragment}
	each(t, func(t *testing.T, c *crossing) {
		all := make([]b64, len(c.updates))
		for i, u := range c.updates {
			all[i] = u
		}
		early := all[:len(all)/2]
		d := opened(t, early...)
		var encoded []b64
		for root, kind := range kinds {
			encoded = append(encoded, samePositions(t, c, early, d.Root(root, kind))...)
		}
		sameIndices(t, early, encoded)
		sameIndices(t, append(slices.Clone(all), all...), encoded)
		sameIndices(t, early[:len(early)/2], encoded)
	})
}

// samePositions makes positions here and there.
func samePositions(t *testing.T, c *crossing, updates []b64, typ Type) (encoded []b64) {
	var indices []uint64
	for range 12 {
		indices = append(indices, c.random.Uint64N(typ.Len()+1))
	}
	indices = append(indices, 0, typ.Len())
	answer := ask[struct {
		Positions []struct {
			Index uint64
			Assoc int64
			Bytes b64
			JSON  string
		}
	}](t, "positions", args{"updates": updates, "root": typ.Name(), "indices": indices})
	require.Len(t, answer.Positions, 2*len(indices))
	for _, want := range answer.Positions {
		p, err := typ.Position(want.Index, want.Assoc)
		require.NoError(t, err)
		require.Equal(t, []byte(want.Bytes), p.Encode())
		text, err := json.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, want.JSON, string(text))
		var again Position
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, p, again)
		encoded = append(encoded, want.Bytes)
	}
	return encoded
}

// sameIndices resolves positions here and there.
func sameIndices(t *testing.T, updates, encoded []b64) {
	t.Helper()
	want := ask[struct{ Indices []int }](t, "resolve", args{"updates": updates, "encoded": encoded}).Indices
	d := opened(t, updates...)
	got := make([]int, len(encoded))
	for i, data := range encoded {
		p, err := DecodePosition(data)
		require.NoError(t, err)
		require.Equal(t, []byte(data), p.Encode())
		_, index, ok := d.Index(p)
		if got[i] = int(index); !ok {
			got[i] = -1
		}
	}
	require.Equal(t, want, got)
}

func TestPositionRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":      {},
		"kind 3":       {3, 1, 1, 0},
		"half an id":   {0, 1},
		"large client": {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0},
		"short name":   {1, 200, 1, 'a'},
		"no UTF-8":     {1, 1, 0xff, 0},
		"bytes behind": {1, 1, 'a', 0, 0},
		"endless":      {0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodePosition(data)
			require.ErrorAs(t, err, new(*yjs.Error))
		})
	}
	for _, text := range []string{`{}`, `{"assoc":1}`, `{"item":{"client":9007199254740992,"clock":0}}`, `[]`, `{"tname":"a","assoc":-9223372036854775808}`} {
		require.Error(t, json.Unmarshal([]byte(text), new(Position)), text)
	}
	_, err := opened(t).Text("text").Position(1, 0)
	require.ErrorIs(t, err, ErrRange)
}

func FuzzDecodePosition(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0})
	f.Add([]byte{1, 4, 't', 'e', 'x', 't', 0x41})
	f.Add([]byte{2, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePosition(data)
		if err != nil {
			return
		}
		again, err := DecodePosition(p.Encode())
		require.NoError(t, err)
		require.Equal(t, p, again)
		text, err := json.Marshal(p)
		require.NoError(t, err)
		var other Position
		require.NoError(t, json.Unmarshal(text, &other))
		require.Equal(t, p, other)
	})
}
