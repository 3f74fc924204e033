package main_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// pair is a certificate that vouches for itself, and its key, as files.
type pair struct{ cert, key string }

// write makes the pair anew, good for an hour from a time on, and gives its serial
// number.
func (p pair) write(t testing.TB, from time.Time) *big.Int {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: from, NotAfter: from.Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	require.NoError(t, os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return serial
}

func newPair(t testing.TB) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// useTLS makes a hub that has not started serve TLS, with a pair that it gives.
func (h *hubProcess) useTLS() pair {
	h.t.Helper()
	p := newPair(h.t)
	p.write(h.t, time.Now().Add(-time.Minute))
	h.argv = append(h.argv, "--tls-cert="+p.cert, "--tls-key="+p.key)
	h.trust(p)
	return p
}

// trust makes the hub's clients take its certificate.
func (h *hubProcess) trust(p pair) {
	h.t.Helper()
	text, err := os.ReadFile(p.cert)
	require.NoError(h.t, err)
	h.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	require.True(h.t, h.tls.RootCAs.AppendCertsFromPEM(text))
	transport := &http.Transport{TLSClientConfig: h.tls.Clone()}
	h.http = &http.Client{Transport: transport}
	h.t.Cleanup(transport.CloseIdleConnections)
}

// url is the hub's address for clients.
func (h *hubProcess) url() string {
	if h.tls != nil {
		return "wss://" + h.addr
	}
	return "ws://" + h.addr
}

// handshake connects and gives what was agreed on.
func (h *hubProcess) handshake(change func(*tls.Config)) (tls.ConnectionState, error) {
	cfg := h.tls.Clone()
	change(cfg)
	conn, err := tls.Dial("tcp", h.addr, cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState(), nil
}

func TestServeTLS(t *testing.T) {
	h := newHub(t, []string{binary(t), "serve"}, "--admin-addr=", "--log-level=info")
	p := h.useTLS()
	h.start()
	h.awaitReady()

	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		state, err := h.handshake(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion, c.NextProtos = version, version, []string{"h2", "http/1.1"}
		})
		require.NoError(t, err)
		require.Equal(t, "http/1.1", state.NegotiatedProtocol)
	}
	_, err := h.handshake(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	require.ErrorContains(t, err, "version")

	res, err := h.http.Get("https://" + h.addr + "/livez")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, res.Body.Close())
	res, err = http.Get("http://" + h.addr + "/livez")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Contains(t, string(body), "HTTPS", "who comes without TLS is told what is wrong")

	before := h.join(t, "before")
	h.chat(t, before, "with the first certificate")
	h.renew(t, p, before)

	// The tools trust what the system does.
	tool := func(args ...string) string {
		cmd := exec.Command(binary(t), append(args, "--url="+h.url(), "--token="+h.token("tool"))...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+p.cert)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		require.NoError(t, err, errs.String())
		return string(out)
	}
	tool("send", "tools", "over wss")
	require.Equal(t, "over wss\n", tool("tail", "tools", "--since=0", "--limit=1"))
}

// join connects with the SDK.
func (h *hubProcess) join(t *testing.T, name string) *client.Room {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: h.url(), Token: h.token(name), HTTPClient: h.http})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	room := c.Room("secret")
	require.NoError(t, room.Join(ctx))
	return room
}

// chat posts and hears it.
func (h *hubProcess) chat(t *testing.T, room *client.Room, say string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	receipt, err := room.Post(ctx, client.Text(say))
	require.NoError(t, err)
	ack, err := receipt.Wait(ctx)
	require.NoError(t, err)
	for {
		in, err := room.Next(ctx)
		require.NoError(t, err)
		if e, ok := in.(*client.Event); ok && e.Seq == ack.Seq {
			require.Equal(t, say, e.Text)
			return
		}
	}
}

// renew changes the certificate: first for one that is over, which changes nothing,
// then for a good one. Who is connected does not notice.
func (h *hubProcess) renew(t *testing.T, p pair, connected *client.Room) {
	t.Helper()
	shown := func() string {
		state, err := h.handshake(func(c *tls.Config) { c.InsecureSkipVerify = true })
		require.NoError(t, err)
		return state.PeerCertificates[0].SerialNumber.String()
	}
	first := shown()
	p.write(t, time.Now().Add(-2*time.Hour))
	require.NoError(t, h.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return bytes.Contains([]byte(h.tail()), []byte("stay as they were")) }, 20*time.Second, 5*time.Millisecond)
	require.Contains(t, h.tail(), "expired at")
	require.Equal(t, first, shown())

	serial := p.write(t, time.Now().Add(-time.Minute)).String()
	require.NoError(t, h.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return shown() == serial }, 20*time.Second, 5*time.Millisecond)
	require.Contains(t, h.tail(), "ends soon")
	h.chat(t, connected, "on a connection from before")
	h.trust(p)
	h.chat(t, h.join(t, "after"), "with the second certificate")
}

// A pair that cannot be served is refused at the start, in words that say which file
// is to be changed.
func TestServeRefusesABadPair(t *testing.T) {
	good, other, over, early := newPair(t), newPair(t), newPair(t), newPair(t)
	good.write(t, time.Now().Add(-time.Minute))
	other.write(t, time.Now().Add(-time.Minute))
	over.write(t, time.Now().Add(-2*time.Hour))
	early.write(t, time.Now().Add(time.Hour))
	noise := filepath.Join(t.TempDir(), "noise.pem")
	require.NoError(t, os.WriteFile(noise, []byte("no PEM"), 0o600))
	for _, c := range []struct {
		cert, key string
		says      []string
	}{
		{good.cert, "", []string{"--tls-cert and --tls-key: give both"}},
		{"", good.key, []string{"--tls-cert and --tls-key: give both"}},
		{good.cert + "x", good.key, []string{"--tls-cert: ", good.cert + "x", "no such file"}},
		{good.cert, good.key + "x", []string{"--tls-key: ", good.key + "x", "no such file"}},
		{good.cert, other.key, []string{good.cert, other.key, "does not match"}},
		{good.key, good.cert, []string{"PEM"}},
		{noise, good.key, []string{noise, "PEM"}},
		{good.cert, noise, []string{noise, "PEM"}},
		{over.cert, over.key, []string{over.cert, "expired at", "get a new certificate"}},
		{early.cert, early.key, []string{early.cert, "is not good before", "clock"}},
	} {
		args := []string{"serve", "--addr=127.0.0.1:0", "--admin-addr=", "--data=" + filepath.Join(t.TempDir(), "data")}
		if c.cert != "" {
			args = append(args, "--tls-cert="+c.cert)
		}
		if c.key != "" {
			args = append(args, "--tls-key="+c.key)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, err := exec.CommandContext(ctx, binary(t), args...).CombinedOutput()
		cancel()
		require.Error(t, err, c)
		for _, says := range c.says {
			require.Contains(t, string(out), says, fmt.Sprint(c))
		}
	}
}
