package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// pair is a log of rooms and one of documents in one store.
type pair struct{ rooms, docs *bridge.Log }

type connector = func(string, ...nats.Option) (*nats.Conn, error)

// openPair opens both; the test closes them.
func openPair(t *testing.T, connect connector, cfg bridge.Config) pair {
	t.Helper()
	cfg.Connect = connect
	rooms, err := bridge.Open(t.Context(), cfg)
	require.NoError(t, err)
	cfg.Of = bridge.Documents
	docs, err := bridge.Open(t.Context(), cfg)
	require.NoError(t, err)
	return pair{rooms, docs}
}

func (p pair) close(t *testing.T) {
	t.Helper()
	(&world{Log: p.rooms}).closeLog(t)
	(&world{Log: p.docs}).closeLog(t)
}

// told is all that a pair says about some rooms, documents and blobs.
type told struct {
	rooms, docs map[string][]hub.Entry
	tails       map[string]hub.Position
	counts      map[string]int
	blobs       map[string]string
}

func names(what string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s %d/é", what, i))
	}
	return all
}

func (p pair) tell(t *testing.T, rooms, docs, blobs []string) told {
	t.Helper()
	all := told{map[string][]hub.Entry{}, map[string][]hub.Entry{}, map[string]hub.Position{}, map[string]int{}, map[string]string{}}
	for _, name := range rooms {
		all.rooms[name], all.tails[name] = readAll(t, p.rooms, name), tail(t, p.rooms, name)
	}
	for _, name := range docs {
		all.docs[name], all.tails["doc "+name] = readAll(t, p.docs, name), tail(t, p.docs, name)
		n, err := p.docs.Count(t.Context(), name)
		require.NoError(t, err)
		all.counts[name] = n
	}
	for _, name := range blobs {
		data, err := p.docs.Blobs().Get(t.Context(), name)
		if !errors.Is(err, hub.ErrNoBlob) {
			require.NoError(t, err)
		}
		all.blobs[name] = string(data)
	}
	return all
}

// fillPair stores messages with ids in rooms, entries of documents of which some were
// replaced and some erased, and blobs of which one was removed.
func fillPair(t *testing.T, p pair, rooms, docs, blobs []string, each int) {
	t.Helper()
	for i, name := range rooms {
		var records []hub.Record
		for n := range each {
			records = append(records, hub.Record{ID: fmt.Sprintf("id %d", n), Data: fmt.Appendf(nil, "%s says %d", name, n)})
		}
		put(t, p.rooms, name, records[:i%each+1]...)
		put(t, p.rooms, name, records...) // some of them again
	}
	for i, name := range docs {
		fill(t, p.docs, name, each)
		if i%2 == 0 {
			at := tail(t, p.docs, name)
			_, err := p.docs.Swap(t.Context(), name, at.Seq, []byte("what "+name+" comes to"), true)
			require.NoError(t, err)
		}
		if i%3 == 0 {
			fill(t, p.docs, name, 2)
			require.NoError(t, p.docs.Erase(t.Context(), name, tail(t, p.docs, name).Seq-1))
		}
	}
	for i, name := range blobs {
		data := make([]byte, i*300_000)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
		require.NoError(t, p.docs.Blobs().Put(t.Context(), name, data))
	}
	require.NoError(t, p.docs.Blobs().Delete(t.Context(), blobs[1]))
}

func export(t *testing.T, connect connector, move bool) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := bridge.Export(t.Context(), bridge.Store{Connect: connect}, &out, bridge.ExportOptions{By: "a test", Move: move})
	require.NoError(t, err)
	return out.Bytes()
}

// dedup is a window that is not over when a test's archive is made.
const dedup = 20 * time.Second

