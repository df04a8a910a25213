package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Webhooks counts what forges were answered.
type Webhooks struct {
	registry *prometheus.Registry
	took     *prometheus.HistogramVec
}

// NewWebhooks returns Webhooks with a registry of their own.
func NewWebhooks() *Webhooks {
	w := &Webhooks{registry: prometheus.NewRegistry(), took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "slipway", Name: "webhook_duration_seconds", Help: "How long webhooks took to be answered, by what became of them.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"outcome"})}
	w.registry.MustRegister(w.took)
	return w
}

// Observe counts an answer.
func (w *Webhooks) Observe(outcome string, took time.Duration) {
	w.took.WithLabelValues(outcome).Observe(took.Seconds())
}

// Handler serves the metrics.
func (w *Webhooks) Handler() http.Handler {
	return promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{})
}
