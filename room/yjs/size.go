package yjs

// What the parts of a store cost beside the bytes in them.
const (
	clientOverhead = 96 // with its place in the map
	blockOverhead  = 48
	leafOverhead   = 24
	spanSize       = 16
)

// Size is about how many bytes of memory the store holds: for a document that few have
// edited 1.3 to 1.6 times its snapshot, and about 170 bytes more for each client. A
// bound on documents is best put on it, since a delete set or thousands of clients cost
// memory without making the text longer. It looks at every block, so it is not for each
// update.
func (s *Store) Size() int {
	n := s.pending.bytes
	for _, c := range s.clients {
		n += clientOverhead
		for i := range c.blocks {
			n += blockOverhead + cap(c.blocks[i].buf)
		}
		for _, leaf := range c.deleted.leaves {
			n += leafOverhead + spanSize*cap(leaf)
		}
	}
	return n
}
