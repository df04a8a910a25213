// Package scrape reads what the API server and controllers tell of themselves.
package scrape

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/test/bench/lab"
)

// CPU is the metric of the seconds that a Go program has computed for.
const CPU = "process_cpu_seconds_total"

// Text is what programs serve at /metrics, in the text format of Prometheus.
type Text []byte

// Sum adds up a metric over its labels, or over those of its series that have each of
// the labels, such as name="taskrun".
func (t Text) Sum(metric string, labels ...string) (total float64) {
	for line := range strings.Lines(string(t)) {
		rest, ok := strings.CutPrefix(line, metric)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' || !all(rest, labels) {
			continue
		}
		fields := strings.Fields(rest)
		if v, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil {
			total += v
		}
	}
	return total
}

func all(series string, labels []string) bool {
	for _, l := range labels {
		if !strings.Contains(series, l) {
			return false
		}
	}
	return true
}

// Server is what the API server tells.
func Server(ctx context.Context, l *lab.Lab) (Text, error) {
	return l.Kube.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
}

// Controller is what the Pods of a controller tell, named as NAMESPACE/APP.
func Controller(ctx context.Context, l *lab.Lab, name string) (Text, error) {
	namespace, pods, err := Pods(ctx, l, name)
	if err != nil {
		return nil, err
	}
	var out Text
	for _, pod := range pods {
		text, err := l.Kube.CoreV1().RESTClient().Get().Namespace(namespace).Resource("pods").Name(pod + ":8080").SubResource("proxy").Suffix("metrics").DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("the metrics of pod %s: %w", pod, err)
		}
		out = append(out, text...)
	}
	return out, nil
}

// Pods names the Pods of a controller, named as NAMESPACE/APP.
func Pods(ctx context.Context, l *lab.Lab, name string) (namespace string, pods []string, err error) {
	namespace, app, ok := strings.Cut(name, "/")
	if !ok {
		return "", nil, fmt.Errorf("controller %q: want NAMESPACE/APP", name)
	}
	pods, err = l.PodsOf(ctx, namespace, client.MatchingLabels{"app.kubernetes.io/name": app})
	return namespace, pods, err
}
