package transport

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxDiffSteps bounds how many insertions and deletions are looked for: the work
	// grows with its square. What differs more is told as deleted and inserted as a
	// whole.
	maxDiffSteps = 1000
	// wordSearches is how many places are searched to that end for their words; the
	// ones behind them are searched less.
	wordSearches = 64
	// maxDiffed is up to how many bytes two texts are compared by their lines. Of
	// larger ones what is equal at both ends is found.
	maxDiffed = 4 << 20
)

// diffRun is a stretch of a text that is in both of two, or in one.
type diffRun struct {
	Op   string `json:"op"` // equal, insert or delete
	Text string `json:"text"`
}

const (
	opEqual  = "equal"
	opInsert = "insert"
	opDelete = "delete"
)

// diffTexts tells how a text becomes another: by its lines, and where those differ by
// their words.
func diffTexts(from, to string) []diffRun {
	if len(from)+len(to) > maxDiffed {
		return diffEnds(from, to)
	}
	rough := diffTokens(strings.SplitAfter(from, "\n"), strings.SplitAfter(to, "\n"), maxDiffSteps)
	runs := []diffRun{}
	budget := wordSearches * maxDiffSteps * maxDiffSteps
	for i := 0; i < len(rough); i++ {
		if i+1 < len(rough) && rough[i].Op == opDelete && rough[i+1].Op == opInsert {
			a, b := words(rough[i].Text), words(rough[i+1].Text)
			most := min(maxDiffSteps, int(math.Sqrt(float64(max(budget, 0)))))
			for _, r := range diffTokens(a, b, most) {
				runs = appendRun(runs, r.Op, r.Text)
			}
			cost := min(len(a)+len(b), most)
			budget -= cost * cost
			i++
			continue
		}
		runs = appendRun(runs, rough[i].Op, rough[i].Text)
	}
	return runs
}

// diffEnds compares texts by their lines from both ends.
func diffEnds(from, to string) []diffRun {
	head := 0
	for i := 0; i < min(len(from), len(to)) && from[i] == to[i]; i++ {
		if from[i] == '\n' {
			head = i + 1
		}
	}
	tail := 0
	a, b := from[head:], to[head:]
	for i := 0; i < min(len(a), len(b)) && a[len(a)-1-i] == b[len(b)-1-i]; i++ {
		if a[len(a)-1-i] == '\n' {
			tail = i
		}
	}
	runs := appendRun([]diffRun{}, opEqual, from[:head])
	runs = appendRun(runs, opDelete, a[:len(a)-tail])
	runs = appendRun(runs, opInsert, b[:len(b)-tail])
	return appendRun(runs, opEqual, a[len(a)-tail:])
}

// appendRun joins a run with the one before it, if that is of the same kind.
func appendRun(runs []diffRun, op, text string) []diffRun {
	if text == "" {
		return runs
	}
	if n := len(runs); n > 0 && runs[n-1].Op == op {
		runs[n-1].Text += text
		return runs
	}
	return append(runs, diffRun{op, text})
}

// words parts a text into words, and single characters that are neither letter nor
// digit. A letter of a script that has no spaces is a word too.
func words(s string) (out []string) {
	start, within := 0, false
	for i, c := range s {
		word := (unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)) && !unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
		if i > start && !(within && word) {
			out = append(out, s[start:i])
			start = i
		}
		within = word
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

// diffTokens compares two rows of tokens. What is deleted at a place comes before what
// is inserted there.
func diffTokens(a, b []string, most int) (runs []diffRun) {
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	runs = appendRun(nil, opEqual, strings.Join(a[:head], ""))
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	var deleted, inserted []string
	flush := func() {
		runs = appendRun(runs, opDelete, strings.Join(deleted, ""))
		runs = appendRun(runs, opInsert, strings.Join(inserted, ""))
		deleted, inserted = nil, nil
	}
	var same []string
	for _, s := range shortestEdit(x, y, most) {
		if s.op == opEqual {
			flush()
			same = append(same, s.token)
			continue
		}
		runs = appendRun(runs, opEqual, strings.Join(same, ""))
		same = nil
		if s.op == opDelete {
			deleted = append(deleted, s.token)
		} else {
			inserted = append(inserted, s.token)
		}
	}
	flush()
	same = append(same, a[len(a)-tail:]...)
	return appendRun(runs, opEqual, strings.Join(same, ""))
}

// tokenEdit is one token of a difference.
type tokenEdit struct{ op, token string }

// shortestEdit finds the fewest tokens to delete and insert, in the way of Myers: for
// each number of steps, how far each diagonal can be followed. Beyond most steps all of
// a is deleted and all of b inserted.
func shortestEdit(a, b []string, most int) []tokenEdit {
	most = min(len(a)+len(b), most)
	far := make([]int32, 2*most+3) // by diagonal, x minus y, from -most-1 on
	zero := most + 1
	var trail [][]int32 // of each number of steps, what far was before it
	for d := 0; d <= most; d++ {
		trail = append(trail, slices.Clone(far[zero-d:zero+d+1]))
		for k := -d; k <= d; k += 2 {
			x := far[zero+k+1]
			if k == d || k > -d && far[zero+k-1] >= x {
				x = far[zero+k-1] + 1
			}
			if d == 0 {
				x = 0
			}
			for int(x) < len(a) && int(x)-k < len(b) && a[x] == b[int(x)-k] {
				x++
			}
			far[zero+k] = x
			if int(x) >= len(a) && int(x)-k >= len(b) {
				return walkBack(a, b, trail)
			}
		}
	}
	out := make([]tokenEdit, 0, len(a)+len(b))
	for _, s := range a {
		out = append(out, tokenEdit{opDelete, s})
	}
	for _, s := range b {
		out = append(out, tokenEdit{opInsert, s})
	}
	return out
}

// walkBack follows the trail from the end of both rows.
func walkBack(a, b []string, trail [][]int32) (out []tokenEdit) {
	x, y := len(a), len(b)
	for d := len(trail) - 1; d > 0; d-- {
		at := func(k int) int { return int(trail[d][k+d]) } // -d <= k <= d
		k := x - y
		before := k - 1
		if k == -d || k < d && at(k-1) < at(k+1) {
			before = k + 1
		}
		fromX := at(before)
		fromY := fromX - before
		for x > fromX && y > fromY {
			x, y = x-1, y-1
			out = append(out, tokenEdit{opEqual, a[x]})
		}
		if before == k+1 {
			y--
			out = append(out, tokenEdit{opInsert, b[y]})
		} else {
			x--
			out = append(out, tokenEdit{opDelete, a[x]})
		}
	}
	for x > 0 {
		x--
		out = append(out, tokenEdit{opEqual, a[x]})
	}
	slices.Reverse(out)
	return out
}
