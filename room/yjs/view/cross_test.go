package view

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

var (
	documents = flag.Int("view.documents", 0, "random documents to compare with Yjs; 0 stands for 60, and 12 with -short")
	edits     = flag.Int("view.edits", 150, "edits of each of them")
	firstSeed = flag.Int("view.seed", 1, "seed of the first of them")
)

// reading is what a document reads as.
type reading struct {
	Text     string   `json:"text"`
	Delta    string   `json:"delta"`
	Array    string   `json:"array"`
	Map      string   `json:"map"`
	XML      string   `json:"xml"`
	Subdocs  []string `json:"subdocs"`
	Children string   `json:"children"`
	Lengths  []uint64 `json:"lengths"`
}

// crossing is a document that several clients made.
type crossing struct {
	updates [][]byte
	state   []byte
	random  *rand.Rand
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
			s := ask[struct {
				Updates []struct{ V1 b64 }
				State   b64
			}](t, "scenario", args{"seed": seed, "edits": *edits, "clients": 2 + seed%3})
			c := &crossing{state: s.State, random: rand.New(rand.NewPCG(uint64(seed), 1))}
			for _, u := range s.Updates {
				c.updates = append(c.updates, u.V1)
			}
			require.NotEmpty(t, c.updates)
			run(t, c)
		})
	}
}

// some gives part of the updates, shuffled.
func (c *crossing) some() (updates []b64) {
	share := c.random.Float64()
	for _, u := range c.updates {
		if c.random.Float64() < share {
			updates = append(updates, u)
		}
	}
	c.random.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
	return updates
}

// Whatever several clients make of a document, all of it or what has come so far, reads
// as it does in Yjs.
func TestReadAgainstYjs(t *testing.T) {
	each(t, func(t *testing.T, c *crossing) {
		compare(t, []b64{c.state})
		all := make([]b64, len(c.updates))
		for i, u := range c.updates {
			all[i] = u
		}
		compare(t, all)
		for range 3 {
			some := c.some()
			compare(t, append(slices.Clone(some), some...))
		}
	})
}

// compare holds the view of some updates against what Yjs makes of them.
func compare(t *testing.T, updates []b64) {
	t.Helper()
	want := ask[struct{ Read reading }](t, "read", args{"updates": append([]b64{}, updates...)}).Read
	require.Equal(t, want, readingOf(t, opened(t, updates...)))
}

func opened(t testing.TB, updates ...b64) *Doc {
	t.Helper()
	store := yjs.New()
	for _, u := range updates {
		_, err := store.Apply(u)
		require.NoError(t, err)
	}
	d, err := Open(store, Limits{})
	require.NoError(t, err)
	return d
}

func readingOf(t testing.TB, d *Doc) (r reading) {
	t.Helper()
	text, array, xml := d.Text("text"), d.Array("array"), d.XML("xml")
	r.Text = text.Text()
	r.Delta = string(must(text.DeltaJSON()))
	r.Array = string(must(array.JSON()))
	r.Map = string(must(d.Map("map").JSON()))
	r.XML = must(xml.String())
	r.Lengths = []uint64{text.Len(), array.Len(), xml.Len()}
	r.Subdocs = d.Subdocs()
	o := d.output()
	o.list(func(yield func(any) bool) {
		xml.each(func(v any) bool {
			switch child := v.(Type); child.Kind() {
			case yjs.TypeXMLText:
				var ops []any
				for _, op := range must(child.Delta()) {
					v := map[string]any{"insert": op.Insert}
					if op.Attributes != nil {
						v["attributes"] = op.Attributes
					}
					ops = append(ops, v)
				}
				return yield(ops)
			default:
				return yield(child.Entries())
			}
		})
	})
	r.Children = string(must(o.done()))
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
