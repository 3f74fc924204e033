package yjs

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// Diff gives what is missing to somebody who knows a state vector, as an update of
// version 1: the structs behind it, those that wait, and the whole delete set, since
// a state vector says nothing about deletes. No bytes stand for the empty vector. The
// error, of a vector that is malformed, is an *Error.
func (s *Store) Diff(stateVector []byte) ([]byte, error) {
	sv, err := DecodeStateVector(stateVector, s.limits)
	if err != nil {
		return nil, err
	}
	return s.diff(sv), nil
}

func (s *Store) diff(sv StateVector) []byte {
	var out []byte
	groups := uint64(0)
	for _, id := range s.known() {
		if group := s.appendGroup(out, id, sv[id]); len(group) > len(out) {
			out = group
			groups++
		}
	}
	return s.appendDeleteSet(append(binary.AppendUvarint(nil, groups), out...), nil)
}

// known gives the ids of all clients of which there are structs, in descending order.
func (s *Store) known() []uint64 {
	ids := make([]uint64, 0, len(s.clients))
	for id, c := range s.clients {
		if c.end > 0 || s.pending.clients[id] != nil {
			ids = append(ids, id)
		}
	}
	for id := range maps.Keys(s.pending.clients) {
		if s.clients[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uint64) int { return cmp.Compare(b, a) })
	return ids
}

// appendGroup appends a client's structs from a clock on, or nothing if there are none.
func (s *Store) appendGroup(dst []byte, id, clock uint64) []byte {
	end := s.state(id)
	waiting := s.pending.from(id, max(clock, end))
	if end <= clock {
		if len(waiting) == 0 {
			return dst
		}
		dst = binary.AppendUvarint(dst, uint64(len(waiting)+gaps(waiting)))
		return appendStructs(appendID(dst, waiting[0].ID), waiting, waiting[0].ID.Clock)
	}
	n, first, rest := s.clients[id].from(clock)
	if len(waiting) > 0 {
		n += uint64(len(waiting) + gaps(waiting))
		if waiting[0].ID.Clock > end {
			n++
		}
	}
	dst = appendID(binary.AppendUvarint(dst, n), first.ID)
	dst = appendStruct(dst, &first)
	for _, b := range rest {
		dst = append(dst, b...)
	}
	return appendStructs(dst, waiting, end)
}

// appendStructs appends structs of one client that begin at a clock, with a Skip where
// there is a gap.
func appendStructs(dst []byte, structs []Struct, clock uint64) []byte {
	for i := range structs {
		s := &structs[i]
		if s.ID.Clock > clock {
			dst = appendSkip(dst, s.ID.Clock-clock)
		}
		dst = appendStruct(dst, s)
		clock = s.End()
	}
	return dst
}

// appendDeleteSet appends all that is deleted. What stands in instead counts in place
// of the client's own set.
func (s *Store) appendDeleteSet(dst []byte, instead map[uint64]*rangeSet) []byte {
	var sets []byte
	n := uint64(0)
	for _, c := range s.descending() {
		deleted := &c.deleted
		if other := instead[c.id]; other != nil {
			deleted = other
		}
		if len(deleted.leaves) == 0 {
			continue
		}
		n++
		sets = binary.AppendUvarint(binary.AppendUvarint(sets, c.id), uint64(deleted.count()))
		for d := range deleted.spans {
			sets = binary.AppendUvarint(binary.AppendUvarint(sets, d.clock), d.end-d.clock)
		}
	}
	return append(binary.AppendUvarint(dst, n), sets...)
}
