package transport

import (
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
)

// Admin gives the operator's routes, /metrics, /debug/pprof and Config.Tasks, for a
// listener that strangers do not reach.
func (s *Server) Admin() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		hubCollector{s},
		s.api.metrics,
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	// Without pprof's cmdline: the command line may hold API keys.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	turn := new(sync.Mutex)
	for pattern, task := range s.cfg.Tasks {
		mux.Handle(pattern, s.serveTask(turn, task))
	}
	return s.guardAdmin(mux)
}

// guardAdmin lets no web page in: a browser on this machine reaches loopback too.
func (s *Server) guardAdmin(next http.Handler) http.Handler {
	own := newOrigins(nil, func() bool { return true })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if _, err := own.check(r); err != nil {
			s.writeError(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hubMetric is one figure of hub.Stats.
type hubMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(st *hubStats) float64
}

func gauge(name, help string, value func(*hubStats) float64) hubMetric {
	return hubMetric{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

func counter(name, help string, value func(*hubStats) float64) hubMetric {
	return hubMetric{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

var hubMetrics = []hubMetric{
	gauge("hubbub_hub_sessions", "Connections, of all kinds.", func(st *hubStats) float64 { return float64(st.Sessions) }),
	gauge("hubbub_hub_rooms", "Rooms that have members here.", func(st *hubStats) float64 { return float64(st.Rooms) }),
	gauge("hubbub_hub_members", "Memberships of connections in rooms.", func(st *hubStats) float64 { return float64(st.Members) }),
	counter("hubbub_hub_published_total", "Events that were stored, each once.", func(st *hubStats) float64 { return float64(st.Published) }),
	counter("hubbub_hub_refused_total", "Events that the rules or the log refused.", func(st *hubStats) float64 { return float64(st.Refused) }),
	counter("hubbub_hub_deliveries_total", "Event frames queued to members.", func(st *hubStats) float64 { return float64(st.Deliveries) }),
	counter("hubbub_hub_slow_total", "Connections cut because they read too slowly.", func(st *hubStats) float64 { return float64(st.Slow) }),
	counter("hubbub_hub_repairs_total", "Holes found and read from the log.", func(st *hubStats) float64 { return float64(st.Repairs) }),
	counter("hubbub_hub_resets_total", "Rooms whose log was reset under their members.", func(st *hubStats) float64 { return float64(st.Resets) }),
	counter("hubbub_hub_log_reads_total", "Pages read from the log.", func(st *hubStats) float64 { return float64(st.LogReads) }),
	gauge("hubbub_hub_others", "Other instances that are there.", func(st *hubStats) float64 { return float64(st.Others) }),
	counter("hubbub_hub_presence_bytes_total", "Bytes told to other instances for presence.", func(st *hubStats) float64 { return float64(st.PresenceBytes) }),
	gauge("hubbub_docs_open", "Documents that are open here.", func(st *hubStats) float64 { return float64(st.docs.Documents) }),
	gauge("hubbub_docs_peers", "Peers that have a document open.", func(st *hubStats) float64 { return float64(st.docs.Peers) }),
	counter("hubbub_docs_edits_total", "Updates from editors that brought something new.", func(st *hubStats) float64 { return float64(st.docs.Edits) }),
	counter("hubbub_docs_refused_total", "Updates from editors that were refused.", func(st *hubStats) float64 { return float64(st.docs.Refused) }),
	counter("hubbub_docs_compactions_total", "Snapshots that took the place of records.", func(st *hubStats) float64 { return float64(st.docs.Compactions) }),
	counter("hubbub_docs_broken_total", "Stored records that could not be read and were set aside.", func(st *hubStats) float64 { return float64(st.docs.Broken) }),
	counter("hubbub_docs_resets_total", "Documents whose editors were sent away because storing failed.", func(st *hubStats) float64 { return float64(st.docs.Resets) }),
	gauge("hubbub_log_healthy", "1 while the log can store, else 0.", func(st *hubStats) float64 { return st.healthy }),
}

var buildInfo = prometheus.NewDesc("hubbub_build_info", "Always 1; the label says which version runs.", []string{"version"}, nil)

// hubStats is a moment's view of the hub and of its log.
type hubStats struct {
	hub.Stats
	docs    docs.Stats
	healthy float64
}

func (s *Server) stats() hubStats {
	st := hubStats{Stats: s.cfg.Hub.Stats()}
	if s.cfg.Docs != nil {
		st.docs = s.cfg.Docs.Stats()
	}
	if s.health() == nil {
		st.healthy = 1
	}
	return st
}

// hubCollector reads the hub when it is asked, and keeps nothing itself.
type hubCollector struct{ srv *Server }

// Describe names the metrics.
func (c hubCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range hubMetrics {
		out <- m.desc
	}
	out <- buildInfo
}

// Collect reads them.
func (c hubCollector) Collect(out chan<- prometheus.Metric) {
	st := c.srv.stats()
	for _, m := range hubMetrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&st))
	}
	out <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.srv.cfg.Version)
}

// httpMetrics counts the requests of the API by path and status.
type httpMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newHTTPMetrics() *httpMetrics {
	return &httpMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_http_requests_total", Help: "Requests to the API.",
		}, []string{"path", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hubbub_http_request_seconds", Help: "Time to answer a request to the API.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"path"}),
	}
}

// Describe names the metrics.
func (m *httpMetrics) Describe(out chan<- *prometheus.Desc) {
	m.requests.Describe(out)
	m.seconds.Describe(out)
}

// Collect gives them.
func (m *httpMetrics) Collect(out chan<- prometheus.Metric) {
	m.requests.Collect(out)
	m.seconds.Collect(out)
}

// measure counts what a handler answers on one path.
func (m *httpMetrics) measure(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(counted, r)
		m.requests.WithLabelValues(path, strconv.Itoa(counted.status)).Inc()
		m.seconds.WithLabelValues(path).Observe(time.Since(start).Seconds())
	})
}

// statusWriter notes the status that goes through it.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer inside.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
