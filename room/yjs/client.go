package yjs

import (
	"slices"
	"sort"
)

// client is what a store has of one client.
type client struct {
	id, end uint64 // end is the clock that is expected next
	blocks  []block
	deleted rangeSet // also of clocks that are still to come
}

// append takes the struct that begins at c.end.
func (c *client) append(s *Struct) {
	c.end = s.End()
	last := len(c.blocks) - 1
	if last >= 0 && !c.blocks[last].fits(s) {
		c.pack(last)
		last = -1
	}
	if last < 0 {
		c.blocks = append(c.blocks, block{})
		last = len(c.blocks) - 1
	}
	c.blocks[last].add(s)
}

// blockEnd is the clock behind a block.
func (c *client) blockEnd(i int) uint64 {
	if i+1 < len(c.blocks) {
		return c.blocks[i+1].clock
	}
	return c.end
}

// blockAt gives the block that a clock below c.end stands in.
func (c *client) blockAt(clock uint64) int {
	return sort.Search(len(c.blocks), func(i int) bool { return c.blocks[i].clock > clock }) - 1
}

// delete notes that units are deleted, and gives how many of them had not been. Blocks
// of which much is deleted are packed.
func (c *client) delete(clock, end uint64) (fresh uint64) {
	c.deleted.add(clock, end, func(s span) {
		fresh += s.end - s.clock
		c.bury(s.clock, min(s.end, c.end))
	})
	return fresh
}

// bury counts deleted units against their blocks.
func (c *client) bury(clock, end uint64) {
	for clock < end {
		i := c.blockAt(clock)
		b := &c.blocks[i]
		stop := min(c.blockEnd(i), end)
		b.dead = uint32(min(uint64(b.dead)+stop-clock, 1<<31))
		clock = stop
		units := c.blockEnd(i) - b.clock
		if waste := float64(b.dead) * float64(len(b.buf)) / float64(units); waste > 256+float64(len(b.buf))/4 {
			c.pack(i)
		}
	}
}

// pack rewrites a block without what is deleted, and joins it to its neighbours where
// they are small.
func (c *client) pack(i int) {
	last := i
	if c.blocks[i].dead > 0 {
		packed := c.blocks[i].pack(c.id, &c.deleted)
		c.blocks = slices.Replace(c.blocks, i, i+1, packed...)
		last += len(packed) - 1
	}
	for at := i; at <= last; at++ {
		if b := &c.blocks[at]; cap(b.buf)-len(b.buf) > len(b.buf)/8 {
			b.buf = slices.Clone(b.buf)
		}
	}
	if last+1 < len(c.blocks) {
		c.unite(last)
	}
	if i > 0 {
		c.unite(i - 1)
	}
}

// unite joins a block with the one behind it if both are small.
func (c *client) unite(i int) {
	a, b := &c.blocks[i], &c.blocks[i+1]
	if len(a.buf)+len(b.buf) <= blockSize {
		a.concat(c.id, b)
		c.blocks = slices.Delete(c.blocks, i+1, i+2)
	}
}

// from gives the structs from a clock on: how many, the first of them, cut to begin
// there, and the bytes of the others, block by block.
func (c *client) from(clock uint64) (n uint64, first Struct, rest [][]byte) {
	i := c.blockAt(clock)
	b := &c.blocks[i]
	seen := uint32(0)
	tail := b.buf
	b.structs(c.id, func(s *Struct, end int) bool {
		seen++
		if s.End() <= clock {
			return true
		}
		if first = *s; s.ID.Clock < clock {
			first.Cut(clock - s.ID.Clock)
		}
		tail = b.buf[end:]
		return false
	})
	n = uint64(b.n - seen + 1)
	rest = append(rest, tail)
	for _, later := range c.blocks[i+1:] {
		n += uint64(later.n)
		rest = append(rest, later.buf)
	}
	return n, first, rest
}
