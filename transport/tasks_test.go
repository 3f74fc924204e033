package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTasksOfTheOperator: one at a time, from no web page, and one that fails midway is
// cut short.
func TestTasksOfTheOperator(t *testing.T) {
	running, end := make(chan struct{}), make(chan struct{})
	e := newAPIEdge(t, func(c *edgeConfig) {
		c.Tasks = map[string]Task{
			"POST /slow": func(ctx context.Context, w io.Writer) error {
				close(running)
				<-end
				_, err := io.WriteString(w, "all of it")
				return err
			},
			"POST /early": func(context.Context, io.Writer) error { return errors.New("nothing to give") },
			"POST /late": func(_ context.Context, w io.Writer) error {
				_, err := w.Write(make([]byte, 1<<20))
				return errors.Join(err, errors.New("there was more"))
			},
		}
	})
	admin := httptest.NewServer(e.srv.Admin())
	defer admin.Close()
	post := func(path, origin string) (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, admin.URL+path, nil)
		require.NoError(t, err)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := admin.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode, string(body), err
	}
	status, body, err := post("/early", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "nothing to give")
	_, _, err = post("/late", "")
	require.Error(t, err, "an answer that is not whole does not look so")
	status, _, _ = post("/early", "https://elsewhere.example")
	require.Equal(t, http.StatusForbidden, status)

	answered := make(chan string)
	go func() {
		_, body, _ := post("/slow", "")
		answered <- body
	}()
	<-running
	status, body, _ = post("/early", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "under way")
	close(end)
	require.Equal(t, "all of it", <-answered)
}
