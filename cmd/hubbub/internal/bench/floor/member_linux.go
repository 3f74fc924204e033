package floor

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/thin"
)

// member is one connection.
type member struct {
	fd    int // -1: cut
	slot  int32
	index int   // its place in the room's list
	room  *room // nil until the handshake is done

	frames thin.Frames
	rest   []byte // the part of a frame that has come
	out    []byte // what the socket has not taken
}

// read takes what has come.
func (s *Server) read(m *member) {
	kept := copy(s.buf, m.rest)
	n, err := thin.Read(m.fd, s.buf[kept:])
	if errors.Is(err, unix.EAGAIN) {
		return
	}
	if err != nil || n == 0 {
		s.cut(m)
		return
	}
	got := s.buf[:kept+n]
	used := 0
	if m.room == nil {
		used = s.shakeHands(m, got)
	}
	for m.room != nil && m.fd >= 0 {
		msg, took, err := m.frames.Next(got[used:])
		if err != nil {
			s.cut(m)
			return
		}
		if took == 0 {
			break
		}
		used += took
		s.take(m, msg)
	}
	if m.fd >= 0 && used == 0 && len(got) == len(s.buf) {
		s.cut(m) // a frame longer than any that is taken
	}
	if m.fd >= 0 {
		m.rest = append(m.rest[:0], got[used:]...)
	}
}

// take puts a message into the room's round.
func (s *Server) take(m *member, msg thin.Message) {
	switch msg.Op {
	case thin.OpText, thin.OpBinary:
		if len(m.room.round) == 0 {
			s.stirred = append(s.stirred, m.room)
		}
		m.room.round = thin.AppendFrame(m.room.round, msg.Op, msg.Data)
	case thin.OpPing:
		s.write(m, thin.AppendFrame(nil, thin.OpPong, msg.Data))
	case thin.OpClose:
		s.write(m, thin.AppendFrame(nil, thin.OpClose, msg.Data))
		s.cut(m)
	}
}

// write writes what waits and then b, as far as the socket takes it.
func (s *Server) write(m *member, b []byte) {
	if m.fd < 0 {
		return
	}
	waited := len(m.out) > 0
	if waited {
		m.out = append(m.out, b...)
		b = m.out
	}
	if len(b) == 0 {
		return
	}
	n, err := thin.Write(m.fd, b)
	if err != nil && !errors.Is(err, unix.EAGAIN) || len(b)-n > maxWaiting {
		s.cut(m)
		return
	}
	if n == len(b) && !waited {
		return
	}
	m.out = append(m.out[:0], b[n:]...)
	if waits := len(m.out) > 0; waits != waited {
		s.watch(m, waits)
	}
}

func (s *Server) watch(m *member, out bool) {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: m.slot}
	if out {
		ev.Events |= unix.EPOLLOUT
	}
	if unix.EpollCtl(s.epoll, unix.EPOLL_CTL_MOD, m.fd, &ev) != nil {
		s.cut(m)
	}
}

// cut ends a connection. The slot is used again after the round, in which events
// of the old connection may still be.
func (s *Server) cut(m *member) {
	if m.fd < 0 {
		return
	}
	_ = unix.Close(m.fd)
	m.fd = -1
	s.members[m.slot] = nil
	s.freed = append(s.freed, m.slot)
	if r := m.room; r != nil {
		last := r.members[len(r.members)-1]
		r.members[m.index], last.index = last, m.index
		r.members = r.members[:len(r.members)-1]
		if len(r.members) == 0 {
			delete(s.rooms, r.name)
		}
	}
}

const notWebSocket = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nthis server speaks WebSocket only\n"

// shakeHands answers the opening handshake once it has come in full, puts the
// member into its room, and gives the length of the request.
func (s *Server) shakeHands(m *member, got []byte) int {
	end := bytes.Index(got, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	line, fields, _ := strings.Cut(string(got[:end]), "\r\n")
	name, key := roomOf(line), keyOf(fields)
	if key == "" {
		s.write(m, []byte(notWebSocket))
		s.cut(m)
		return 0
	}
	r := s.rooms[name]
	if r == nil {
		r = &room{name: name}
		s.rooms[name] = r
	}
	m.room, m.index = r, len(r.members)
	r.members = append(r.members, m)
	s.write(m, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+accept(key)+"\r\n\r\n"))
	return end + 4
}

// roomOf finds ?room= in "GET /?room=a HTTP/1.1".
func roomOf(line string) string {
	_, rest, _ := strings.Cut(line, " ")
	uri, _, _ := strings.Cut(rest, " ")
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return ""
	}
	return u.Query().Get("room")
}

func keyOf(fields string) string {
	for field := range strings.SplitSeq(fields, "\r\n") {
		name, value, _ := strings.Cut(field, ":")
		if strings.EqualFold(name, "Sec-WebSocket-Key") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// accept is the answer to a key, by RFC 6455.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
