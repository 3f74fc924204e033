package yjs

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	documents = flag.Int("yjs.documents", 0, "random documents to compare with Yjs; 0 stands for 60, and 12 with -short")
	edits     = flag.Int("yjs.edits", 150, "edits of each of them")
	firstSeed = flag.Int("yjs.seed", 1, "seed of the first of them")
)

// Whatever several clients make of a document, in whatever order and however often it
// arrives: the store says and hands out what Yjs does.
func TestStoreAgainstYjs(t *testing.T) {
	each(t, func(t *testing.T, c *crossing) {
		t.Run("codec", c.codec)
		t.Run("whole", c.whole)
		t.Run("parts", c.parts)
		t.Run("merge", c.merge)
	})
}

// crossing is one random document.
type crossing struct {
	*scenario
	random *rand.Rand
}

func each(t *testing.T, run func(*testing.T, *crossing)) {
	n := *documents
	if n == 0 {
		n = 60
		if testing.Short() {
			n = 12
		}
	}
	for seed := *firstSeed; seed < *firstSeed+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := ask[scenario](t, "scenario", args{"seed": seed, "edits": *edits, "clients": 2 + seed%3})
			require.NotEmpty(t, s.Updates)
			run(t, &crossing{scenario: &s, random: rand.New(rand.NewPCG(uint64(seed), 1))})
		})
	}
}

// codec: what Yjs has written is read and written again to the byte.
func (c *crossing) codec(t *testing.T) {
	for _, u := range c.Updates {
		requireCodec(t, u.V1, u.V2)
	}
	requireCodec(t, c.State, c.StateV2)
	to2 := ask[struct{ Update b64 }](t, "convert", args{"update": c.State, "how": "1to2"}).Update
	ours, err := ConvertV1ToV2(c.State, Limits{})
	require.NoError(t, err)
	// A conversion by Yjs does not know the key of an item that inherits it.
	require.Equal(t, withoutSubs(t, to2, DecodeV2), withoutSubs(t, ours, DecodeV2))
	to1 := ask[struct{ Update b64 }](t, "convert", args{"update": c.StateV2, "how": "2to1"}).Update
	ours, err = ConvertV2ToV1(c.StateV2, Limits{})
	require.NoError(t, err)
	require.Equal(t, withoutSubs(t, to1, DecodeV1), withoutSubs(t, ours, DecodeV1))
}

// withoutSubs decodes, and forgets of items that inherit what they stand in that they
// stand under a key.
func withoutSubs(t *testing.T, data []byte, decode func([]byte, Limits) (*Update, error)) *Update {
	u, err := decode(data, Limits{})
	require.NoError(t, err)
	for i := range u.Structs {
		if s := &u.Structs[i]; s.Parent.Kind == ParentInherited {
			s.HasSub = false
		}
	}
	return u
}

// whole: all updates, shuffled and some of them twice, make the same document.
func (c *crossing) whole(t *testing.T) {
	updates := c.v1()
	for range len(updates) / 10 {
		updates = append(updates, updates[c.random.IntN(len(updates))])
	}
	c.random.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
	s := New()
	for _, u := range updates {
		_, err := s.Apply(u)
		require.NoError(t, err)
	}
	c.compare(t, s, c.v1())
	for _, u := range updates {
		change, err := s.Apply(u)
		require.NoError(t, err)
		require.False(t, change.Any(), "an update that came before changed something")
	}
	change, err := s.Apply(s.Snapshot())
	require.NoError(t, err)
	require.Zero(t, change.Inserted)

	reopened := New()
	_, err = reopened.Apply(s.Snapshot())
	require.NoError(t, err)
	c.compare(t, reopened, c.v1())
	c.sizes(t, s)
}

// sizes: a snapshot is about as small as what Yjs writes.
func (c *crossing) sizes(t *testing.T, s *Store) {
	require.LessOrEqual(t, len(s.Snapshot()), len(c.State)*5/4+100)
	t.Logf("snapshot %d, diff %d, yjs %d", len(s.Snapshot()), len(must(s.Diff(nil))), len(c.State))
}

