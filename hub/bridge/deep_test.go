package bridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// even fills a log with messages of one length, 16 bytes and pad, and gives how many.
func even(t testing.TB, l hub.Log, from, n, pad int) {
	t.Helper()
	for from < n {
		records := make([]hub.Record, min(500, n-from))
		for i := range records {
			records[i] = hub.Record{Data: fmt.Appendf(make([]byte, 0, 16+pad), "message %08d%*s", from+i, pad, "")}
		}
		put(t, l, fmt.Sprint("room ", from/500%4), records...)
		from += len(records)
	}
}

// deep reads the store in a folder.
func deep(t *testing.T, dir string) *bridge.DeepReport {
	t.Helper()
	w := startEngine(t, dir)
	defer w.close(t)
	r, err := bridge.Deep(t.Context(), bridge.Store{Connect: w.engine.Connect})
	require.NoError(t, err)
	return r
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

func blockFiles(t *testing.T, dir, stream string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", stream, "msgs", "*.blk"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	slices.SortFunc(names, func(a, b string) int { return len(a) - len(b) })
	return names
}

// flipAt changes one bit of a file.
func flipAt(t *testing.T, name string, at int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	require.NoError(t, err)
	b[0] ^= 0x08
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func sizeOf(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Size()
}

// TestDeepFindsABitAnywhere flips one bit in each tenth of a block file, with the
// engine's index there and without it, as after a kill.
func TestDeepFindsABitAnywhere(t *testing.T) {
	const n = 3000
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1})
	even(t, w.Log, 0, n, 84)
	w.close(t)
	r := deep(t, dir)
	require.Empty(t, r.Damage)
	require.EqualValues(t, n, r.Messages, "all of it is sealed when the log is closed")
	require.Zero(t, r.Unsealed)

	for tenth := range 10 {
		for _, indexed := range []bool{true, false} {
			bad := copyDir(t, dir)
			file := blockFiles(t, bad, "HUBBUB_LOG_00")[0]
			at := sizeOf(t, file)*int64(tenth)/10 + sizeOf(t, file)/20 + int64(tenth)*7
			flipAt(t, file, at)
			if !indexed {
				require.NoError(t, os.Remove(filepath.Join(filepath.Dir(file), "index.db")))
			}
			seq := uint64(at*n/sizeOf(t, blockFiles(t, dir, "HUBBUB_LOG_00")[0])) + 1
			r := deep(t, bad)
			require.NotEmpty(t, r.Damage, "bit at %d, index %v", at, indexed)
			require.Equal(t, n, int(r.Messages)+lostOf(r))
			d := r.Damage[0]
			t.Logf("bit at %d, index %v: %s", at, indexed, d)
			require.Equal(t, "rooms", d.Of)
			require.InDelta(t, seq, d.From, 2)
			require.GreaterOrEqual(t, d.To+2, seq)
			require.Contains(t, d.Names, fmt.Sprint("room ", (d.From-1)/500%4))
		}
	}
}

func lostOf(r *bridge.DeepReport) (n int) {
	for _, d := range r.Damage {
		n += d.Messages
	}
	return n
}

// TestDeepFindsALostBlock removes a file in the middle.
func TestDeepFindsALostBlock(t *testing.T) {
	const n = 4000
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1})
	even(t, w.Log, 0, n, 6000)
	w.close(t)
	files := blockFiles(t, dir, "HUBBUB_LOG_00")
	require.Greater(t, len(files), 2)
	require.NoError(t, os.Remove(files[1]))
	r := deep(t, dir)
	for _, d := range r.Damage {
		t.Log(d)
	}
	require.Equal(t, n, int(r.Messages)+lostOf(r))
	require.InDelta(t, n/3, lostOf(r), n/6)
}

// TestDeepKnowsWhatWasMeant: what was replaced or erased is no damage, also behind the
// last seal, and what a document lost is.
func TestDeepKnowsWhatWasMeant(t *testing.T) {
	dir := t.TempDir()
	rooms, docs, blobs := names("room", 6), names("doc", 9), names("blob", 4)
	w := startEngine(t, dir)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 2})
	fillPair(t, p, rooms, docs, blobs, 30)
	fill(t, p.docs, "replaced", 5)
	_, err := p.docs.Swap(t.Context(), "replaced", tail(t, p.docs, "replaced").Seq, []byte("what it comes to"), true)
	require.NoError(t, err)
	p.close(t)
	p = openPair(t, w.engine.Connect, bridge.Config{MarkEvery: time.Hour})
	for _, doc := range docs { // replaced, then erased, as who deletes a document does
		at, err := p.docs.Swap(t.Context(), doc, tail(t, p.docs, doc).Seq, []byte("the end"), true)
		require.NoError(t, err)
		require.NoError(t, p.docs.Erase(t.Context(), doc, at.Seq-1))
	}
	r, err := bridge.Deep(t.Context(), bridge.Store{Connect: w.engine.Connect})
	require.NoError(t, err)
	require.Empty(t, r.Damage, "while it is in use")
	require.NotZero(t, r.Meant)
	require.EqualValues(t, len(docs), r.Unsealed)
	require.EqualValues(t, 3, r.Blobs)
	p.close(t)
	require.NoError(t, w.engine.Shutdown())

	bad := copyDir(t, dir)
	file := blockFiles(t, bad, "OBJ_HUBBUB_DOCS")[0]
	flipAt(t, file, sizeOf(t, file)/2)
	r = deep(t, bad)
	require.Len(t, r.Damage, 1)
	require.Equal(t, "blobs", r.Damage[0].Of)
}

// TestSealsOfManyInstances: each message is sealed once, whoever does it.
func TestSealsOfManyInstances(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	cfg := bridge.Config{Partitions: 2, MarkEvery: 20 * time.Millisecond, Fault: func(err error) { t.Error(err) }}
	one, err := w.open(t, cfg)
	require.NoError(t, err)
	two, err := w.open(t, cfg)
	require.NoError(t, err)
	for i := range 12 {
		even(t, one, i*300, i*300+200, 20)
		even(t, two, i*300+200, i*300+300, 20)
	}
	var r *bridge.DeepReport
	eventually(t, "all is sealed", func() bool {
		r, err = bridge.Deep(t.Context(), bridge.Store{Connect: w.engine.Connect})
		require.NoError(t, err)
		require.Empty(t, r.Damage)
		return r.Messages == 3600
	})
	require.Empty(t, r.Notes)
	(&world{Log: one}).closeLog(t)
	(&world{Log: two}).closeLog(t)
}

// TestSealsOfALostEnd: what was sealed and lost is told when the log is opened, and what
// takes its sequences is no damage.
func TestSealsOfALostEnd(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1})
	even(t, w.Log, 0, 2500, 20)
	w.close(t)
	early := copyDir(t, dir)
	w = start(t, dir, bridge.Config{})
	even(t, w.Log, 2500, 5000, 20)
	w.close(t)
	stream := filepath.Join("jetstream", "$G", "streams", "HUBBUB_LOG_00")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, stream)))
	require.NoError(t, os.CopyFS(filepath.Join(dir, stream), os.DirFS(filepath.Join(early, stream))))

	r := deep(t, dir)
	require.Equal(t, 2500, lostOf(r), "before a hub has told of it")
	w = start(t, dir, bridge.Config{})
	require.NotEmpty(t, w.Findings())
	even(t, w.Log, 2500, 3100, 20)
	w.close(t)
	r = deep(t, dir)
	require.Empty(t, r.Damage)
	require.EqualValues(t, 3100, r.Messages)
}
