package main

import (
	"fmt"
	"io"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// printTrace writes a trace as lines: what it is about, and what is known. What users
// have chosen is quoted, so that it cannot steer a terminal.
func printTrace(w io.Writer, t *hub.Trace) {
	line := func(what, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("event", "%s %d in %s, epoch %s", t.Kind, t.Seq, t.Room, t.Epoch)
	line("author", "%q, id %q", t.User, t.ID)
	line("accepted", "%s", moment(t.Accepted))
	line("stored", "%s, by the log's clock", moment(t.Stored))
	published := false
	for _, part := range t.Instances {
		if part.Acked != nil {
			published = published || !part.Acked.Duplicate
			line("published", "%s", ackLine(&part))
		}
	}
	if !published {
		line("published", "through which instance is not known: none that has answered remembers it")
	}
	for _, part := range t.Instances {
		line("delivered", "%s: %s", instanceName(&part), deliveryLine(&part))
		for _, cut := range part.Cuts {
			line("cut", "%s", slowLine(&part, &cut))
		}
		if part.MoreCuts {
			line("cut", "%s: others as well", instanceName(&part))
		}
	}
	for _, id := range t.Silent {
		line("unknown", "%s did not answer in time: what it has delivered is not known", id)
	}
	if t.Incomplete && len(t.Silent) == 0 {
		line("unknown", "an instance could not be heard: there may be more to know")
	}
}

// moment gives a time as it is read.
func moment(ms int64) string {
	if ms == 0 {
		return "not known"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

func instanceName(p *hub.TracePart) string {
	if p.Name == "" {
		return p.Instance
	}
	return p.Name + " (" + p.Instance + ")"
}

func ackLine(p *hub.TracePart) string {
	if p.Acked.Duplicate {
		return fmt.Sprintf("again through %s, where the repeat was acknowledged at %s", instanceName(p), moment(p.Acked.At))
	}
	return fmt.Sprintf("through %s, acknowledged at %s", instanceName(p), moment(p.Acked.At))
}

func deliveryLine(p *hub.TracePart) string {
	switch r := p.Round; {
	case r != nil:
		whom := "members"
		if r.Members == 1 {
			whom = "member"
		}
		s := fmt.Sprintf("to %d %s at %s, in %.3f ms", r.Members, whom, moment(r.At), float64(r.Took)/1000)
		if r.Waiting > 0 {
			s += fmt.Sprintf("; for %d of them it was put behind what they had not taken", r.Waiting)
		}
		return s
	case p.Delivery == hub.DeliveryPending:
		return "not yet, or it is on its way"
	case p.Delivery == hub.DeliveryNone:
		return "to nobody: there was no member, or those who came later had it as a part of the room's past"
	}
	return fmt.Sprintf("not known: this instance remembers what it delivered since %s", moment(p.Since.Rounds))
}

func slowLine(p *hub.TracePart, c *hub.TraceCut) string {
	why := ""
	switch c.Why {
	case hub.ExcessBytes:
		why = ", which was too much"
	case hub.ExcessFrames:
		why = " in too many frames"
	case hub.ExcessAge:
		why = ", some of them for too long"
	}
	return fmt.Sprintf("%s: user %q, connection %s, at %s: %d bytes waited%s", instanceName(p), c.User, c.Connection, moment(c.At), c.Bytes, why)
}