// compare holds a store against the document that Yjs makes of some updates.
func (c *crossing) compare(t *testing.T, s *Store, updates [][]byte) {
	t.Helper()
	merged := must(Merge(Limits{}, updates...))
	want := open(t, merged)
	require.Equal(t, []byte(want.Vector), s.StateVector(), "state vector")
	for name, state := range map[string][]byte{"diff": must(s.Diff(nil)), "snapshot": s.Snapshot()} {
		got := open(t, state)
		assert.Equal(t, want.Document, got.Document, name)
		assert.Equal(t, want.Pending, got.Pending, name)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// parts: a store that has only some updates waits for the others, and knows what is
// missing to a peer that has some others.
func (c *crossing) parts(t *testing.T) {
	rounds := 4
	if len(c.Updates) > 300 {
		rounds = 2
	}
	for range rounds {
		mine, theirs := c.some(), c.some()
		s := New()
		for _, u := range mine {
			_, err := s.Apply(u)
			require.NoError(t, err)
		}
		// Twice, because Yjs may not see at once that what waits need not wait any more.
		want := open(t, append(slices.Clone(mine), mine...)...)
		require.Equal(t, []byte(want.Vector), s.StateVector())
		peer := open(t, theirs...)
		c.exchange(t, s, mine, theirs, peer.Vector)

		// The rest comes to a copy that was opened from the snapshot.
		again := New()
		_, err := again.Apply(s.Snapshot())
		require.NoError(t, err)
		require.Equal(t, s.StateVector(), again.StateVector())
		for _, u := range c.v1() {
			_, err := again.Apply(u)
			require.NoError(t, err)
		}
		c.compare(t, again, c.v1())
	}
}

// some gives part of the updates, in a random order.
func (c *crossing) some() (updates [][]byte) {
	share := c.random.Float64()
	for _, u := range c.v1() {
		if c.random.Float64() < share {
			updates = append(updates, u)
		}
	}
	if c.random.IntN(2) == 0 {
		c.random.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
	}
	return updates
}

// exchange: what the store hands to a peer does for it what Yjs' answer would.
func (c *crossing) exchange(t *testing.T, s *Store, mine, theirs [][]byte, vector []byte) {
	diff := must(s.Diff(vector))
	answer := ask[state](t, "open", args{"updates": wire(mine), "vector": b64(vector)})
	want := open(t, append(slices.Clone(theirs), answer.State)...)
	got := open(t, append(slices.Clone(theirs), diff)...)
	require.Equal(t, want.Vector, got.Vector)
	require.Equal(t, want.Document, got.Document)
	cut := must(DiffUpdate(answer.State, vector, Limits{}))
	got = open(t, append(slices.Clone(theirs), cut)...)
	require.Equal(t, want.Document, got.Document)
	theirCut := ask[struct{ Update b64 }](t, "diff", args{"update": c.State, "vector": b64(vector)}).Update
	require.Equal(t, withoutSubs(t, theirCut, DecodeV1), withoutSubs(t, must(DiffUpdate(c.State, vector, Limits{})), DecodeV1))
}

// merge: updates are merged to the bytes that Yjs merges them to, and what Yjs merged
// makes the same document, though it has lost who stands under a key.
func (c *crossing) merge(t *testing.T) {
	all := ask[struct{ Update b64 }](t, "merge", args{"updates": wire(c.v1())}).Update
	c.compare(t, storeOf(t, all), c.v1())
	for range 4 {
		updates := c.some()
		if len(updates) < 2 {
			continue
		}
		want := ask[struct{ Update b64 }](t, "merge", args{"updates": wire(updates)}).Update
		require.Equal(t, withoutSubs(t, want, DecodeV1), withoutSubs(t, must(Merge(Limits{}, updates...)), DecodeV1))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
