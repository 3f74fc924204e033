package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/web"
)

// ServeCmd runs the hub.
type ServeCmd struct {
	Addr      string `help:"Address to listen on." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	AdminAddr string `help:"Address for /metrics and /debug/pprof; empty: none." default:"127.0.0.1:0" placeholder:"HOST:PORT"`

	Examples bool `help:"Serve the example editors under /examples/."`

	Data string `help:"Folder for the log and the hub's own keys." default:"${default_data}" placeholder:"DIR"`

	Auth    authFlags    `embed:""`
	TLS     tlsFlags     `embed:""`
	Engine  engineFlags  `embed:""`
	Bounds  boundFlags   `embed:""`
	Docs    docFlags     `embed:""`
	Leave   leaveFlags   `embed:""`
	Logging loggingFlags `embed:""`
}

// boundFlags are the bounds on what one connection may cost.
type boundFlags struct {
	MemoryLimit byteSize `help:"Memory that the process aims to stay below; 0: no limit." default:"1GiB" placeholder:"SIZE"`
	Rate        float64  `help:"Commands a second from one connection." default:"100" placeholder:"N"`
	Burst       int      `help:"Commands at once from one connection." default:"200" placeholder:"N"`
	ConnectRate float64  `help:"Connections a second that are served as they come; more wait, or are told when to come back. 0: no pace." default:"5000" placeholder:"N"`
	Connections int      `name:"max-connections" help:"Connections at the same time; 0: no bound." default:"0" placeholder:"N"`
	QueueBytes  byteSize `help:"Bytes that may wait for a slow peer." default:"1MiB" placeholder:"SIZE"`

	QueueAge     time.Duration `help:"How long one of them may wait." default:"10s" placeholder:"TIME"`
	Linger       time.Duration `help:"How long large rooms gather what happens before they tell their members." default:"0s" placeholder:"TIME"`
	CompressFrom int           `help:"From how many bytes on a message goes compressed to clients who take that; 0: compression is never agreed on." default:"512" placeholder:"BYTES"`
	RawIO        bool          `name:"raw-io" help:"Read and write sockets without waiting, past what Go does for each call. Off costs CPU and memory, and is for a system on which it fails." default:"true" negatable:""`
}

// compressFrom is the setting as the edge takes it, where 0 is the default.
func (b *boundFlags) compressFrom() int {
	if b.CompressFrom <= 0 {
		return -1
	}
	return b.CompressFrom
}

// connectRate is the setting as the edge takes it, where 0 is the default.
func (b *boundFlags) connectRate() float64 {
	if b.ConnectRate <= 0 {
		return -1
	}
	return b.ConnectRate
}

// loggingFlags say what is logged, and how.
type loggingFlags struct {
	LogLevel  string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL"`
	LogFormat string `help:"text or json." default:"text" enum:"text,json" placeholder:"FORMAT"`
}

func (l loggingFlags) logger(w io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(l.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel // the flag's enum lets nothing else through
	}
	if l.LogFormat == "text" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.RFC3339, NoColor: true}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// run builds the graph from the log up, serves until ctx ends, and takes it down
// from the edge.
func (c *ServeCmd) run(ctx context.Context, std streams) error {
	log := c.Logging.logger(std.err)
	if err := c.Leave.check(); err != nil {
		return err
	}
	if c.Bounds.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(c.Bounds.MemoryLimit))
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer closing(log, "listener", listener.Close)
	if err := c.Auth.check(listener.Addr()); err != nil {
		return err
	}
	cert, err := c.TLS.open(log)
	if err != nil {
		return err
	}
	engine, err := c.Engine.open(ctx, c.Data, log)
	if err != nil {
		return err
	}
	defer engine.close(log)
	identity, err := c.Auth.identity(c.Data, listener.Addr())
	if err != nil {
		return err
	}
	if engine.shared {
		c.Auth.warnShared(c.Data, listener.Addr(), log)
	}
	h := hub.New(hub.Config{
		Orders: engine.orders, Log: engine.log, Bus: engine.bus, Codec: transport.Codec{CompressFrom: c.Bounds.compressFrom()}, Linger: c.Bounds.Linger,
		Name:  c.Engine.NATS.Name,
		Fault: func(room string, err error) { log.Warn().Str("room", room).Err(err).Msg("hub") },
	})
	defer h.Close()
	awaitOrders(ctx, h, log)
	documents := c.Docs.open(engine, h, log)
	defer documents.Close()
	server := transport.New(c.transport(h, documents, engine, identity, log))
	admin, err := c.serveAdmin(server, log)
	if err != nil {
		return err
	}
	defer admin.close(log)
	c.greet(std.out, listener.Addr(), admin.addr)
	served := make(chan error, 1)
	go func() { served <- server.Serve(cert.listen(listener)) }()
	lookout := c.Leave.lookout(engine, server, log)
	err = c.attend(ctx, &reloading{c, identity, cert, listener.Addr(), log}, served)
	lookout.end()
	(&house{server, documents, h, log}).leave(c.Leave.plan(engine.alone()))
	return err
}

