package room

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// OrderKind says what an order does.
type OrderKind string

// The kinds of orders.
const (
	// OrderBan keeps a user out, of all rooms or of some.
	OrderBan OrderKind = "ban"
	// OrderRevoke ends tokens: one, or all of a user that were issued before it.
	OrderRevoke OrderKind = "revoke"
)

// MaxReason is the longest reason of a ban, in bytes.
const MaxReason = 256

// Order is what an operator has decided about a user or a token. Times are in
// milliseconds since 1970.
type Order struct {
	Kind   OrderKind `json:"kind"`
	User   string    `json:"user,omitempty"`
	Token  string    `json:"token,omitempty"`  // of a revocation: one token, by its jti
	Rooms  string    `json:"rooms,omitempty"`  // of a ban: a room, or a pattern as of grants; "": everywhere
	Reason string    `json:"reason,omitempty"` // of a ban, for the user
	At     int64     `json:"at"`
	Until  int64     `json:"until,omitempty"` // 0: it does not end
}

// Check reports what is wrong with an order, or nil. Users are the caller's to check.
func (o *Order) Check(now time.Time) error {
	switch {
	case o.Until != 0 && o.Until <= now.UnixMilli():
		return Errorf(CodeBadRequest, "until: is past; give a later time, in milliseconds since 1970, or leave it out")
	case o.Kind == OrderRevoke && (o.User == "") == (o.Token == ""):
		return Errorf(CodeBadRequest, "user, token: give one of the two, a user's id or a token's jti")
	case len(o.Token) > MaxReason:
		return Errorf(CodeBadRequest, "token: is %d bytes long; give a token's jti, of at most %d", len(o.Token), MaxReason)
	case len(o.Reason) > MaxReason:
		return Errorf(CodeTooLarge, "reason: is %d bytes long; at most %d", len(o.Reason), MaxReason)
	case o.Rooms == "":
		return nil
	}
	if err := (Grants{o.Rooms: nil}).Check(); err != nil {
		return Errorf(CodeBadRequest, "rooms: %.40q: a room's name, or a prefix with one * at its end, is expected", o.Rooms)
	}
	return nil
}

// Key names what the order is about: a later one with the same key takes its place.
func (o *Order) Key() string {
	return strings.Join([]string{string(o.Kind), o.User, o.Token, o.Rooms}, "\x00")
}

// OrderOf gives the order that a key stands for, with what the key says of it.
func OrderOf(key string) (o Order, err error) {
	parts := strings.Split(key, "\x00")
	if len(parts) != 4 {
		return o, Errorf(CodeBadRequest, "key: names no order")
	}
	return Order{Kind: OrderKind(parts[0]), User: parts[1], Token: parts[2], Rooms: parts[3]}, nil
}

func (o *Order) over(now time.Time) bool { return o.Until != 0 && o.Until <= now.UnixMilli() }

// Orders are those that are in force.
type Orders struct {
	users  map[string]map[string]Order // by user and key
	tokens map[string]Order            // by jti
	count  int
}

// Len is how many there are.
func (o *Orders) Len() int { return o.count }

// Get gives the order with the key of the one given.
func (o *Orders) Get(order Order) (held Order, had bool) {
	if order.Token != "" {
		held, had = o.tokens[order.Token]
	} else {
		held, had = o.users[order.User][order.Key()]
	}
	return held, had
}

// Set takes an order in, in the place of the one with its key.
func (o *Orders) Set(order Order) {
	o.Remove(order)
	o.count++
	if order.Token != "" {
		if o.tokens == nil {
			o.tokens = make(map[string]Order)
		}
		o.tokens[order.Token] = order
		return
	}
	if o.users == nil {
		o.users = make(map[string]map[string]Order)
	}
	if o.users[order.User] == nil {
		o.users[order.User] = make(map[string]Order)
	}
	o.users[order.User][order.Key()] = order
}

// Remove takes the order with the key of the one given out, and reports whether there
// was one.
func (o *Orders) Remove(order Order) bool {
	_, had := o.Get(order)
	if order.Token != "" {
		delete(o.tokens, order.Token)
	} else {
		delete(o.users[order.User], order.Key())
		if len(o.users[order.User]) == 0 {
			delete(o.users, order.User)
		}
	}
	if had {
		o.count--
	}
	return had
}

// Over takes out the orders whose time is over, and gives them.
func (o *Orders) Over(now time.Time) (over []Order) {
	for _, order := range o.All() {
		if order.over(now) {
			o.Remove(order)
			over = append(over, order)
		}
	}
	return over
}

// All lists the orders, by user, token and rooms.
func (o *Orders) All() []Order {
	all := slices.Collect(maps.Values(o.tokens))
	for _, orders := range o.users {
		all = slices.AppendSeq(all, maps.Values(orders))
	}
	slices.SortFunc(all, func(a, b Order) int {
		return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Token, b.Token), strings.Compare(a.Rooms, b.Rooms), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return all
}

// Admit holds a caller against the orders: what is left of the caller's grants, or why
// the caller is not let in. That is CodeForbidden for a ban, and CodeUnauthorized for a
// token that was revoked.
func (o *Orders) Admit(c Caller, now time.Time) (Caller, error) {
	if order, is := o.tokens[c.TokenID]; is && c.TokenID != "" && !order.over(now) {
		return c, errRevoked
	}
	var denied []string
	for _, order := range o.users[c.User] {
		switch {
		case order.over(now):
		case order.Kind == OrderRevoke && c.Issued.UnixMilli() <= order.At:
			return c, errRevoked
		case order.Kind == OrderBan && order.Rooms == "":
			return c, banned(order)
		case order.Kind == OrderBan:
			denied = append(denied, order.Rooms)
		}
	}
	if denied != nil {
		c.Grants = c.Grants.Deny(denied...)
	}
	return c, nil
}

var errRevoked = Errorf(CodeUnauthorized, "token: was revoked; get a new one")

func banned(o Order) *Error {
	text := "this user is banned"
	if o.Until != 0 {
		text += " until " + time.UnixMilli(o.Until).UTC().Format(time.RFC3339)
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return Errorf(CodeForbidden, "%s", text)
}
