package transport

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// encodeAnswer gives the JSON of an answer. Those that are frames too are the same
// bytes here as there.
func encodeAnswer(answer any) []byte {
	if m, ok := answer.(wire.Message); ok {
		return wire.Encode(0, m)
	}
	data, err := json.Marshal(answer)
	if err != nil {
		panic(err) // the answers are structs of ours, without anything that cannot be JSON
	}
	return data
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	writeBody(w, status, "application/json", body)
}

func writeBody(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	// A peer that takes nothing must not keep the handler. Not every writer has
	// deadlines; a real connection's has.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// errorBody is the answer to what was refused or failed.
type errorBody struct {
	Error *wire.Error `json:"error"`
}

// writeErrorStatus answers with an error, under a status that is not its code's.
// What is no fault of the caller is told to the operator, who alone gets its text.
func (s *Server) writeErrorStatus(w http.ResponseWriter, r *http.Request, status int, err error) {
	e := s.tell(w, r, err)
	writeJSON(w, status, encodeAnswer(errorBody{wire.ErrorOf(e)}))
}

// tell gives what the caller is told of an error, sets the headers that go with
// it, and logs what the caller is not told.
func (s *Server) tell(w http.ResponseWriter, r *http.Request, err error) *room.Error {
	e := room.AsError(err)
	if e.Code == room.CodeInternal {
		s.cfg.Logger.Error().Err(err).Str("url", redacted(r.URL)).Msg("request failed")
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Code == room.CodeUnauthorized || e.Code == room.CodeTokenExpired {
		w.Header().Set("WWW-Authenticate", `Bearer realm="hubbub"`)
	}
	return e
}

// writeError answers with an error in the protocol's form.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	s.writeErrorStatus(w, r, wire.HTTPStatus(room.AsError(err).Code), err)
}
