package transport

import (
	"errors"
	"net/http"
)

// healthAnswer is what the two health paths say.
type healthAnswer struct {
	Status string `json:"status"`           // "ok" or "unavailable"
	Reason string `json:"reason,omitempty"` // why not
}

// serveLive is GET /livez: the process answers. It says nothing of the log, since
// a restart mends no disk.
func (s *Server) serveLive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, encodeAnswer(healthAnswer{Status: "ok"}))
}

// serveReady is GET /readyz: the hub can store what it is given and stays; else the
// log's own reason why not, or "draining", or what it is cut off from.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := s.unready(); err != nil {
		writeJSON(w, http.StatusServiceUnavailable, encodeAnswer(healthAnswer{Status: "unavailable", Reason: err.Error()}))
		return
	}
	writeJSON(w, http.StatusOK, encodeAnswer(healthAnswer{Status: "ok"}))
}

var errDraining = errors.New("draining")

// unready is why nobody is to be led here, or nil.
func (s *Server) unready() error {
	if s.stage.Load() > serving {
		return errDraining
	}
	if from := s.estranged.Load(); from != nil {
		return from.reason()
	}
	return s.health()
}

// health is why the hub cannot store what it is given, or nil.
func (s *Server) health() error {
	if err := s.cfg.Hub.Ready(); err != nil {
		return err
	}
	if s.cfg.Health != nil {
		return s.cfg.Health()
	}
	return s.cfg.Log.Health()
}
