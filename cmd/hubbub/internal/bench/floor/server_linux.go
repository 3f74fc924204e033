package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/thin"
)

const (
	eventsAtOnce = 512
	acceptsAtime = 64
	backlog      = 4096
	maxWaiting   = 64 << 20 // bytes that may wait for one member before it is cut
	waitMillis   = 100      // for events, before looking whether to end
	listenerSlot = -1
)

// Server is the floor. It speaks the raw protocol: a text or binary message of a
// member goes to every member of its room, itself too, as it is.
type Server struct {
	// static after Listen
	epoll, listener int
	addr            netip.AddrPort

	// owned by Serve
	buf     []byte
	events  []unix.EpollEvent
	members []*member // by slot
	spare   []int32
	freed   []int32 // slots that are free as soon as the round is over
	rooms   map[string]*room
	stirred []*room // those with something to write
}

// room is its members and what has gathered for them in this round.
type room struct {
	name    string
	members []*member
	round   []byte
}

// Listen opens the port: host:port with a literal IPv4 address, port 0 for any.
func Listen(addr string) (*Server, error) {
	want, err := netip.ParseAddrPort(addr)
	if err != nil || !want.Addr().Is4() {
		return nil, fmt.Errorf("address %q: give an IPv4 address and a port, as 127.0.0.1:8090", addr)
	}
	s := &Server{
		epoll: -1, buf: make([]byte, thin.MaxMessage+64),
		events: make([]unix.EpollEvent, eventsAtOnce), rooms: make(map[string]*room),
	}
	s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := s.listen(want); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen(want netip.AddrPort) error {
	if err := unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("SO_REUSEADDR: %w", err)
	}
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: want.Addr().As4(), Port: int(want.Port())}); err != nil {
		return fmt.Errorf("listen on %s: %w", want, err)
	}
	if err := unix.Listen(s.listener, backlog); err != nil {
		return fmt.Errorf("listen on %s: %w", want, err)
	}
	bound, err := unix.Getsockname(s.listener)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", want, err)
	}
	if in4, ok := bound.(*unix.SockaddrInet4); ok {
		s.addr = netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), uint16(in4.Port))
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: listenerSlot}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.listener, &ev); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// Addr tells where it listens.
func (s *Server) Addr() net.Addr { return net.TCPAddrFromAddrPort(s.addr) }

// Close ends the listener and every connection. Serve must have returned.
func (s *Server) Close() error {
	for _, m := range s.members {
		if m != nil {
			s.cut(m)
		}
	}
	err := unix.Close(s.listener)
	if s.epoll >= 0 {
		err = errors.Join(err, unix.Close(s.epoll))
	}
	return err
}

// Serve serves until ctx ends, on this goroutine's thread.
func (s *Server) Serve(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		n, err := thin.WaitEpoll(s.epoll, s.events, waitMillis)
		if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, ev := range s.events[:n] {
			s.handle(ev)
		}
		s.fanOut()
		s.spare, s.freed = append(s.spare, s.freed...), s.freed[:0]
	}
	return nil
}

func (s *Server) handle(ev unix.EpollEvent) {
	if ev.Fd == listenerSlot {
		s.accept()
		return
	}
	m := s.members[ev.Fd]
	if m != nil && ev.Events&unix.EPOLLOUT != 0 {
		s.write(m, nil)
	}
	if m != nil && m.fd >= 0 && ev.Events&^unix.EPOLLOUT != 0 {
		s.read(m)
	}
}

// accept takes some of those who knock; the listener stays readable for the rest.
func (s *Server) accept() {
	for range acceptsAtime {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // nobody any more, or out of descriptors: whoever waits, waits on
		}
		m := &member{fd: fd}
		m.frames.FromClient = true
		s.place(m)
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: m.slot}
		if unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) != nil ||
			unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &ev) != nil {
			s.cut(m)
		}
	}
}

func (s *Server) place(m *member) {
	if n := len(s.spare); n > 0 {
		m.slot, s.spare = s.spare[n-1], s.spare[:n-1]
		s.members[m.slot] = m
		return
	}
	m.slot = int32(len(s.members))
	s.members = append(s.members, m)
}

// fanOut ends the round: one write a member with all that its room has gathered.
func (s *Server) fanOut() {
	for _, r := range s.stirred {
		for i := len(r.members) - 1; i >= 0; i-- { // downwards: a member that is cut is replaced by the last
			s.write(r.members[i], r.round)
		}
		r.round = r.round[:0]
	}
	s.stirred = s.stirred[:0]
}
