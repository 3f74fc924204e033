package yjs

// Split parts a struct before each of the units at, which ascend and are all above 0
// and below s.Len, in time that grows with the struct alone. The parts are what Cut
// and Truncate would give, the first one first.
func (s *Struct) Split(at []uint64) []Struct {
	parts := make([]Struct, 0, len(at)+1)
	p := newPieces(s)
	done := uint64(0)
	for _, n := range at {
		parts = append(parts, p.take(n-done, true))
		done = n
	}
	return append(parts, p.take(s.Len-done, true))
}

// AppendJSONNumber writes a number as JSON.stringify does: what is not finite is null.
func AppendJSONNumber(dst []byte, f float64) []byte { return appendNumber(dst, f) }

// AppendJSONString writes valid UTF-8 as JSON.stringify does: nothing is escaped that
// need not be.
func AppendJSONString(dst, s []byte) []byte { return appendQuoted(dst, s) }

// AppendAnyNumber writes a number as lib0's "any", in the form that lib0 chooses.
func AppendAnyNumber(dst []byte, f float64) []byte { return appendAnyNumber(dst, f) }

// EachStruct decodes the structs of an update of version 1, one after the other, without
// keeping them: the one that is handed out is good until the next one, and its slices
// alias data. The error is an *Error; what was handed out before it is not to be used.
func EachStruct(data []byte, limits Limits, each func(*Struct)) error {
	r := limits.withDefaults().reader(data)
	r.structs(each)
	if r.err != nil {
		return r.err
	}
	return nil
}
