package checker

// read checks a page of history: it is a piece of the final history without a
// hole, it begins and ends where it should, and nothing that was acknowledged
// before it was asked for is missing at its end.
func (c *checking) read(r Read) {
	c.Reads++
	fr := c.room(r.Room)
	if r.Epoch != fr.Epoch {
		return // nothing to hold it against
	}
	if len(r.Entries) > r.Limit {
		c.add(WrongPage, r.Room, "%s asked for %d events and got %d", r.Who, r.Limit, len(r.Entries))
	}
	if !c.piece(fr, r) {
		return
	}
	first, end := c.bounds(fr, r)
	forward := r.After > 0 || r.FromStart
	switch {
	case forward && first != fr.after(r.After):
		c.add(WrongPage, r.Room, "%s asked for what follows %d and got %d events from index %d on; index %d is next", r.Who, r.After, len(r.Entries), first, fr.after(r.After))
	case r.Before > 0 && end != fr.after(r.Before-1):
		c.add(WrongPage, r.Room, "%s asked after %v for %d before %d and got %d up to index %d; index %d is meant (more after: %v)",
			r.Who, r.Sent, r.Limit, r.Before, len(r.Entries), end, fr.after(r.Before-1), r.MoreAfter)
	case !r.MoreBefore && first > 0 && !fr.Trimmed:
		c.add(WrongPage, r.Room, "%s was told that nothing stands before the %d events from index %d on (%s)", r.Who, len(r.Entries), first, span(fr))
	}
	if r.Before > 0 || forward && r.MoreAfter {
		return // where it ends is not where the room ended
	}
	reached := uint64(0)
	if end > 0 {
		reached = fr.Entries[end-1].Seq
	}
	if must := fr.ackedBefore(r.Sent - c.opts.Lag); reached < must {
		c.add(StaleRead, r.Room, "%s asked after %v, and its page ends at %d; %d had been acknowledged", r.Who, r.Sent, reached, must)
	}
}

// piece reports whether the page is a piece of the final history.
func (c *checking) piece(fr *finalRoom, r Read) bool {
	for i, e := range r.Entries {
		have, there := fr.at(e.Seq)
		switch {
		case !there:
			c.add(Vanished, r.Room, "%s read %d (%s of %s)", r.Who, e.Seq, e.ID, e.User)
			return false
		case have.Sum != e.Sum:
			c.add(Differs, r.Room, "%s read for %d: %s of %s; the history has %s of %s there", r.Who, e.Seq, e.ID, e.User, have.ID, have.User)
			return false
		case i > 0 && fr.entries[e.Seq] != fr.entries[r.Entries[i-1].Seq]+1:
			c.add(WrongPage, r.Room, "%s read %d right after %d", r.Who, e.Seq, r.Entries[i-1].Seq)
			return false
		}
	}
	return true
}

// bounds gives the page as indexes into the final history, the end exclusive. An
// empty page stands where it was asked for.
func (c *checking) bounds(fr *finalRoom, r Read) (first, end int) {
	if n := len(r.Entries); n > 0 {
		return fr.entries[r.Entries[0].Seq], fr.entries[r.Entries[n-1].Seq] + 1
	}
	switch {
	case r.Before > 0:
		return fr.after(r.Before - 1), fr.after(r.Before - 1)
	case r.After > 0:
		return fr.after(r.After), fr.after(r.After)
	}
	return 0, 0
}
