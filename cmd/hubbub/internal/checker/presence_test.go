package checker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// Ann is in from 1 to 20 and from 30 on; what Bob is told of her is judged.
func TestPresenceIsJudged(t *testing.T) {
	const s = time.Second
	ann := []checker.Stay{
		{Room: "r", User: "ann", Asked: s, In: 1 * s, Lost: 20 * s, Out: 20 * s},
		{Room: "r", User: "ann", Asked: 30 * s, In: 30 * s},
	}
	all := func(at time.Duration, who ...string) checker.Seen {
		return checker.Seen{At: at, All: true, Joined: who}
	}
	in := func(at time.Duration) checker.Seen { return checker.Seen{At: at, Joined: []string{"ann"}} }
	out := func(at time.Duration) checker.Seen { return checker.Seen{At: at, LeftRoom: []string{"ann"}} }
	blind := func(at time.Duration) checker.Seen { return checker.Seen{At: at, Blind: true} }
	for _, c := range []struct {
		name      string
		steps     []checker.Seen
		unsettled []checker.Span
		want      []checker.Verdict
	}{
		{"as it was", []checker.Seen{all(0), in(2 * s), out(21 * s), in(31 * s)}, nil, nil},
		{"at the bound", []checker.Seen{all(0), in(3 * s), out(22 * s), in(32 * s)}, nil, nil},
		{"a ghost", []checker.Seen{all(0), in(2 * s), out(23 * s), in(31 * s)}, nil, []checker.Verdict{checker.Ghost}},
		{"a ghost while all is unsettled", []checker.Seen{all(0), in(2 * s), out(23 * s), in(31 * s)}, []checker.Span{{19 * s, 24 * s}}, nil},
		{"a leave that is missed", []checker.Seen{all(0), in(2 * s)}, nil, []checker.Verdict{checker.Ghost}},
		{"a join that is missed", []checker.Seen{all(0)}, nil, []checker.Verdict{checker.Missing}},
		{"a list that is behind", []checker.Seen{all(0), in(2 * s), blind(3 * s), all(4 * s), in(6 * s), out(21 * s), in(31 * s)}, nil, nil},
		{"a list that stays behind", []checker.Seen{all(0), in(2 * s), blind(3 * s), all(4 * s), in(7 * s), out(21 * s), in(31 * s)}, nil, []checker.Verdict{checker.Missing}},
		{"a flicker", []checker.Seen{all(0), in(2 * s), out(9 * s), in(10 * s), out(21 * s), in(31 * s)}, nil, []checker.Verdict{checker.Missing}},
		{"joined twice", []checker.Seen{all(0), in(2 * s), in(9 * s), out(21 * s), in(31 * s)}, nil, []checker.Verdict{checker.JoinedTwice}},
		{"left twice", []checker.Seen{all(0), in(2 * s), out(21 * s), out(22 * s), in(31 * s)}, nil, []checker.Verdict{checker.LeftTwice}},
		{"nothing is asked of the blind", []checker.Seen{all(0), blind(s), all(25 * s), in(31 * s)}, nil, nil},
		{"a ghost in the list", []checker.Seen{all(0), blind(s), all(25*s, "ann"), out(26 * s), in(31 * s)}, nil, []checker.Verdict{checker.Ghost}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &checker.History{Stays: ann, Watches: []checker.Watch{{Who: "bob", Room: "r", Steps: c.steps, End: 40 * s}}}
			report := checker.Check(h, checker.Options{Within: 2 * s, Unsettled: c.unsettled})
			require.ElementsMatch(t, c.want, report.Verdicts(), report.String())
		})
	}
}