// TestMoveKeepsEverything moves logs from an engine in this process to a server in
// another one, and to a cluster: what clients hold of them stays good to the last
// position, epochs and dedup ids included, and writing goes on behind it.
func TestMoveKeepsEverything(t *testing.T) {
	rooms, docs, blobs := names("room", 40), names("doc", 12), names("blob", 6)
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 4, Dedup: dedup})
	fillPair(t, p, rooms, docs, blobs, 25)
	filled := time.Now()
	before := p.tell(t, rooms, docs, blobs)
	p.close(t)
	data := export(t, w.engine.Connect, true)

	url, _ := external(t)
	targets := map[string]struct {
		connector
		cfg bridge.Config
	}{"server": {connectTo(url), bridge.Config{}}}
	if !testing.Short() {
		targets["cluster"] = struct {
			connector
			cfg bridge.Config
		}{startCluster(t).connect, bridge.Config{Replicas: 3, Ack: bridge.AckReplicated}}
	}
	for name, to := range targets {
		t.Run(name, func(t *testing.T) {
			sum, err := bridge.Import(t.Context(), bridge.Store{Connect: to.connector}, bytes.NewReader(data), bridge.ImportOptions{})
			require.NoError(t, err)
			require.True(t, sum.Head.Moved)
			r, err := bridge.Deep(t.Context(), bridge.Store{Connect: to.connector})
			require.NoError(t, err)
			require.Empty(t, r.Damage, "seals come along")
			require.Zero(t, r.Unsealed)
			there := openPair(t, to.connector, to.cfg)
			defer there.close(t)
			require.Empty(t, there.rooms.Findings())
			require.Empty(t, there.docs.Findings())
			require.Equal(t, before, there.tell(t, rooms, docs, blobs))

			require.Greater(t, time.Since(filled), dedup, "a repeat that would not be known for one is too late")
			more := put(t, there.rooms, rooms[3], hub.Record{ID: "new", Data: []byte("new")})
			require.Greater(t, more[0].Seq, before.tails[rooms[3]].Seq)
			require.Equal(t, before.tails[rooms[3]].Epoch, more[0].Epoch)

			_, err = bridge.Import(t.Context(), bridge.Store{Connect: to.connector}, bytes.NewReader(data), bridge.ImportOptions{})
			require.ErrorIs(t, err, bridge.ErrNotEmpty)
		})
	}
	left := openPair(t, w.engine.Connect, bridge.Config{})
	defer left.close(t)
	for _, room := range rooms {
		require.NotEqual(t, before.tails[room].Epoch, tail(t, left.rooms, room).Epoch, "what stays behind is another log")
	}
}

// TestArchiveThatIsNotMovedRenewsEpochs: the log may have gone on after the archive.
func TestArchiveThatIsNotMovedRenewsEpochs(t *testing.T) {
	rooms, docs, blobs := names("room", 5), names("doc", 5), names("blob", 3)
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 2})
	defer p.close(t)
	fillPair(t, p, rooms, docs, blobs, 10)
	data := export(t, w.engine.Connect, false)

	dir := t.TempDir()
	to := startEngine(t, dir)
	_, err := bridge.Import(t.Context(), bridge.Store{Connect: to.engine.Connect}, bytes.NewReader(data), bridge.ImportOptions{Restart: true})
	require.NoError(t, err)
	require.NoError(t, to.engine.Shutdown())
	to = startEngine(t, dir)
	defer to.close(t)
	there := openPair(t, to.engine.Connect, bridge.Config{})
	defer there.close(t)
	require.True(t, put(t, there.rooms, rooms[3], hub.Record{ID: "id 7", Data: []byte("anything")})[0].Duplicate, "a repeat from before is known")
	require.Empty(t, there.rooms.Findings())
	for _, room := range rooms {
		require.Equal(t, readAll(t, p.rooms, room), readAll(t, there.rooms, room))
		require.NotEqual(t, tail(t, p.rooms, room).Epoch, tail(t, there.rooms, room).Epoch)
	}
}

// TestMoveOfALogInUse is refused, and no archive comes of it.
func TestMoveOfALogInUse(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 2})
	defer p.close(t)
	fillPair(t, p, names("room", 2), names("doc", 2), names("blob", 6), 5) // random ones are written as they come
	var data bytes.Buffer
	out := writerFunc(func(b []byte) (int, error) {
		put(t, p.rooms, "room", hub.Record{Data: []byte("late")})
		return data.Write(b)
	})
	_, err := bridge.Export(t.Context(), bridge.Store{Connect: w.engine.Connect}, out, bridge.ExportOptions{Move: true})
	require.ErrorContains(t, err, "end all hubs")
	_, err = bridge.Import(t.Context(), bridge.Store{Connect: w.engine.Connect, Prefix: "other"}, bytes.NewReader(data.Bytes()), bridge.ImportOptions{})
	require.ErrorIs(t, err, archive.ErrInvalid)
}

