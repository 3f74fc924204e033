package transport

import "math"

// hold is a place that is kept for an answer, and what waits behind it. An answer that
// has to stand before everything newer gets its place under a room's lock, and is
// encoded and compressed without: for what is large that takes milliseconds.
type hold struct {
	on     bool
	behind []byte // whole frames
	full   bool   // there was more than a peer may have waiting
}

// hold keeps the place of an answer. What is sent from now on goes behind it.
func (s *sender) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.on = s.state == sendOpen
}

// fill sends the answer whose place was kept, and what is behind it. It is false if that
// became more than a peer may have waiting: then nothing was sent, and nothing is but
// the goodbye, which is due.
func (s *sender) fill(answer []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.held
	s.held = hold{}
	switch {
	case !held.on || s.state != sendOpen:
		return true
	case held.full && s.lag != nil:
		s.cut(excessBytes)
		return false
	case held.full: // what is newer than what was dropped must not go out either
		s.state = sendCut
		s.excess, s.waited = excessBytes, uint32(min(s.most, math.MaxInt32))
		return false
	}
	s.answer(answer)
	if len(held.behind) > 0 {
		s.write(held.behind)
		s.bounded()
	}
	return true
}

// keepBehind takes what goes behind an answer that is not there yet. mu is held.
func (s *sender) keepBehind(p []byte) {
	if s.held.full = s.held.full || len(s.held.behind)+len(p) > s.most; s.held.full {
		s.held.behind = nil
		return
	}
	s.held.behind = append(s.held.behind, p...)
}