func (c *ServeCmd) transport(h *hub.Hub, d *docs.Docs, e *engine, identity *transport.Identity, log zerolog.Logger) transport.Config {
	cfg := transport.Config{
		Hub: h, Docs: d, Log: e.log, Health: e.health, Identity: identity, Logger: log,
		APIKeys: c.Auth.APIKey, Origins: c.Auth.Origin,
		CSP: web.ContentSecurityPolicy, Version: version,
		Limits: transport.Limits{
			Rate: c.Bounds.Rate, Burst: c.Bounds.Burst,
			QueueBytes: int(c.Bounds.QueueBytes), QueueAge: c.Bounds.QueueAge,
			CompressFrom: c.Bounds.compressFrom(),
			ConnectRate:  c.Bounds.connectRate(), Connections: c.Bounds.Connections,
		},
		PlainIO: !c.Bounds.RawIO,
		Tasks:   c.Engine.tasks(e),
	}
	if web.Built() {
		cfg.Page = web.App()
	} else {
		log.Warn().Msg("this program was built without the web page: make build makes one with it")
	}
	switch {
	case c.Examples && web.ExamplesBuilt():
		cfg.Examples, cfg.ExamplesCSP = web.Examples(), web.ExamplesPolicy
	case c.Examples:
		log.Warn().Msg("--examples: this program was built without them: make build makes one with them")
	}
	return cfg
}

// reloading is what is read anew while the hub serves.
type reloading struct {
	serve    *ServeCmd
	identity *transport.Identity
	cert     *certificate
	addr     net.Addr
	log      zerolog.Logger
}

// reload reads the keys and the certificate. If anything is wrong with one of them,
// all stay as they were.
func (r *reloading) reload() {
	identity, err := r.serve.Auth.identity(r.serve.Data, r.addr)
	if err != nil {
		r.log.Error().Err(err).Msg("reload: the keys stay as they were")
		return
	}
	pair, err := r.cert.fresh()
	if err != nil {
		r.log.Error().Err(err).Msg("reload: the keys and the certificate stay as they were")
		return
	}
	r.identity.Reload(identity.Verifier)
	r.cert.show(pair, r.log)
	r.log.Info().Msg("reload: the keys were read anew")
}

// attend waits for the end, and reads the keys anew at each SIGHUP.
func (c *ServeCmd) attend(ctx context.Context, r *reloading, served <-chan error) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	memory, look := newTrimmer(), time.NewTicker(trimEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			memory.trim()
		case <-hup:
			r.reload()
		case err := <-served:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// adminServer is the listener for the operator, or none.
type adminServer struct {
	addr net.Addr // nil: there is none
	http http.Server
	done chan struct{}
}

func (c *ServeCmd) serveAdmin(server *transport.Server, log zerolog.Logger) (*adminServer, error) {
	a := &adminServer{done: make(chan struct{})}
	if c.AdminAddr == "" {
		close(a.done)
		return a, nil
	}
	l, err := net.Listen("tcp", c.AdminAddr)
	if err != nil {
		return nil, fmt.Errorf("--admin-addr: %w", err)
	}
	a.addr = l.Addr()
	a.http.Handler, a.http.ReadHeaderTimeout = server.Admin(), 5*time.Second
	go func() {
		defer close(a.done)
		if err := a.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn().Err(err).Msg("admin listener")
		}
	}()
	return a, nil
}

func (a *adminServer) close(log zerolog.Logger) {
	closing(log, "admin listener", a.http.Close)
	<-a.done
}

// greet tells where everything is. The data folder stands on the first line.
func (c *ServeCmd) greet(w io.Writer, addr, admin net.Addr) {
	_, _ = fmt.Fprintf(w, "data      %s\n", c.Data)
	_, _ = fmt.Fprintf(w, "hubbub    %s://%s\n", c.TLS.scheme(), addr)
	if admin != nil {
		_, _ = fmt.Fprintf(w, "metrics   http://%s/metrics\n", admin)
	}
	_, _ = fmt.Fprintf(w, "guests    %s\n", c.Auth.guestLine(addr))
}

// closing closes something that may be closed already.
func closing(log zerolog.Logger, what string, close func() error) {
	if err := close(); err != nil && !errors.Is(err, net.ErrClosed) {
		log.Warn().Err(err).Msg("close " + what)
	}
}

// dataFile reads a file of the data folder, or makes it with what create gives,
// readable by the hub's user alone.
func dataFile(name string, create func() []byte) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return data, err
	}
	data = create()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	return data, errors.Join(err, f.Sync(), f.Close())
}
