package yjs

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// StateVector says up to which clock each client is known. Clients of clock 0 may be
// missing.
type StateVector map[uint64]uint64

// DecodeStateVector decodes a state vector. No bytes at all stand for the empty one.
// The error is an *Error.
func DecodeStateVector(data []byte, limits Limits) (StateVector, error) {
	if len(data) == 0 {
		return StateVector{}, nil
	}
	r := limits.withDefaults().reader(data)
	n := r.count("clients", 2)
	sv := make(StateVector, n)
	for ; n > 0 && r.err == nil; n-- {
		id := r.id()
		sv[id.Client] = id.Clock
	}
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return sv, nil
}

// Encode gives the bytes, with the clients in descending order as Yjs writes them.
func (sv StateVector) Encode() []byte {
	clients := slices.SortedFunc(maps.Keys(sv), func(a, b uint64) int { return cmp.Compare(b, a) })
	dst := binary.AppendUvarint(nil, uint64(len(clients)))
	for _, client := range clients {
		dst = appendID(dst, ID{Client: client, Clock: sv[client]})
	}
	return dst
}
