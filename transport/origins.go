package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// origins decides which web pages may use the hub from a browser: those that the
// hub itself serves, and those of a list.
//
// A browser sends Origin with every WebSocket handshake and every request that
// crosses origins. Programs send none; what they may do is the token's to say.
type origins struct {
	allowed []string // as normalOrigin gives them
	hosts   []string // of allowed
	// guests says whether names of this machine that are not its own are refused
	// as well. While guests are let in, a page whose name was made to point at
	// 127.0.0.1 would otherwise be taken for the hub's own.
	guests func() bool
}

func newOrigins(allowed []string, guests func() bool) *origins {
	o := &origins{guests: guests}
	for _, a := range allowed {
		if n, host, err := normalOrigin(a); err == nil { // CheckOrigin has refused others
			o.allowed, o.hosts = append(o.allowed, n), append(o.hosts, host)
		}
	}
	return o
}

// CheckOrigin reports what is wrong with an entry of Config.Origins, or nil.
func CheckOrigin(s string) error {
	_, _, err := normalOrigin(s)
	return err
}

// normalOrigin gives an origin in the one form in which two are compared, and its
// host: in lower case, without the port that its scheme has anyway.
func normalOrigin(s string) (origin, host string, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", "", fmt.Errorf("origin: %.80q is none; write scheme and host, with the port if it is not the usual one, as https://example.com", s)
	}
	if strings.Contains(u.Host, "*") {
		return "", "", fmt.Errorf("origin: %.80q has a *; name each origin", s)
	}
	host = normalHost(u.Host, u.Scheme)
	return strings.ToLower(u.Scheme) + "://" + host, host, nil
}

func normalHost(host, scheme string) string {
	host = strings.ToLower(host)
	switch strings.ToLower(scheme) {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return host
}

// check says why a request's origin may not use the hub, or gives the origin to
// name in the answer to a request that crosses origins.
func (o *origins) check(r *http.Request) (cross string, err error) {
	if err := o.checkHost(r); err != nil {
		return "", err
	}
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		return "", checkSite(r)
	}
	if len(sent) > 1 {
		return "", room.Errorf(room.CodeForbidden, "Origin: is sent %d times", len(sent))
	}
	origin, host, err := normalOrigin(sent[0])
	if err != nil {
		return "", room.Errorf(room.CodeForbidden, "Origin: %.80q names no page that may use this hub", sent[0])
	}
	if scheme, _, _ := strings.Cut(origin, "://"); host == normalHost(r.Host, scheme) && (scheme == "http" || scheme == "https") {
		return "", nil // the scheme is for whoever ends TLS to know
	}
	if slices.Contains(o.allowed, origin) {
		return sent[0], nil
	}
	return "", room.Errorf(room.CodeForbidden, "Origin: pages of %.80q may not use this hub; the operator can allow them with --origin", sent[0])
}

// checkSite refuses what a browser sends for another site without Origin: images,
// frames and the like.
func checkSite(r *http.Request) error {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "same-origin", "none":
		return nil
	default:
		return room.Errorf(room.CodeForbidden, "Sec-Fetch-Site: %.20q: other sites may not use this hub without an Origin", site)
	}
}

// checkHost refuses a name of this machine that is not its own; see guests.
func (o *origins) checkHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || loopbackHost(r.Host) || !o.guests() {
		return nil
	}
	host := strings.ToLower(r.Host)
	if slices.ContainsFunc(o.hosts, func(h string) bool {
		return h == host || h == normalHost(host, "http") || h == normalHost(host, "https")
	}) {
		return nil
	}
	return room.Errorf(room.CodeForbidden, "Host: %.80q is not a name of this machine; if a proxy serves it, set --origin to what browsers see, as https://example.com", r.Host)
}

func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
