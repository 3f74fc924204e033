package main

import (
	"sync"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// codecFaults are what a hub can tell wrongly of who is in a room. Each is a codec
// around the real one.
var codecFaults = map[string]func(hub.Codec) hub.Codec{
	"shows a ghost":  func(c hub.Codec) hub.Codec { return &showsGhost{Codec: c} },
	"misses a leave": func(c hub.Codec) hub.Codec { return &missesLeave{Codec: c} },
}

// showsGhost tells of everybody who left that they are back.
type showsGhost struct {
	hub.Codec
	mu   sync.Mutex
	left map[string][]room.Member // by room
}

// Append encodes a push, or a lie.
func (s *showsGhost) Append(dst []byte, p hub.Push) (out []byte, message int) {
	push, ok := p.(hub.PresencePush)
	if !ok {
		return s.Codec.Append(dst, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == nil {
		s.left = make(map[string][]room.Member)
	}
	push.Joined = append(push.Joined[:len(push.Joined):len(push.Joined)], s.left[push.Room]...)
	s.left[push.Room] = push.Left
	return s.Codec.Append(dst, push)
}

// missesLeave keeps each third leave to itself.
type missesLeave struct {
	hub.Codec
	mu sync.Mutex
	n  int
}

// Append encodes a push, or not all of it.
func (m *missesLeave) Append(dst []byte, p hub.Push) (out []byte, message int) {
	push, ok := p.(hub.PresencePush)
	if !ok || len(push.Left) == 0 {
		return m.Codec.Append(dst, p)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n++; m.n%3 == 0 {
		push.Left = nil
	}
	return m.Codec.Append(dst, push)
}
