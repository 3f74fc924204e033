package yjs

import (
	"cmp"
	"slices"
)

// Merge gives several updates of version 1 as one, without joining what could be
// joined: a Skip stands where something between two structs of a client is missing.
// The error is an *Error, with the offset within the update that has the fault.
func Merge(limits Limits, updates ...[]byte) ([]byte, error) {
	var all Update
	for _, data := range updates {
		u, err := DecodeV1(data, limits)
		if err != nil {
			return nil, err
		}
		all.Structs = append(all.Structs, u.Structs...)
		all.Deletes = append(all.Deletes, u.Deletes...)
	}
	all.Structs = disjoint(all.Structs)
	return all.EncodeV1(), nil
}

// disjoint sorts structs as Yjs writes them, leaves the Skips out, and cuts off what
// two structs have in common.
func disjoint(structs []Struct) []Struct {
	slices.SortStableFunc(structs, func(a, b Struct) int {
		return cmp.Or(cmp.Compare(b.ID.Client, a.ID.Client), cmp.Compare(a.ID.Clock, b.ID.Clock))
	})
	out := structs[:0]
	for _, s := range structs {
		if s.Ref == RefSkip {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].ID.Client == s.ID.Client && out[last].End() > s.ID.Clock {
			if s.End() <= out[last].End() {
				continue
			}
			s.Cut(out[last].End() - s.ID.Clock)
		}
		out = append(out, s)
	}
	return out
}

// DiffUpdate gives what an update of version 1 has for somebody who knows a state
// vector: the structs behind it, and the whole delete set. The error is an *Error.
func DiffUpdate(update, stateVector []byte, limits Limits) ([]byte, error) {
	sv, err := DecodeStateVector(stateVector, limits)
	if err != nil {
		return nil, err
	}
	u, err := DecodeV1(update, limits)
	if err != nil {
		return nil, err
	}
	out := u.Structs[:0]
	for _, s := range u.Structs {
		clock := sv[s.ID.Client]
		if s.Ref == RefSkip || s.End() <= clock {
			continue
		}
		if s.ID.Clock < clock {
			s.Cut(clock - s.ID.Clock)
		}
		out = append(out, s)
	}
	u.Structs = out
	return u.EncodeV1(), nil
}
