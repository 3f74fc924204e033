package yjs

import "encoding/binary"

// ConvertV2ToV1 gives an update of version 2 as one of version 1, struct for struct.
// It is refused where that would be larger than limits.MaxBytes: version 2 may name
// long keys in few bytes. The error is an *Error.
func ConvertV2ToV1(data []byte, limits Limits) ([]byte, error) {
	limits = limits.withDefaults()
	var (
		out, structs []byte
		clients, n   uint64
		start        ID
		deletes      []Range
	)
	finish := func() { // a client's structs, whose number is known only now
		if n > 0 {
			out = append(appendID(binary.AppendUvarint(out, n), start), structs...)
			clients++
		}
		structs, n = structs[:0], 0
	}
	err := readV2(data, limits,
		func(client, clock uint64, _ int) {
			finish()
			start = ID{Client: client, Clock: clock}
		},
		func(s *Struct) bool {
			structs = appendStruct(structs, s)
			n++
			return len(out)+len(structs) <= limits.MaxBytes
		},
		func(d Range) { deletes = append(deletes, d) })
	if err != nil {
		return nil, err
	}
	finish()
	return appendDeletes(append(binary.AppendUvarint(nil, clients), out...), deletes), nil
}

// ConvertV1ToV2 gives an update of version 1 as one of version 2. The error is an
// *Error.
func ConvertV1ToV2(data []byte, limits Limits) ([]byte, error) {
	u, err := DecodeV1(data, limits)
	if err != nil {
		return nil, err
	}
	return u.EncodeV2(), nil
}
