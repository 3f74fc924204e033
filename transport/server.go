package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
)

// Config is what a Server is built from. Hub, Log and Identity are required.
type Config struct {
	Hub      *hub.Hub
	Log      hub.Log      // for positions
	Health   func() error // why the hub cannot store what it is given; nil: what Log says
	Identity *Identity
	Docs     *docs.Docs // nil: there are no documents
	Logger   zerolog.Logger

	APIKeys []string // keys with full rights for the HTTP API
	Origins []string // origins beside the hub's own that browsers may come from: https://example.com
	Page    fs.FS    // the web client; nil: none is served
	CSP     string   // the Content-Security-Policy that the page needs
	Version string   // the program's, as it is told to clients

	Examples    fs.FS  // the pages under /examples/; nil: none are served
	ExamplesCSP string // the Content-Security-Policy that they need

	Tasks map[string]Task // of the operator, by method and path: POST /backup

	Limits  Limits
	PlainIO bool // read and write sockets by net.Conn alone, as those of TLS are in any case
}

// Server serves the hub to the network. Its methods may be called by any
// goroutine.
type Server struct {
	// static after construction
	cfg     Config
	http    *http.Server
	handler http.Handler
	api     *api
	ctx     context.Context // the connections'
	stop    context.CancelFunc

	pace      *admission
	stage     atomic.Int32                 // of the server's life; see leave.go
	estranged atomic.Pointer[Estrangement] // nil: it is not
	conns     connections
	workers   *workers
}

// New makes a server; Serve runs it.
func New(cfg Config) *Server {
	cfg.Limits.setDefaults()
	s := &Server{cfg: cfg}
	s.pace = newAdmission(cfg.Limits.ConnectRate)
	s.api = newAPI(s)
	s.handler = s.routes()
	ctx, stop := context.WithCancel(context.Background())
	s.ctx, s.stop, s.workers = ctx, stop, newWorkers(ctx.Done())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // HTTP/2 stays off until Go 1.26.9, see SECURITY.md
	s.http = &http.Server{
		Handler:           s.handler,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second, // a hijacked or streaming handler lifts its own
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(strangersFaults{cfg.Logger}, "", 0),
	}
	return s
}

// strangersFaults takes what net/http has to say of those who connect and then do
// not speak TLS, or do not finish: anybody can make it say that without end.
type strangersFaults struct{ log zerolog.Logger }

// Write is io.Writer's; p is one line.
func (s strangersFaults) Write(p []byte) (int, error) {
	s.log.Debug().Str("fault", strings.TrimSpace(string(p))).Msg("http")
	return len(p), nil
}

// Handler gives the routes, for a server that is not ours.
func (s *Server) Handler() http.Handler { return s.handler }

// routes lays out the main listener. The paths under /api are in openapi.yaml.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", s.serveWS)
	mux.HandleFunc("GET /sse", s.serveSSE)
	mux.HandleFunc("POST /sse", s.serveSSECommand)
	mux.HandleFunc("GET /livez", s.serveLive)
	mux.HandleFunc("GET /readyz", s.serveReady)
	if s.cfg.Docs != nil {
		mux.HandleFunc("GET /yjs/{doc...}", s.serveYjs)
		mux.HandleFunc("GET /hocuspocus", s.serveHocuspocus)
	}
	s.api.routes(mux)
	if s.cfg.Page != nil {
		mux.Handle("GET /", newPage(s.cfg.Page, s.cfg.CSP))
	}
	if s.cfg.Examples != nil {
		mux.Handle("GET /examples/", newExamples(s.cfg.Examples, s.cfg.ExamplesCSP))
	}
	return s.guard(mux)
}

// Serve answers on the listener until Shutdown. It always returns an error,
// http.ErrServerClosed after Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return http.ErrServerClosed
}

// Shutdown takes no more connections and waits until those that there are have
// ended, or ctx. The hub's sessions are to be closed by closing the hub, which
// makes each connection say goodbye.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	gone := s.conns.gone()
	select {
	case <-gone:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	s.stop() // what is left hears it, and ends
	s.conns.abort()
	<-gone
	s.workers.wait()
	if err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return nil
}
