package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runIn runs the program with arguments and an environment, and gives its exit
// status and what it wrote.
func runIn(t *testing.T, args []string, environ ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), args, environ, streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
	return status, stdout.String(), stderr.String()
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// serveOf parses the settings of hubbub serve without running it.
func serveOf(t *testing.T, args []string, environ ...string) *ServeCmd {
	t.Helper()
	cmd, err := parse(append([]string{"serve"}, args...), environ, streams{out: os.Stdout, err: os.Stderr})
	require.NoError(t, err)
	return cmd.(*ServeCmd)
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	file := writeFile(t, "hub.json", `{"addr": "127.0.0.1:1", "data": "from-file", "api-key": ["a", "b"], "memory-limit": "512MiB"}`)
	secret := writeFile(t, "key", "from-a-file\n")

	c := serveOf(t, nil)
	require.Equal(t, "127.0.0.1:8080", c.Addr)
	c = serveOf(t, []string{"--config", file})
	require.Equal(t, "127.0.0.1:1", c.Addr)
	require.Equal(t, []string{"a", "b"}, c.Auth.APIKey)
	require.EqualValues(t, 512<<20, c.Bounds.MemoryLimit)
	c = serveOf(t, nil, "HUBBUB_CONFIG="+file, "HUBBUB_ADDR=127.0.0.1:2", "HUBBUB_API_KEY_FILE="+secret)
	require.Equal(t, "127.0.0.1:2", c.Addr)
	require.Equal(t, "from-file", c.Data)
	require.Equal(t, []string{"from-a-file"}, c.Auth.APIKey)
	c = serveOf(t, []string{"--addr", "127.0.0.1:3"}, "HUBBUB_ADDR=127.0.0.1:2")
	require.Equal(t, "127.0.0.1:3", c.Addr)

	require.Equal(t, []string{secret}, serveOf(t, nil, "HUBBUB_KEY_FILE="+secret).Auth.Key, "a key is a file already: its content is never taken for a name")

	require.Equal(t, filepath.Join("/x", "hubbub"), serveOf(t, nil, "XDG_DATA_HOME=/x", "HOME=/y").Data)
	require.Equal(t, filepath.Join("/y", ".local", "share", "hubbub"), serveOf(t, nil, "HOME=/y").Data)
}

func TestSettingsThatAreWrongAreNamed(t *testing.T) {
	secret := writeFile(t, "key", "x")
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	for name, c := range map[string]struct {
		args    []string
		environ []string
		says    []string
	}{
		"unknown flag":         {args: []string{"serve", "--adr", "x"}, says: []string{"--adr", "--help"}},
		"unknown command":      {args: []string{"sevre"}, says: []string{"sevre"}},
		"unknown variable":     {args: []string{"version"}, environ: []string{"HUBBUB_ADR=x"}, says: []string{"HUBBUB_ADR", "HUBBUB_DATA for --data"}},
		"unknown setting":      {args: []string{"version", "--config", writeFile(t, "c", `{"adr": "x"}`)}, says: []string{`"adr"`}},
		"file that is no JSON": {args: []string{"version", "--config", writeFile(t, "c", `addr = x`)}, says: []string{"JSON object"}},
		"file that is missing": {args: []string{"version", "--config", "/nowhere/x"}, says: []string{"/nowhere/x"}},
		"set twice":            {args: []string{"serve"}, environ: []string{"HUBBUB_KEY=a", "HUBBUB_KEY_FILE=" + secret}, says: []string{"HUBBUB_KEY", "HUBBUB_KEY_FILE", "set one"}},
		"secret file missing":  {args: []string{"serve"}, environ: []string{"HUBBUB_API_KEY_FILE=/nowhere/x"}, says: []string{"HUBBUB_API_KEY_FILE"}},
		"bad size":             {args: []string{"serve", "--memory-limit", "lots"}, says: []string{"lots", "512MiB"}},
		"bad level":            {args: []string{"serve", "--ack", "maybe"}, says: []string{"--ack", "fsync"}},
		"bad address":          {args: []string{"serve", "--addr", "nonsense"}, says: []string{"--addr"}},
		"open to a network":    {args: []string{"serve", "--addr", "0.0.0.0:0"}, says: []string{"--key", "--guests=on"}},
		"weak API key":         {args: []string{"serve", "--addr", "127.0.0.1:0", "--api-key", "abc"}, says: []string{"--api-key"}},
		"bad origin":           {args: []string{"serve", "--addr", "127.0.0.1:0", "--origin", "example.com"}, says: []string{"--origin", "https://"}},
		"nobody gets in":       {args: []string{"serve", "--addr", "127.0.0.1:0", "--guests", "off"}, says: []string{"--guests=off", "--key"}},
		"key that is missing":  {args: []string{"serve", "--addr", "127.0.0.1:0", "--key", "/nowhere/x"}, says: []string{"--key", "/nowhere/x"}},
		"data is a file":       {args: []string{"serve", "--addr", "127.0.0.1:0", "--data", plain}, says: []string{plain}},
		"bad guest caps":       {args: []string{"serve", "--addr", "127.0.0.1:0", "--guest-caps", "*=fly"}, says: []string{"--guest-caps", "fly"}},
		"dedup window":         {args: []string{"serve", "--addr", "127.0.0.1:0", "--dedup-window", "1h"}, says: []string{"dedup", "10m"}},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append([]string{"HUBBUB_DATA=" + filepath.Join(t.TempDir(), "data")}, c.environ...)
			status, _, errs := runIn(t, c.args, environ...)
			require.Equal(t, 1, status)
			require.True(t, strings.HasPrefix(errs, "hubbub: "), errs)
			for _, part := range c.says {
				require.Contains(t, errs, part)
			}
		})
	}
}

