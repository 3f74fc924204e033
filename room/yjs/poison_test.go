package yjs

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the store accepts, Yjs reads without throwing: bytes of real updates are changed
// at random, and one that gets past the store is given to Yjs.
func TestWhatIsAcceptedCanBeRead(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 6))
	accepted, refused := 0, 0
	n := 150
	if !testing.Short() {
		n = 1500
	}
	var got state
	require.Error(t, yjs13.ask("open", args{"updates": []b64{{0xff}}}, &got), "the oracle does not tell")
	for seed := 1; seed <= 12; seed++ {
		s := ask[scenario](t, "scenario", args{"seed": seed, "edits": 25})
		whole := must(Merge(Limits{}, s.v1()...))
		for range n {
			data := slices.Clone([][]byte{whole, s.State}[random.IntN(2)])
			for range 1 + random.IntN(3) {
				data[random.IntN(len(data))] = byte(random.IntN(256))
			}
			if _, err := New().Apply(data); err != nil {
				refused++
				continue
			}
			accepted++
			if err := yjs13.ask("open", args{"updates": []b64{data}}, &got); err != nil {
				t.Errorf("%x: %v", data, err)
			}
		}
	}
	require.Greater(t, accepted, 100)
	t.Logf("%d accepted, %d refused", accepted, refused)
}
