package yjs

// Limits bound what one call takes in. A zero field stands for its default.
type Limits struct {
	// MaxBytes is the size of an update, a message or a state vector: 64 MiB.
	MaxBytes int
	// MaxStructs is the number of structs in an update, as announced: 500,000. A long
	// document has about one for every ten to twenty characters typed.
	MaxStructs int
	// MaxDeletes is the number of delete ranges in an update, as announced: 500,000.
	MaxDeletes int
	// MaxDepth is how deep the values of an update may be nested: 128. It bounds each
	// value (an attribute, an array's element), not the tree of shared types.
	MaxDepth int
	// MaxPending is the size in bytes of the structs that a Store keeps while what
	// they refer to has not come: 16 MiB.
	MaxPending int
	// MaxStates is the number of clients in an awareness message, and in an Awareness:
	// 10,000.
	MaxStates int
	// MaxStateBytes is the size of a client's awareness state: 64 KiB.
	MaxStateBytes int
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.MaxBytes, 64<<20)
	set(&l.MaxStructs, 500_000)
	set(&l.MaxDeletes, 500_000)
	set(&l.MaxDepth, 128)
	set(&l.MaxPending, 16<<20)
	set(&l.MaxStates, 10_000)
	set(&l.MaxStateBytes, 64<<10)
	return l
}

// reader gives a reader of data, which has already failed if it is too large.
func (l Limits) reader(data []byte) *reader {
	r := newReader(data, l)
	r.checkSize()
	return &r
}