// started runs hubbub serve until stop is called; data is its folder.
func started(t *testing.T, data string, args ...string) (greeting string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	require.NoError(t, err)
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data, "--log-level", "error"}, args...), nil, streams{out: w, err: os.Stderr})
		_ = w.Close()
	}()
	buf := make([]byte, 4096)
	n := 0
	for !strings.Contains(string(buf[:n]), "guests") {
		m, err := r.Read(buf[n:])
		require.NoError(t, err, "it ended before it served")
		n += m
	}
	stop = func() int {
		cancel()
		defer func() { _ = r.Close() }()
		return <-status
	}
	return string(buf[:n]), stop
}

func TestServeGreetsAndHoldsItsFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	greeting, stop := started(t, data)
	first, _, _ := strings.Cut(greeting, "\n")
	require.Contains(t, first, data, "the data folder is on the first line")
	require.Contains(t, greeting, "http://127.0.0.1:")
	require.Contains(t, greeting, "on: anybody")
	require.Contains(t, greeting, "--guests=off")

	status, _, errs := runIn(t, []string{"serve", "--addr", "127.0.0.1:0", "--data", data})
	require.Equal(t, 1, status)
	require.Contains(t, errs, data)
	require.Contains(t, errs, "another process")
	status, out, _ := runIn(t, []string{"doctor", "--data", data})
	require.Equal(t, 1, status)
	require.Contains(t, out, "--url")

	_, address, _ := strings.Cut(greeting, "http://")
	address, _, _ = strings.Cut(address, "\n")
	status, out, _ = runIn(t, []string{"doctor", "--url", "http://" + address})
	require.Zero(t, status, out)
	require.Zero(t, stop())

	status, out, _ = runIn(t, []string{"doctor", "--data", data})
	require.Zero(t, status, out)
	require.NoError(t, os.Chmod(filepath.Join(data, tokenKeyFile), 0o644))
	status, out, _ = runIn(t, []string{"doctor", "--data", data})
	require.Equal(t, 1, status)
	require.Contains(t, out, "chmod 600")
}

func TestLogThatIsGoneIsNotMadeAnew(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	_, stop := started(t, data)
	require.Zero(t, stop())
	require.NoError(t, os.RemoveAll(filepath.Join(data, "jetstream")))
	status, _, errs := runIn(t, []string{"serve", "--addr", "127.0.0.1:0", "--data", data})
	require.Equal(t, 1, status)
	require.Contains(t, errs, "gone")
	require.Contains(t, errs, "backup")
}
