package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
pkg: github.com/hubbub-im/hubbub/hub
BenchmarkRound/members=1/batch=50-2         	    5000	      1000 ns/op	        20.00 ns/delivery	     640 B/op	      10 allocs/op
BenchmarkRound/members=1000/batch=50-2      	     100	    500000 ns/op	        10.00 ns/delivery	     660 B/op	      10 allocs/op
BenchmarkRound/members=1/batch=50-2         	    5000	      1100 ns/op	        30.00 ns/delivery	     700 B/op	      11 allocs/op
BenchmarkRound/members=1000/batch=50-2      	     100	    500000 ns/op	        12.00 ns/delivery	     650 B/op	      12 allocs/op
PASS
ok  	github.com/hubbub-im/hubbub/hub	1.0s
pkg: github.com/hubbub-im/hubbub/transport/wire
BenchmarkAppendEvent 	 1000000	       100 ns/op	       0 B/op	       0 allocs/op
PASS
`

const agreed = `{
  "about": "a test's", "tolerance": {"share": 0.1, "bytes": 16},
  "benchmarks": {
    "hub Round/members=1/batch=50": {"allocs": 10, "bytes": 600},
    "hub Round/members=1000/batch=50": {"allocs": 8, "bytes": 650, "share": 0.3},
    "wire AppendEvent": {"allocs": 0, "bytes": 0}
  },
  "ratios": [{"what": "large rooms", "above": "hub Round/members=1000/batch=50", "below": "hub Round/members=1/batch=50", "unit": "ns/delivery", "most": 0.6}]
}`

// guard runs the program on texts.
func guard(t *testing.T, baseline, measured string, update bool) (said string, after string, err error) {
	t.Helper()
	dir := t.TempDir()
	base, log := filepath.Join(dir, "base.json"), filepath.Join(dir, "log")
	require.NoError(t, os.WriteFile(base, []byte(baseline), 0o600))
	require.NoError(t, os.WriteFile(log, []byte(measured), 0o600))
	var out bytes.Buffer
	err = run(base, log, update, &out)
	data, failed := os.ReadFile(base)
	require.NoError(t, failed)
	return out.String(), string(data), err
}

func TestAsGoodAsBefore(t *testing.T) {
	said, after, err := guard(t, agreed, printed, false)
	require.NoError(t, err, said)
	require.Equal(t, agreed, after)
	require.Contains(t, said, "hub Round/members=1/batch=50: 10 allocations; 10 before, at most 11")
	require.Contains(t, said, "large rooms: 0.5; at most 0.6")
	require.NotContains(t, said, "WORSE")
}

func TestWhatIsWorseIsTold(t *testing.T) {
	for name, c := range map[string]struct{ baseline, measured, says string }{
		"one allocation where there was none": {agreed, strings.Replace(printed, "0 B/op	       0 allocs/op", "0 B/op	       1 allocs/op", 1), "AppendEvent: 1 allocations; 0 before"},
		"allocations beyond the tolerance":    {strings.Replace(agreed, `"allocs": 10`, `"allocs": 9`, 1), printed, "members=1/batch=50: 10 allocations; 9 before"},
		"its own tolerance":                   {strings.Replace(agreed, `"share": 0.3`, `"share": 0.2`, 1), printed, "members=1000/batch=50: 10 allocations; 8 before"},
		"bytes":                               {strings.Replace(agreed, `"bytes": 600`, `"bytes": 560`, 1), printed, "640 bytes; 560 before"},
		"a ratio":                             {strings.Replace(agreed, `"most": 0.6`, `"most": 0.4`, 1), printed, "large rooms: 0.5; at most 0.4"},
		"a benchmark that is gone":            {agreed, strings.Replace(printed, "BenchmarkAppendEvent", "BenchmarkAppend", 1), "wire AppendEvent did not run"},
		"a benchmark that is new":             {strings.Replace(agreed, "wire AppendEvent", "wire Another", 1), printed, "wire AppendEvent is not in the baseline"},
		"a ratio of nothing":                  {strings.Replace(agreed, `"above": "hub`, `"above": "nub`, 1), printed, "large rooms: 0 figures"},
	} {
		t.Run(name, func(t *testing.T) {
			said, _, err := guard(t, c.baseline, c.measured, false)
			require.ErrorIs(t, err, errWorse)
			require.Contains(t, said, "WORSE "+"")
			require.Contains(t, said, c.says)
		})
	}
}

func TestUpdateKeepsBounds(t *testing.T) {
	_, after, err := guard(t, strings.Replace(agreed, "wire AppendEvent", "wire Gone", 1), printed, true)
	require.NoError(t, err)
	require.NotContains(t, after, "wire Gone")
	said, _, err := guard(t, after, printed, false)
	require.NoError(t, err, said)
	require.Contains(t, after, `"share": 0.3`)
	require.Contains(t, after, `"most": 0.6`)
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for _, c := range []struct{ baseline, measured, says string }{
		{agreed, "PASS\n", "no benchmark"},
		{agreed, printed + "FAIL\tgithub.com/hubbub-im/hubbub/hub\n", "has failed"},
		{agreed, strings.Replace(printed, " 100 ns/op", " fast ns/op", 1), "AppendEvent"},
		{"{", printed, "baseline"},
	} {
		_, _, err := guard(t, c.baseline, c.measured, false)
		require.ErrorContains(t, err, c.says)
	}
	require.ErrorContains(t, run("/no/baseline", "/no/log", false, nil), "baseline")
}
