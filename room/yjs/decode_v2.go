package yjs

// DecodeV2 decodes an update of version 2. Its embeds and attributes become the JSON
// texts that version 1 has. The result aliases data. The error is an *Error.
//
// A few bytes of version 2 can stand for MaxStructs structs; where the bytes are a
// stranger's, ConvertV2ToV1 is the cheaper way.
func DecodeV2(data []byte, limits Limits) (*Update, error) {
	u := &Update{}
	err := readV2(data, limits,
		func(_, _ uint64, _ int) {},
		func(s *Struct) bool { u.add(s); return true },
		func(d Range) { u.Deletes = append(u.Deletes, d) })
	if err != nil {
		return nil, err
	}
	return u, nil
}

// readV2 reads an update of version 2: the head of each client's structs, each struct
// of it, and the delete ranges. It ends where each gives false.
func readV2(data []byte, limits Limits, head func(client, clock uint64, structs int), each func(*Struct) bool, deletes func(Range)) error {
	c := newColumns(limits.withDefaults().reader(data))
	budget := c.rest.limits.MaxStructs
	for n := c.rest.count("clients", 2); n > 0 && c.fault() == nil; n-- {
		c.client(&budget, head, each)
	}
	if err := c.fault(); err != nil {
		return err
	}
	c.deletes(deletes)
	c.rest.end()
	if err := c.fault(); err != nil {
		return err
	}
	return nil
}

// columns read the structs of an update of version 2.
type columns struct {
	rest        *reader // what is in no column
	keyClocks   diffColumn
	clients     uintColumn
	leftClocks  diffColumn
	rightClocks diffColumn
	infos       byteColumn
	strings     stringColumn
	parentInfos byteColumn
	typeRefs    uintColumn
	lengths     uintColumn

	keys [][]byte // the names of attributes and elements so far
}

func newColumns(r *reader) *columns {
	if feature := r.byte(); feature != 0 && r.err == nil {
		r.pos--
		r.failf(Malformed, "feature flag %d; it should be 0", feature)
	}
	column := func() reader { return newReader(r.bytes(), r.limits) }
	return &columns{
		rest:        r,
		keyClocks:   diffColumn{reader: column()},
		clients:     uintColumn{reader: column()},
		leftClocks:  diffColumn{reader: column()},
		rightClocks: diffColumn{reader: column()},
		infos:       byteColumn{reader: column()},
		strings:     newStringColumn(column()),
		parentInfos: byteColumn{reader: column()},
		typeRefs:    uintColumn{reader: column()},
		lengths:     uintColumn{reader: column()},
	}
}

