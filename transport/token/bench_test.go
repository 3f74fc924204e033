package token

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// BenchmarkVerify is what each connect and each request to the API costs.
func BenchmarkVerify(b *testing.B) {
	signers := map[string]Key{"HS256": secretKey(b)}
	for alg, p := range pairs(b) {
		signers[alg] = p.private
	}
	for alg, k := range signers {
		b.Run(alg, func(b *testing.B) {
			v := newTestVerifier(b, Config{Keys: []Key{k}})
			token, err := Sign(k, Claims{User: "ann", Name: "Ann", Grants: room.Grants{"team-*": {room.VerbAny}}, Expires: epoch.Add(time.Hour)})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
