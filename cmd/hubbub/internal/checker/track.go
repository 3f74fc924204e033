package checker

import "strconv"

// tracking follows one subscriber through one room.
type tracking struct {
	*checking
	Track
	final *finalRoom

	at    Position // up to where it has seen everything
	known bool     // at is meaningful
	live  bool
	holes map[uint64]Entry // what was passed over, and may still come too late
}

// track checks what a subscriber saw.
func (c *checking) track(t Track) {
	tr := &tracking{checking: c, Track: t, final: c.room(t.Room), holes: map[uint64]Entry{}}
	for _, s := range t.Steps {
		switch s.Kind {
		case Event:
			tr.event(s.Entry)
		case Joined:
			tr.joined(s.Join)
		case Reset:
			tr.reset(s.Join)
		case Left:
			tr.live = false
		}
	}
	tr.flush()
	if !tr.live {
		return
	}
	switch {
	case tr.at.Epoch != tr.final.Epoch:
		c.add(Behind, t.Room, "%s ended live in epoch %s, and the room's is %s", t.Who, tr.at.Epoch, tr.final.Epoch)
	case tr.at.Seq < tr.final.last():
		c.add(Behind, t.Room, "%s ended live at %d, and the room ends at %d", t.Who, tr.at.Seq, tr.final.last())
	}
}

// event takes a pushed event.
func (t *tracking) event(e Entry) {
	t.Deliveries++
	if !t.live {
		t.add(Stray, t.Room, "%s got %d", t.Who, e.Seq)
	}
	t.next(e)
}

// joined takes the answer to a join.
func (t *tracking) joined(j *Join) {
	t.Joins++
	t.flush()
	switch {
	case j.Reset != "":
		t.Resets++
		t.judgeReset(j)
		t.known = false
	case j.Since == nil:
		t.known = false
		t.judgeNewest(j)
	default:
		t.Resumes++
		if j.Since.Epoch != j.At.Epoch && *j.Since != (Position{}) {
			t.add(WrongResume, t.Room, "%s resumed in epoch %q and was put into %q without a word", t.Who, j.Since.Epoch, j.At.Epoch)
		}
		t.at, t.known = Position{j.At.Epoch, j.Since.Seq}, true
	}
	t.page(j)
	t.live = j.Live
}

// page takes the events that came with a join, and where it says that they lead.
func (t *tracking) page(j *Join) {
	if !t.known && len(j.Entries) > 0 {
		t.begin(Position{j.At.Epoch, j.Entries[0].Seq - 1})
	}
	for _, e := range j.Entries {
		t.Deliveries++
		t.next(e)
	}
	if !t.known {
		t.begin(j.At) // without events, it says where the room stands
		return
	}
	if t.at.Seq != j.At.Seq {
		t.add(WrongResume, t.Room, "%s was told that it stands at %d, and what it was given ends at %d (%s)", t.Who, j.At.Seq, t.at.Seq, asked(j))
		t.at.Seq = max(t.at.Seq, j.At.Seq)
	}
}

// begin sets out anew from a position.
func (t *tracking) begin(at Position) { t.at, t.known = at, true }

// judgeNewest checks that a join for the newest events gave as many as there are.
func (t *tracking) judgeNewest(j *Join) {
	if len(j.Entries) > j.History {
		t.add(WrongResume, t.Room, "%s asked for the newest %d and got %d", t.Who, j.History, len(j.Entries))
	}
	if len(j.Entries) == 0 || len(j.Entries) == j.History || t.final.Trimmed || j.At.Epoch != t.final.Epoch {
		return
	}
	if first := j.Entries[0].Seq; t.final.after(first-1) > 0 {
		t.add(WrongResume, t.Room, "%s asked for the newest %d, got %d from %d on, and there are older ones", t.Who, j.History, len(j.Entries), first)
	}
}

// judgeReset asks whether there was a cause.
func (t *tracking) judgeReset(j *Join) {
	if t.opts.Resets || j.Since == nil || t.final.Trimmed {
		return
	}
	_, there := t.final.at(j.Since.Seq)
	there = (there || j.Since.Seq == 0) && j.Since.Epoch == t.final.Epoch
	if there || *j.Since == (Position{}) {
		t.add(NeedlessReset, t.Room, "%s resumed from %d, which is there, and got a reset: %s", t.Who, j.Since.Seq, j.Reset)
	}
}

// reset takes a pushed reset: what was held may be wrong, and the room goes on
// from where it says.
func (t *tracking) reset(j *Join) {
	t.Resets++
	if _, there := t.final.at(t.at.Seq); !t.opts.Resets && t.known && there && t.at.Epoch == t.final.Epoch {
		t.add(NeedlessReset, t.Room, "%s was live at %d and got a reset: %s", t.Who, t.at.Seq, j.Reset)
	}
	clear(t.holes) // what was passed over was announced
	t.at, t.known = j.At, !j.Anywhere
}

// next takes the event that should follow t.at.
func (t *tracking) next(e Entry) {
	switch hole, missed := t.holes[e.Seq]; {
	case !t.known:
		t.begin(Position{t.at.Epoch, e.Seq})
	case missed:
		t.add(OutOfOrder, t.Room, "%s got %d (%s) after %d", t.Who, e.Seq, hole.ID, t.at.Seq)
		delete(t.holes, e.Seq)
		return
	case e.Seq <= t.at.Seq:
		t.add(Twice, t.Room, "%s got %d (%s of %s) again, having got all up to %d", t.Who, e.Seq, e.ID, e.User, t.at.Seq)
		return
	}
	t.content(e)
	if t.at.Epoch == t.final.Epoch {
		for i := t.final.after(t.at.Seq); i < len(t.final.Entries) && t.final.Entries[i].Seq < e.Seq; i++ {
			t.holes[t.final.Entries[i].Seq] = t.final.Entries[i]
		}
	}
	t.at.Seq = e.Seq
}

// content holds an event against what others were given for its place.
func (t *tracking) content(e Entry) {
	if t.at.Epoch == t.final.Epoch {
		have, there := t.final.at(e.Seq)
		if there {
			if have.Sum != e.Sum {
				t.add(Differs, t.Room, "%s got for %d: %s of %s; the history has %s of %s there", t.Who, e.Seq, e.ID, e.User, have.ID, have.User)
			}
			return
		}
		t.add(Vanished, t.Room, "%s got %d (%s of %s)", t.Who, e.Seq, e.ID, e.User)
	}
	at := place{t.Room, Position{t.at.Epoch, e.Seq}}
	if sum, seen := t.sums[at]; seen && sum != e.Sum {
		t.add(Differs, t.Room, "%s got for %d: %s of %s, and another got something else", t.Who, e.Seq, e.ID, e.User)
	}
	t.sums[at] = e.Sum
}

// flush reports what was passed over and never came.
func (t *tracking) flush() {
	for _, e := range t.holes {
		t.add(Hole, t.Room, "%s never got %d (%s of %s), and had got to %d", t.Who, e.Seq, e.ID, e.User, t.at.Seq)
	}
	clear(t.holes)
}

// asked tells what a join had asked for.
func asked(j *Join) string {
	if j.Since != nil {
		return "join since " + strconv.FormatUint(j.Since.Seq, 10)
	}
	return "join with history " + strconv.Itoa(j.History)
}

// span tells where a room begins and ends.
func span(fr *finalRoom) string {
	if len(fr.Entries) == 0 {
		return "none"
	}
	return strconv.FormatUint(fr.Entries[0].Seq, 10) + " to " + strconv.FormatUint(fr.last(), 10) + " of epoch " + fr.Epoch
}