// TestBlobsThatComeAndGo: a blob that is made and removed while documents are read may
// be named by what was read, and then that is read again.
func TestBlobsThatComeAndGo(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 2})
	defer p.close(t)
	docs := names("doc", 4)
	fillPair(t, p, names("room", 2), docs, names("blob", 4), 5)
	random := make([]byte, 400_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
	for _, doc := range docs { // so much that the archive is written while they are read
		put(t, p.docs, doc, hub.Record{Data: random})
	}
	exporting := func(most int) ([]byte, error) {
		var out bytes.Buffer
		n := 0
		_, err := bridge.Export(t.Context(), bridge.Store{Connect: w.engine.Connect}, writerFunc(func(b []byte) (int, error) {
			if n < most {
				n++
				name := fmt.Sprint("passing ", most, " ", n)
				require.NoError(t, p.docs.Blobs().Put(t.Context(), name, []byte("x")))
				require.NoError(t, p.docs.Blobs().Delete(t.Context(), name))
			}
			return out.Write(b)
		}), bridge.ExportOptions{})
		return out.Bytes(), err
	}
	data, err := exporting(30)
	require.NoError(t, err)
	to := bridge.Store{Connect: w.engine.Connect, Prefix: "other"}
	_, err = bridge.Import(t.Context(), to, bytes.NewReader(data), bridge.ImportOptions{Restart: true})
	require.NoError(t, err)
	there := openPair(t, w.engine.Connect, bridge.Config{Prefix: "other"})
	defer there.close(t)
	for _, doc := range docs {
		require.Equal(t, readAll(t, p.docs, doc), readAll(t, there.docs, doc))
	}
	_, err = exporting(1 << 30)
	require.ErrorContains(t, err, "come and go faster")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestImportOfADamagedArchive changes a byte in each of many places: nothing is stored
// of any of them.
func TestImportOfADamagedArchive(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 2})
	defer p.close(t)
	fillPair(t, p, names("room", 5), names("doc", 5), names("blob", 3), 20)
	data := export(t, w.engine.Connect, false)
	to := bridge.Store{Connect: w.engine.Connect, Prefix: "other"}
	for i := range 50 {
		at := 8 + i*(len(data)-8)/50
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		_, err := bridge.Import(t.Context(), to, bytes.NewReader(bad), bridge.ImportOptions{})
		require.Error(t, err, "byte %d of %d", at, len(data))
		_, err = bridge.Import(t.Context(), to, bytes.NewReader(data[:at]), bridge.ImportOptions{})
		require.ErrorIs(t, err, archive.ErrInvalid, "cut at %d of %d", at, len(data))
	}
	_, err := bridge.Import(t.Context(), to, bytes.NewReader(append(bytes.Clone(data), 0)), bridge.ImportOptions{})
	require.Error(t, err, "something follows")
	_, err = bridge.Import(t.Context(), to, bytes.NewReader(data), bridge.ImportOptions{Restart: true})
	require.NoError(t, err, "nothing of the damaged ones is in the way")
}

// TestImportIsAllOrNothing ends an import in the middle.
func TestImportIsAllOrNothing(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	p := openPair(t, w.engine.Connect, bridge.Config{Partitions: 3})
	defer p.close(t)
	fillPair(t, p, names("room", 9), names("doc", 5), names("blob", 3), 20)
	data := export(t, w.engine.Connect, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	streams := 0
	_, err := bridge.Import(ctx, bridge.Store{Connect: w.engine.Connect, Prefix: "other"}, bytes.NewReader(data), bridge.ImportOptions{
		Progress: func(string, uint64) {
			if streams++; streams == 3 {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	nc, err := w.engine.Connect("look")
	require.NoError(t, err)
	defer nc.Close()
	eventually(t, "nothing is left of it", func() bool {
		msg, err := nc.Request("$JS.API.STREAM.NAMES", nil, patience)
		require.NoError(t, err)
		return !strings.Contains(string(msg.Data), "OTHER_")
	})
}
