package transport

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sides gives the two texts that a difference was made of.
func sides(runs []diffRun) (from, to string) {
	for _, r := range runs {
		if r.Op != opInsert {
			from += r.Text
		}
		if r.Op != opDelete {
			to += r.Text
		}
	}
	return from, to
}

func TestDiffTexts(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     []diffRun
	}{
		{"", "", []diffRun{}},
		{"a", "", []diffRun{{opDelete, "a"}}},
		{"", "a", []diffRun{{opInsert, "a"}}},
		{"same\n", "same\n", []diffRun{{opEqual, "same\n"}}},
		{"the quick fox", "the slow fox", []diffRun{{opEqual, "the "}, {opDelete, "quick"}, {opInsert, "slow"}, {opEqual, " fox"}}},
		{"a\nb\nc\n", "a\nc\n", []diffRun{{opEqual, "a\n"}, {opDelete, "b\n"}, {opEqual, "c\n"}}},
		{"x = 1\ny = 2\n", "x = 1\ny = 3\nz = 4\n", []diffRun{{opEqual, "x = 1\ny = "}, {opDelete, "2"}, {opInsert, "3\nz = 4"}, {opEqual, "\n"}}},
		{"我爱北京", "我爱上海", []diffRun{{opEqual, "我爱"}, {opDelete, "北京"}, {opInsert, "上海"}}},
	} {
		require.Equal(t, c.want, diffTexts(c.from, c.to), "%q %q", c.from, c.to)
	}
}

// Whatever the texts, the runs come to both, and change no more than the fewest tokens.
func TestDiffOfAnything(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		row := func() (out []string) {
			for range r.IntN(12) {
				out = append(out, string(rune('a'+r.IntN(3))))
			}
			return out
		}
		a, b := row(), row()
		runs := diffTokens(a, b, maxDiffSteps)
		from, to := sides(runs)
		require.Equal(t, []string{strings.Join(a, ""), strings.Join(b, "")}, []string{from, to})
		changed := 0
		for _, run := range runs {
			if run.Op != opEqual {
				changed += len(run.Text)
			}
		}
		require.Equal(t, len(a)+len(b)-2*longestCommon(a, b), changed, "%v %v: %v", a, b, runs)
	}
}

// longestCommon is the length of the longest common row, the slow way.
func longestCommon(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	best := make([][]int, len(a)+1)
	best[0] = make([]int, len(b)+1)
	for i := range a {
		best[i+1] = make([]int, len(b)+1)
		for j := range b {
			if best[i+1][j+1] = max(best[i][j+1], best[i+1][j]); a[i] == b[j] {
				best[i+1][j+1] = best[i][j] + 1
			}
		}
	}
	return best[len(a)][len(b)]
}

func TestDiffIsBounded(t *testing.T) {
	for _, n := range []int{5_000, 50_000, 500_000} {
		a, b := strings.Repeat("a b c\n", n), strings.Repeat("a b d\n", n)
		for _, whole := range []string{"", "same\n"} {
			runs := diffTexts(whole+a+whole, whole+b+whole)
			from, to := sides(runs)
			require.True(t, whole+a+whole == from && whole+b+whole == to)
			if whole != "" {
				require.Equal(t, opEqual, runs[0].Op)
			}
		}
	}
	lines := func(word string) string { // each line differs from its other side in every word
		var out strings.Builder
		for i := range 400 {
			out.WriteString(strings.Repeat(word+" ", 600) + "\nsame" + strconv.Itoa(i) + "\n")
		}
		return out.String()
	}
	runs := diffTexts(lines("a"), lines("b"))
	from, to := sides(runs)
	require.True(t, lines("a") == from && lines("b") == to)
}
