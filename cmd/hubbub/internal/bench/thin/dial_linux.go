package thin

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The key of the opening handshake and the answer to it. One for all is enough: no
// cache stands between a generator of load and its server.
const (
	handshakeKey    = "aHViYnViLWJlbmNoLWtleQ=="
	handshakeAccept = "Zgf1O17XdkvPy9U+UPNyLvIYhGA="
)

// perSource is how many connections leave from one address before the next one is
// taken: a source address has about 28,000 ports for each server.
const perSource = 20_000

// Target is where connections go.
type Target struct {
	addr        unix.Sockaddr
	family      int
	loopback    bool
	request     []byte
	subprotocol string
}

// NewTarget resolves a ws:// URL. A query and a path are kept; subprotocol may be
// empty.
func NewTarget(rawURL, subprotocol string) (*Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("URL %q: %w", rawURL, err)
	}
	if u.Scheme != "ws" && u.Scheme != "http" {
		return nil, fmt.Errorf("URL %q: the scheme must be ws: TLS would measure this client's cryptography as well", rawURL)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	resolved, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("URL %q: %w", rawURL, err)
	}
	t := &Target{subprotocol: subprotocol}
	t.setAddr(resolved.AddrPort())
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
		u.RequestURI(), u.Host, handshakeKey)
	if subprotocol != "" {
		fmt.Fprintf(&b, "Sec-WebSocket-Protocol: %s\r\n", subprotocol)
	}
	b.WriteString("\r\n")
	t.request = b.Bytes()
	return t, nil
}

func (t *Target) setAddr(to netip.AddrPort) {
	addr := to.Addr().Unmap()
	t.loopback = addr.IsLoopback()
	if addr.Is4() {
		t.family, t.addr = unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: addr.As4()}
		return
	}
	t.family, t.addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(to.Port()), Addr: addr.As16()}
}

// RefusedError is an answer to the upgrade other than 101.
type RefusedError struct {
	Status     int
	RetryAfter time.Duration // as the answer has it; 0: not said
	Text       string        // the beginning of what it says
}

// Error gives the status and what the server says.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the server does not open a WebSocket here: %d %s", e.Status, e.Text)
}

func refusal(status, fields string, body []byte) error {
	e := &RefusedError{Text: fmt.Sprintf("%.200s", strings.TrimSpace(string(body)))}
	if _, rest, ok := strings.Cut(status, " "); ok {
		number, _, _ := strings.Cut(rest, " ")
		e.Status, _ = strconv.Atoi(number) // 0 if it is none: the text tells
	}
	for field := range strings.SplitSeq(fields, "\r\n") {
		if name, value, _ := strings.Cut(field, ":"); strings.EqualFold(name, "Retry-After") {
			seconds, _ := strconv.Atoi(strings.TrimSpace(value))
			e.RetryAfter = time.Duration(seconds) * time.Second
		}
	}
	return e
}

// check judges the answer to the upgrade.
func (t *Target) check(head, body []byte) error {
	status, fields, _ := strings.Cut(string(head), "\r\n")
	if !strings.HasPrefix(status, "HTTP/1.1 101") {
		return refusal(status, fields, body)
	}
	agreed := ""
	accepted := false
	for field := range strings.SplitSeq(fields, "\r\n") {
		name, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "sec-websocket-accept":
			accepted = value == handshakeAccept
		case "sec-websocket-protocol":
			agreed = value
		case "sec-websocket-extensions":
			return fmt.Errorf("the server wants the extension %s, for which it was not asked", value)
		}
	}
	switch {
	case !accepted:
		return errors.New("the server's Sec-WebSocket-Accept is missing or wrong")
	case agreed != t.subprotocol:
		return fmt.Errorf("the server agreed on the subprotocol %q; asked for was %q", agreed, t.subprotocol)
	}
	return nil
}

// connect makes the socket and sends it on its way; what is to be said first waits
// in out. index counts the connections of the loop.
func (c *Conn) connect(index int) (err error) {
	t := c.target
	c.fd, err = unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	c.loop.place(c)
	if err := c.prepare(index); err != nil {
		return err
	}
	if err := unix.Connect(c.fd, t.addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	c.out = append(c.out, t.request...)
	if err := c.watch(unix.EPOLL_CTL_ADD); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// smallSegment is the most bytes of a segment to a peer that is to hold little, as on
// Ethernet.
const smallSegment = 1400

// prepare sets the socket's options, and its source address where one address has
// not enough ports: on loopback every 127.x.y.z is ours.
func (c *Conn) prepare(index int) error {
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	if c.buffer > 0 {
		if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, c.buffer); err != nil {
			return fmt.Errorf("SO_RCVBUF: %w", err)
		}
		// Loopback's segments of 64 KiB would give the other side's send buffer megabytes.
		if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, smallSegment); err != nil {
			return fmt.Errorf("TCP_MAXSEG: %w", err)
		}
	}
	nth := index / perSource % 250
	if nth == 0 || !c.target.loopback || c.target.family != unix.AF_INET {
		return nil
	}
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	from := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, byte(nth)}}
	if err := unix.Bind(c.fd, from); err != nil {
		return fmt.Errorf("bind to 127.0.1.%d: %w", nth, err)
	}
	return nil
}
