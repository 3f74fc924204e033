package bench

import (
	"encoding/json"
	"io"
	"time"
)

// Result is what one run found. A figure that the scenario or the server does not
// have is nil. FIGURES.md says of each what it is and where it comes from.
type Result struct {
	Scenario string `json:"scenario"`
	Server   string `json:"server"`
	Protocol string `json:"protocol"`
	Ack      string `json:"ack,omitempty"` // level of a hub that was started for the run

	// of the server
	CPU        *float64 `json:"cpu_us_per_delivery"`
	P50        *float64 `json:"p50_us"`
	P99        *float64 `json:"p99_us"`
	Max        *float64 `json:"max_us"`
	Lost       int64    `json:"lost"`
	Repeated   int64    `json:"repeated"`
	Disordered int64    `json:"disordered"` // members who had another order than most of their room
	RSSPerConn *float64 `json:"rss_bytes_per_conn"`
	Ratio      *float64 `json:"ratio_to_floor"`

	// of the run
	Conns      int      `json:"conns"`
	Deliveries uint64   `json:"deliveries"`
	Seconds    float64  `json:"seconds"`
	Generator  *float64 `json:"generator_cpu_us_per_delivery"`

	// More holds the scenario's own figures, each with its unit in its name.
	More map[string]float64 `json:"more,omitempty"`
}

// Wrong tells whether anything was lost, repeated or out of order.
func (r *Result) Wrong() bool { return r.Lost != 0 || r.Repeated != 0 || r.Disordered != 0 }

// WriteJSON writes the result as one line.
func (r *Result) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// spent is processor time, of a time in which something was measured.
type spent struct {
	wall, server, generator time.Duration
}

// since gives what was spent between two readings.
func (s spent) since(before spent) spent {
	return spent{s.wall - before.wall, s.server - before.server, s.generator - before.generator}
}

func (s spent) plus(more spent) spent {
	return spent{s.wall + more.wall, s.server + more.server, s.generator + more.generator}
}

// more notes a figure of the scenario's own.
func (r *Result) more(name string, v float64) {
	if r.More == nil {
		r.More = make(map[string]float64)
	}
	r.More[name] = v
}

// latency notes the usual quantiles, if anything was timed.
func (r *Result) latency(h *Histogram) {
	if h.Count() > 0 {
		r.P50, r.P99, r.Max = micros(h.Quantile(0.5)), micros(h.Quantile(0.99)), micros(h.Max())
	}
}

// each notes what the server and the generator have spent on each of n things.
func (r *Result) each(s spent, n uint64, ofServer bool) {
	if n == 0 {
		return
	}
	if ofServer {
		r.CPU = per(micros(s.server), n)
	}
	r.Generator = per(micros(s.generator), n)
}

func micros(d time.Duration) *float64 {
	v := float64(d) / float64(time.Microsecond)
	return &v
}

func per(v *float64, n uint64) *float64 {
	each := *v / float64(n)
	return &each
}
