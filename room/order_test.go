package room

import (
	"errors"
	"testing"
	"time"
)

func TestOrders(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	code := func(o *Orders, c Caller, at time.Time) Code {
		_, err := o.Admit(c, at)
		if e, ok := errors.AsType[*Error](err); ok {
			return e.Code
		}
		return ""
	}
	ann := Caller{User: "ann", TokenID: "t1", Issued: now, Grants: Everything()}
	for _, c := range []struct {
		name  string
		order Order
		who   Caller
		at    time.Time
		want  Code
	}{
		{"a ban", Order{Kind: OrderBan, User: "ann"}, ann, now, CodeForbidden},
		{"a ban of somebody else", Order{Kind: OrderBan, User: "bob"}, ann, now, ""},
		{"a ban that is over", Order{Kind: OrderBan, User: "ann", Until: now.UnixMilli()}, ann, now, ""},
		{"a ban that is not over yet", Order{Kind: OrderBan, User: "ann", Until: now.UnixMilli() + 1}, ann, now, CodeForbidden},
		{"a token from before", Order{Kind: OrderRevoke, User: "ann", At: now.UnixMilli() + 1}, ann, now, CodeUnauthorized},
		{"a token from then", Order{Kind: OrderRevoke, User: "ann", At: now.UnixMilli()}, ann, now, CodeUnauthorized},
		{"a token from afterwards", Order{Kind: OrderRevoke, User: "ann", At: now.UnixMilli() - 1}, ann, now, ""},
		{"a token without a time", Order{Kind: OrderRevoke, User: "ann", At: 1}, Caller{User: "ann"}, now, CodeUnauthorized},
		{"one token", Order{Kind: OrderRevoke, Token: "t1"}, ann, now, CodeUnauthorized},
		{"another token", Order{Kind: OrderRevoke, Token: "t2"}, ann, now, ""},
		{"a token without an id", Order{Kind: OrderRevoke, Token: "t2"}, Caller{User: "ann"}, now, ""},
		{"a ban in a room", Order{Kind: OrderBan, User: "ann", Rooms: "lobby"}, ann, now, ""},
	} {
		var o Orders
		o.Set(c.order)
		if got := code(&o, c.who, c.at); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if !o.Remove(c.order) || o.Len() != 0 || code(&o, c.who, c.at) != "" {
			t.Errorf("%s: and once it is taken back, nothing", c.name)
		}
	}
}

func TestABanInARoomLeavesTheOthers(t *testing.T) {
	var o Orders
	o.Set(Order{Kind: OrderBan, User: "ann", Rooms: "team-*"})
	o.Set(Order{Kind: OrderBan, User: "ann", Rooms: "lobby", Until: 5})
	given := Grants{"*": {VerbAny}, "team-a": {VerbJoin}}
	c, err := o.Admit(Caller{User: "ann", Grants: given}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	for room, want := range map[string]bool{"team-a": false, "team-b": false, "lobby": false, "team": true, "x": true} {
		if c.Grants.Allow(room, VerbJoin) != want {
			t.Errorf("%s: want %v", room, want)
		}
		if !given.Allow(room, VerbJoin) {
			t.Errorf("%s: the token's own grants stay as they are", room)
		}
	}
	if over := o.Over(time.UnixMilli(5)); len(over) != 1 || o.Len() != 1 {
		t.Errorf("one is over: %v", over)
	}
	if (Grants{"a": {verbDenied}}).Check() == nil {
		t.Error("a token cannot deny")
	}
}

func TestOrdersAreChecked(t *testing.T) {
	now := time.UnixMilli(1000)
	for _, o := range []Order{
		{Kind: OrderBan, User: "a", Until: 1000},
		{Kind: OrderBan, User: "a", Rooms: "a*b"},
		{Kind: OrderBan, User: "a", Rooms: "not a room"},
		{Kind: OrderBan, User: "a", Reason: string(make([]byte, MaxReason+1))},
		{Kind: OrderRevoke},
		{Kind: OrderRevoke, User: "a", Token: "b"},
	} {
		if o.Check(now) == nil {
			t.Errorf("%+v is not to pass", o)
		}
	}
	for _, o := range []Order{{Kind: OrderBan, User: "a", Rooms: "a*"}, {Kind: OrderRevoke, Token: "b", Until: 1001}} {
		if err := o.Check(now); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
