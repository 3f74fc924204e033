package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// removeDocs removes all that the log of documents has in a data folder, but for the
// mark that it was there.
func removeDocs(t *testing.T, data string) {
	t.Helper()
	for _, name := range []string{"HUBBUB_DOC*", "OBJ_HUBBUB_DOCS"} {
		dirs, err := filepath.Glob(filepath.Join(data, "jetstream", "*", "streams", name))
		require.NoError(t, err)
		require.NotEmpty(t, dirs)
		for _, dir := range dirs {
			require.NoError(t, os.RemoveAll(dir))
		}
	}
}

// TestEngineOpensBothLogs opens a folder of before there were documents, and one whose
// documents are gone.
func TestEngineOpensBothLogs(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	open := func() (*engine, error) { return engineFlags{Ack: "fsync"}.open(t.Context(), data, zerolog.Nop()) }
	e, err := open()
	require.NoError(t, err)
	_, err = e.docs.Swap(t.Context(), "lobby", 0, []byte("a document"), true)
	require.NoError(t, err)
	require.NoError(t, e.blobs.Put(t.Context(), "a", []byte("blob")))
	at, err := e.log.Tail(t.Context(), "lobby")
	require.NoError(t, err)
	require.Zero(t, at.Seq, "a room and a document of one name are apart")
	e.close(zerolog.Nop())

	e, err = open()
	require.NoError(t, err)
	blob, err := e.blobs.Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "blob", string(blob))
	names, err := e.docs.List(t.Context(), "lobby")
	require.NoError(t, err)
	require.Equal(t, []string{"lobby"}, names)
	e.close(zerolog.Nop())

	removeDocs(t, data)
	_, err = open()
	require.ErrorContains(t, err, "HUBBUB_DOCMETA is gone")
	status, out, _ := runIn(t, []string{"doctor", "--data", data})
	require.Equal(t, 1, status)
	require.Contains(t, out, "HUBBUB_DOCMETA is gone")

	require.NoError(t, os.Remove(filepath.Join(data, docsFile)))
	e, err = open()
	require.NoError(t, err, "a folder without documents gets their log")
	require.FileExists(t, filepath.Join(data, docsFile))
	require.NoError(t, e.health())
	require.NoError(t, e.docs.Close(t.Context()))
	require.ErrorContains(t, e.health(), "documents: ")
	e.close(zerolog.Nop())
}
