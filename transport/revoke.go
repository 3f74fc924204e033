package transport

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

type disconnectRequest struct {
	User       string `json:"user"`
	Connection string `json:"connection"`
}

type disconnectAnswer struct {
	Disconnected int  `json:"disconnected"`
	Incomplete   bool `json:"incomplete,omitempty"`
}

// disconnect cuts a user's connections, or one, on all instances. That they do not come
// back is for a ban or a revocation to see to.
func (a *api) disconnect(ctx context.Context, req *request) (any, error) {
	var ask disconnectRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	switch {
	case ask.User != "" && ask.Connection != "":
		return nil, room.Errorf(room.CodeBadRequest, "user, connection: both are sent; send one")
	case ask.Connection != "": // any will do: one that there is not is not cut
	default:
		if err := checkUser(ask.User); err != nil {
			return nil, err
		}
	}
	n, whole := a.srv.cfg.Hub.DisconnectEverywhere(ctx, ask.User, ask.Connection)
	return disconnectAnswer{n, !whole}, nil
}

func checkUser(user string) error {
	if err := token.CheckUser(user); err != nil {
		return room.Errorf(room.CodeBadRequest, "user: %s", room.AsError(err).Message)
	}
	return nil
}

// orderRequest is the body of revoke, ban and unban.
type orderRequest struct {
	User   string `json:"user"`
	Token  string `json:"token"`
	Rooms  string `json:"rooms"`
	Reason string `json:"reason"`
	Until  int64  `json:"until"`
}

// orderAnswer is an order as operators see it.
type orderAnswer struct {
	Kind   room.OrderKind `json:"kind"`
	User   string         `json:"user,omitempty"`
	Token  string         `json:"token,omitempty"`
	Rooms  string         `json:"rooms,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Since  int64          `json:"since"`
	Until  int64          `json:"until,omitempty"`
}

func answerOf(o room.Order) orderAnswer {
	return orderAnswer{o.Kind, o.User, o.Token, o.Rooms, o.Reason, o.At, o.Until}
}

// revoke ends one token, or all of a user that were issued up to now.
func (a *api) revoke(ctx context.Context, req *request) (any, error) {
	var ask orderRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	if ask.Rooms != "" || ask.Reason != "" {
		return nil, room.Errorf(room.CodeBadRequest, "rooms, reason: are of bans; a token is revoked everywhere")
	}
	if ask.Token == "" {
		if err := checkUser(ask.User); err != nil {
			return nil, err
		}
	}
	return a.order(ctx, room.Order{Kind: room.OrderRevoke, User: ask.User, Token: ask.Token, Until: ask.Until})
}

// ban keeps a user out.
func (a *api) ban(ctx context.Context, req *request) (any, error) {
	o, err := banOf(req)
	if err != nil {
		return nil, err
	}
	return a.order(ctx, o)
}

func (a *api) order(ctx context.Context, o room.Order) (any, error) {
	o.At = time.Now().UnixMilli()
	if err := a.srv.cfg.Hub.Order(ctx, o); err != nil {
		return nil, err
	}
	return answerOf(o), nil
}

func banOf(req *request) (room.Order, error) {
	var ask orderRequest
	if err := req.envelope(&ask); err != nil {
		return room.Order{}, err
	}
	if ask.Token != "" {
		return room.Order{}, room.Errorf(room.CodeBadRequest, "token: a ban is of a user; tokens are revoked")
	}
	if err := checkUser(ask.User); err != nil {
		return room.Order{}, err
	}
	return room.Order{Kind: room.OrderBan, User: ask.User, Rooms: ask.Rooms, Reason: ask.Reason, Until: ask.Until}, nil
}

type unbanAnswer struct {
	Unbanned bool `json:"unbanned"`
}

// unban takes a ban back: that of the same user and rooms.
func (a *api) unban(ctx context.Context, req *request) (any, error) {
	o, err := banOf(req)
	if err != nil {
		return nil, err
	}
	had, err := a.srv.cfg.Hub.Withdraw(ctx, o)
	if err != nil {
		return nil, err
	}
	return unbanAnswer{had}, nil
}

type bansAnswer struct {
	Bans []orderAnswer `json:"bans"`
	More bool          `json:"more"`
}

// bans lists the bans and revocations in force: of ?user alone, and ?from so many on.
func (a *api) bans(w http.ResponseWriter, r *http.Request) {
	answer, err := a.listBans(r)
	if err != nil {
		a.srv.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, encodeAnswer(answer))
}

func (a *api) listBans(r *http.Request) (any, error) {
	who, err := a.identify(r)
	if err != nil {
		return nil, err
	}
	if !who.server {
		return nil, room.Errorf(room.CodeForbidden, "bans: takes an API key, not a user's token")
	}
	if err := a.srv.cfg.Hub.Ready(); err != nil {
		return nil, err
	}
	q, from := r.URL.Query(), 0
	if s := q.Get("from"); s != "" {
		if from, err = strconv.Atoi(s); err != nil || from < 0 {
			return nil, room.Errorf(room.CodeBadRequest, "from: is %.20q; give how many to pass over, a whole number", s)
		}
	}
	answer := bansAnswer{Bans: []orderAnswer{}}
	for _, o := range a.srv.cfg.Hub.Ordered() {
		switch user := q.Get("user"); {
		case user != "" && o.User != user:
			continue
		case from > 0:
			from--
			continue
		case len(answer.Bans) == maxRooms:
			answer.More = true
			return answer, nil
		}
		answer.Bans = append(answer.Bans, answerOf(o))
	}
	return answer, nil
}
