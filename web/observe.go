package web

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fairqueue/web/api"
	"fairqueue/web/stream"
)

// metrics are the figures of the main address.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	known   atomic.Pointer[map[figureKey]figures]
	knowing sync.Mutex
}

func newMetrics(r *prometheus.Registry) *metrics {
	m := &metrics{
		registry: r,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fairqueue_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fairqueue_http_request_seconds", Help: "Time to answer, by route; streams are not counted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "fairqueue_http_in_flight", Help: "Requests being answered now; streams are not counted.",
		}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight)
	return m
}

// refusals adds the number of requests that the limits refused, or would have.
func (m *metrics) refusals(count func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "fairqueue_guard_refused_total", Help: "Requests that were refused as too many; where the guard only observes, would have been.",
	}, func() float64 { return float64(count()) }))
}

// streams adds the figures of event streams.
func (m *metrics) streams(stats func() stream.Stats) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fairqueue_http_streams", Help: "Event streams open now.",
		}, func() float64 { return float64(stats().Open) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fairqueue_stream_tick_seconds", Help: "How long the last message to all event streams took.",
		}, func() float64 { return stats().Took.Seconds() }),
	)
	total := func(name, help string, labels prometheus.Labels, value func(stream.Stats) int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value(stats())) }))
	}
	total("fairqueue_streams_opened_total", "Event streams that were opened.", nil, func(s stream.Stats) int64 { return s.Opened })
	total("fairqueue_stream_writes_total", "Writes to event streams.", nil, func(s stream.Stats) int64 { return s.Writes })
	total("fairqueue_stream_bytes_total", "Bytes written to event streams.", nil, func(s stream.Stats) int64 { return s.Bytes })
	for reason, value := range map[string]func(stream.Stats) int64{
		"gone":     func(s stream.Stats) int64 { return s.Gone },
		"slow":     func(s stream.Stats) int64 { return s.Slow },
		"lifetime": func(s stream.Stats) int64 { return s.Expired },
		"stop":     func(s stream.Stats) int64 { return s.Shut },
	} {
		total("fairqueue_streams_ended_total", "Event streams that ended: the peer had gone, read too slowly, the lifetime was over, or the server stopped.",
			prometheus.Labels{"reason": reason}, value)
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// clientGone is the status in logs and metrics of a request whose client hung
// up before the answer, as proxies write it.
const clientGone = 499

// observe counts a request and writes a line about it. Nothing a person typed is
// in the line: the route is a pattern, people are ids. Polls and joins that went
// well write none: they are counted, and the ledger has each join.
func (s *Server) observe(c echo.Context, took time.Duration, err error) {
	r, w := c.Request(), c.Response()
	route, status := route(c), w.Status
	if status >= http.StatusInternalServerError && errors.Is(r.Context().Err(), context.Canceled) {
		status = clientGone // What failed is that nobody waits for the answer.
	}
	f := s.metrics.of(figureKey{method(r), route, status})
	f.requests.Inc()
	if !isStream(w.Header()) {
		f.seconds.Observe(took.Seconds())
	}

	level := slog.LevelInfo
	switch {
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case route == "/livez" || route == "/readyz" || route == "/metrics" || route == "/static/*",
		status < http.StatusBadRequest && (route == api.QueuePath || route == livePath):
		level = slog.LevelDebug
	}
	if !s.cfg.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", method(r)), slog.String("route", route), slog.Int("status", status),
		slog.Duration("took", took.Round(time.Microsecond)), slog.Int64("bytes", w.Size), slog.String("request", requestID(c)),
	}
	if id, ok := who(c); ok {
		attrs = append(attrs, slog.String("account", id.AccountID.String()))
	} else if id, ok := c.Get(api.AccountKey).(uuid.UUID); ok {
		attrs = append(attrs, slog.String("account", id.String()))
	}
	if err != nil && status >= http.StatusInternalServerError {
		attrs = append(attrs, slog.String("err", err.Error()))
	}
	s.cfg.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

func isStream(h http.Header) bool {
	t := h["Content-Type"]
	return len(t) == 1 && t[0] == "text/event-stream"
}

// figureKey names the figures of a kind of request: few values, none of them
// chosen by the outside.
type figureKey struct {
	method, route string
	status        int
}

// figures are the metrics of a kind of request, found once: looking them up by
// label is half of what a poll costs.
type figures struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// of returns the figures of a kind of request. Readers take a map that is never
// changed, without a lock.
func (m *metrics) of(k figureKey) figures {
	if known := m.known.Load(); known != nil {
		if f, ok := (*known)[k]; ok {
			return f
		}
	}
	m.knowing.Lock()
	defer m.knowing.Unlock()
	next := map[figureKey]figures{}
	if known := m.known.Load(); known != nil {
		maps.Copy(next, *known)
	}
	f := figures{
		requests: m.requests.WithLabelValues(k.method, k.route, strconv.Itoa(k.status)),
		seconds:  m.seconds.WithLabelValues(k.method, k.route),
	}
	next[k] = f
	m.known.Store(&next)
	return f
}

// route is the pattern of a request's route: few values, none of them chosen
// by the outside.
func route(c echo.Context) string {
	if p := c.Path(); p != "" {
		return p
	}
	return "unmatched"
}

// method bounds the values that the outside can put into a metric.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}
