package yjs

// Brings reports whether an update has structs or deletes that the store does not know,
// without taking anything in. What waits in the store for others counts as unknown. The
// error is an *Error.
func (s *Store) Brings(update []byte) (bool, error) {
	if err := s.scan.read(update, s.limits); err != nil {
		return false, err
	}
	defer s.release()
	for i := range s.scan.groups {
		for s.scan.next(i, &s.scan.checked) {
			if st := &s.scan.checked; st.Ref != RefSkip && st.End() > s.state(st.ID.Client) {
				return true, nil
			}
			s.scan.advance(i)
		}
	}
	fresh := false
	s.scan.eachDelete(func(d Range) { fresh = fresh || !s.deletes(d) })
	return fresh, nil
}

// deletes reports whether all of a range is deleted already.
func (s *Store) deletes(d Range) bool {
	c := s.clients[d.Client]
	if c == nil {
		return false
	}
	in, until := c.deleted.at(d.Clock)
	return in && until >= d.Clock+d.Len
}

// Check reports what is wrong with an update of version 1, or nil. The error is an
// *Error.
func Check(update []byte, limits Limits) error {
	var sc scan
	if err := sc.read(update, limits.withDefaults()); err != nil {
		return err
	}
	return nil
}