// fault gives the fault of whichever column has one.
func (c *columns) fault() *Error {
	for _, err := range [...]*Error{
		c.rest.err, c.keyClocks.err, c.clients.err, c.leftClocks.err, c.rightClocks.err,
		c.infos.err, c.strings.lengths.err, c.parentInfos.err, c.typeRefs.err, c.lengths.err,
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *columns) client(budget *int, head func(client, clock uint64, structs int), each func(*Struct) bool) {
	n := c.rest.uvarint()
	if n > uint64(*budget) {
		c.rest.failf(TooLarge, "%d structs announced, beyond the %d of an update", n, c.rest.limits.MaxStructs)
		return
	}
	*budget -= int(n)
	id := ID{Client: c.clients.next(), Clock: c.rest.safe("a clock")}
	head(id.Client, id.Clock, int(n))
	var s Struct
	for range n {
		c.structV2(&s, id)
		if c.fault() != nil {
			return
		}
		id.Clock += s.Len
		if s.Len > 0 && !each(&s) {
			c.rest.failf(TooLarge, "the update is beyond %d bytes in version 1", c.rest.limits.MaxBytes)
		}
	}
}

func (c *columns) structV2(s *Struct, id ID) {
	info := c.infos.next()
	*s = Struct{ID: id, Ref: Ref(info & infoRef)}
	switch s.Ref {
	case RefGC:
		s.Len = c.lengths.next()
	case RefSkip:
		s.Len = c.rest.safe("a length")
	default:
		c.origins(s, info)
		c.content(s)
	}
	c.rest.checkEnd(id.Clock, s.Len)
}

func (c *columns) origins(s *Struct, info byte) {
	s.HasOrigin, s.HasRightOrigin, s.HasSub = info&infoOrigin != 0, info&infoRightOrigin != 0, info&infoSub != 0
	if s.HasOrigin {
		s.Origin = ID{Client: c.clients.next(), Clock: c.leftClocks.next()}
	}
	if s.HasRightOrigin {
		s.RightOrigin = ID{Client: c.clients.next(), Clock: c.rightClocks.next()}
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		if c.parentInfos.next() == 1 {
			s.Parent = Parent{Kind: ParentRoot, Root: c.strings.next()}
		} else {
			s.Parent = Parent{Kind: ParentItem, ID: ID{Client: c.clients.next(), Clock: c.leftClocks.next()}}
		}
		if s.HasSub {
			s.Sub = c.strings.next()
		}
	}
	c.rest.checkOrigins(s)
}

func (c *columns) content(s *Struct) {
	content := &s.Content
	s.Len = 1
	switch s.Ref {
	case RefDeleted:
		s.Len = c.lengths.next()
	case RefJSON:
		s.Len, content.Data = c.jsonValues()
	case RefBinary:
		content.Data = c.rest.bytes()
	case RefString:
		content.Data = c.strings.next()
		s.Len = utf16Len(content.Data)
	case RefEmbed:
		content.Data = c.json()
	case RefFormat:
		content.Key = c.key()
		content.Data = c.json()
	case RefType:
		c.sharedType(content)
	case RefAny:
		s.Len, content.Data = c.anyValues()
	case RefDoc:
		content.Key = c.strings.next()
		content.Data = c.rest.any()
	default:
		c.rest.failf(Malformed, "a struct of kind %d; it should be 0 to 10", s.Ref)
	}
}

func (c *columns) sharedType(content *Content) {
	ref := c.typeRefs.next()
	if ref > uint64(TypeXMLText) {
		c.rest.failf(Malformed, "a shared type of kind %d; it should be 0 to 6", ref)
		return
	}
	content.Type = TypeRef(ref)
	if content.Type.named() {
		content.Key = c.key()
	}
}

// key reads a name, or refers to one that was read before.
func (c *columns) key() []byte {
	if i := c.keyClocks.next(); i < uint64(len(c.keys)) {
		return c.keys[i]
	}
	key := c.strings.next()
	c.keys = append(c.keys, key)
	return key
}

// jsonValues reads the texts of a RefJSON, and gives them as version 1 has them.
func (c *columns) jsonValues() (n uint64, data []byte) {
	n = c.lengths.next()
	for range n {
		text := c.strings.next()
		if string(text) != "undefined" {
			c.rest.checkJSON(text, c.rest.pos)
		}
		if c.fault() != nil {
			return 0, nil
		}
		data = appendBytes(data, text)
	}
	return n, data
}

func (c *columns) anyValues() (n uint64, data []byte) {
	n = c.lengths.next()
	if n > uint64(c.rest.remaining()) {
		c.rest.failf(Truncated, "%d values announced; the %d bytes that follow cannot hold them", n, c.rest.remaining())
		return 0, nil
	}
	at := c.rest.pos
	for range n {
		if c.rest.skipAny(c.rest.limits.MaxDepth); c.rest.err != nil {
			return 0, nil
		}
	}
	return n, c.rest.data[at:c.rest.pos:c.rest.pos]
}

// json reads a value and gives it as the JSON text of version 1.
func (c *columns) json() []byte {
	at := c.rest.pos
	value := c.rest.any()
	if c.rest.err != nil {
		return nil
	}
	text, err := appendJSON(nil, value)
	if err != nil {
		c.rest.pos = at
		c.rest.failf(Malformed, "%v", err)
	}
	return text
}

// deletes reads the delete set, whose clocks are counted from range to range.
func (c *columns) deletes(each func(Range)) {
	r := c.rest
	budget := r.limits.MaxDeletes
	for n := r.count("clients of the delete set", 2); n > 0 && r.err == nil; n-- {
		client, clock := r.safe("a client id"), uint64(0)
		ranges := r.count("delete ranges", 2)
		if ranges > budget {
			r.failf(TooLarge, "%d delete ranges announced, beyond the %d of an update", ranges, r.limits.MaxDeletes)
			return
		}
		budget -= ranges
		for ; ranges > 0 && r.err == nil; ranges-- {
			clock += r.safe("a clock")
			length := r.safe("a length") + 1
			if clock > maxSafe || length > maxSafe-clock {
				r.failf(Malformed, "a delete range reaches beyond 2^53-1")
				return
			}
			if r.err == nil {
				each(Range{Client: client, Clock: clock, Len: length})
			}
			clock += length
		}
	}
}
