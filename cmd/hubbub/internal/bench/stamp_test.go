package bench

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestStampsAreFoundInAnyFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f finder
		for range 5 {
			s := stamp{
				stream: rapid.Uint16().Draw(t, "stream"), number: rapid.Uint32().Draw(t, "number"),
				due: time.Duration(rapid.Int64Min(0).Draw(t, "due")),
			}
			payload := s.append(nil, rapid.IntRange(MinPayload, 300).Draw(t, "size"))
			quoted, err := json.Marshal(string(payload))
			require.NoError(t, err)
			require.Equal(t, `"`+string(payload)+`"`, string(quoted), "JSON escapes nothing of it")
			frame := fmt.Sprintf(`%s{"text":%s}%s`, rapid.StringMatching(`[a-z~]{0,20}`).Draw(t, "before"), quoted, rapid.StringMatching(`[a-z]{0,20}`).Draw(t, "after"))
			got, err := f.find([]byte(frame))
			require.NoError(t, err)
			require.Equal(t, s, got)
		}
	})
}

func TestDamagedStamps(t *testing.T) {
	whole := string(stamp{1, 2, 3}.append(nil, MinPayload))
	for _, bad := range []string{"", "nothing", whole[:20], whole[:10] + "G" + whole[11:], whole[:31] + "x"} {
		var f finder
		_, err := f.find([]byte(bad))
		require.Error(t, err, bad)
	}
	require.Error(t, eachStamp([]byte(whole+whole[:9]), func(stamp) {}))
	var all []stamp
	require.NoError(t, eachStamp([]byte("a"+whole+","+whole), func(s stamp) { all = append(all, s) }))
	require.Equal(t, []stamp{{1, 2, 3}, {1, 2, 3}}, all)
}
