package yjs

import "encoding/binary"

// Snapshot gives the whole document as one update of version 1, as small as it gets
// without knowing the order of the inserts:
//
//   - Items that continue one another are one item.
//   - Content that is deleted is replaced by its length (RefDeleted).
//   - What stood in a shared type that is deleted becomes a RefGC, as does what was
//     inserted beside such an item, whether or not a delete names it: Yjs deletes it
//     as soon as it sees it.
//
// What Yjs deletes by itself for other reasons stays: a map's value that lost against
// one of another client, until somebody's delete set names it. What waits for others
// is given as it came. A client that knows the document already learns nothing new from
// a snapshot; one that knows nothing of it comes to the state that all have.
func (s *Store) Snapshot() []byte {
	gone := s.orphans()
	var out, group []byte
	groups := uint64(0)
	deleted := make(map[uint64]*rangeSet, len(s.clients))
	for _, id := range s.known() {
		c := s.clients[id]
		if c == nil || c.end == 0 {
			if whole := s.appendGroup(out, id, 0); len(whole) > len(out) {
				out = whole
				groups++
			}
			continue
		}
		packed, dead := c.compact(gone)
		deleted[id] = dead
		waiting := s.pending.from(id, c.end)
		n := uint64(packed.n) + uint64(len(waiting)+gaps(waiting))
		if len(waiting) > 0 && waiting[0].ID.Clock > c.end {
			n++
		}
		group = appendStructs(append(group[:0], packed.buf...), waiting, c.end)
		out = appendID(binary.AppendUvarint(out, n), ID{Client: id})
		groups++
		out = append(out, group...)
	}
	return s.appendDeleteSet(append(binary.AppendUvarint(nil, groups), out...), deleted)
}
