package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/triggers"
)

// ListenerPath is where requests to EventListeners are taken, beside the addresses of
// their Services.
const ListenerPath = "/v1/listeners/{namespace}/{name}"

// accepted is what the sender of a request to an EventListener is told, in the words of
// https://tekton.dev/docs/triggers/eventlisteners/#understanding-eventlistener-response.
type accepted struct {
	EventListener    string    `json:"eventListener,omitempty"`
	Namespace        string    `json:"namespace,omitempty"`
	EventListenerUID types.UID `json:"eventListenerUID,omitempty"`
	EventID          string    `json:"eventID,omitempty"`
	ErrorMessage     string    `json:"errorMessage,omitempty"`
}

// serveHost takes a request by the name of the EventListener's Service, which leads here.
func (g *Gateway) serveHost(w http.ResponseWriter, r *http.Request) answer {
	namespace, name := listenerOf(r.Host)
	if name == "" {
		return answer{code: http.StatusNotFound, outcome: "unknown", Error: "nothing is taken here: the path of a Repository is /hooks/NAMESPACE/NAME, " +
			"that of an EventListener is /v1/listeners/NAMESPACE/NAME, or any where the host is el-NAME.NAMESPACE.svc"}
	}
	r.SetPathValue("namespace", namespace)
	r.SetPathValue("name", name)
	return g.takeRequest(w, r, r.URL.RequestURI())
}

// listenerOf reads the host el-NAME.NAMESPACE, or that and .svc and more.
func listenerOf(host string) (namespace, name string) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	labels := strings.Split(strings.ToLower(host), ".")
	name, ok := strings.CutPrefix(labels[0], "el-")
	if !ok || len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" {
		return "", ""
	}
	return labels[1], name
}

// serveListener takes a request by its path. What comes behind is the path that the
// EventListener sees.
func (g *Gateway) serveListener(w http.ResponseWriter, r *http.Request) answer {
	url := "/" + r.PathValue("rest")
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	return g.takeRequest(w, r, url)
}

func (g *Gateway) takeRequest(w http.ResponseWriter, r *http.Request, url string) answer {
	body, release, err := g.bodies.read(w, r)
	defer release()
	if err != nil {
		return unread(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	log := g.Log.With("namespace", r.PathValue("namespace"), "eventlistener", r.PathValue("name"))
	el, err := g.Cluster.Listener(ctx, r.PathValue("namespace"), r.PathValue("name"))
	a := answer{accepted: accepted{EventListener: r.PathValue("name"), Namespace: r.PathValue("namespace")}}
	switch {
	case kube.IsGone(err):
		return a.refuse(http.StatusNotFound, "unknown", "there is no such EventListener")
	case err != nil:
		log.Error("an EventListener could not be read", "error", err)
		return away
	}
	a.EventListenerUID = el.UID
	if reason := triggers.Refusal(el); reason != "" {
		return a.refuse(http.StatusBadRequest, "invalid", reason)
	}
	if !isObject(body) && el.Annotations[triggersv1.AnnotationPayloadValidation] != "false" {
		return a.refuse(http.StatusBadRequest, "invalid", "the body is no JSON object, which the annotation "+triggersv1.AnnotationPayloadValidation+": \"false\" would allow")
	}
	if !g.limits.allow(el.UID, len(body), g.Now()) {
		return a.refuse(http.StatusTooManyRequests, "limited", "more comes than this EventListener may store; try again later")
	}
	e, err := g.request(el, r, url, body)
	if err != nil {
		return a.refuse(http.StatusInternalServerError, "invalid", err.Error())
	}
	if e.Spec.Payload == nil {
		return a.refuse(http.StatusRequestEntityTooLarge, "too-large", "the body does not fit into the cluster: it is larger than 1 MiB when compressed")
	}
	return g.inTime(ctx, func(ctx context.Context) answer { return g.writeRequest(ctx, log, e, a) })
}

func (a answer) refuse(code int, outcome, message string) answer {
	a.code, a.outcome, a.ErrorMessage = code, outcome, message
	return a
}

// isObject reports whether a body is a JSON object, without taking room for what is in it.
func isObject(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && body[0] == '{' && json.Valid(body)
}

// request is what came. Headers are kept as they are: what the interceptors check is
// among them.
func (g *Gateway) request(el *triggersv1.EventListener, r *http.Request, url string, body []byte) (*v1alpha1.ListenerEvent, error) {
	payload, err := pack(body)
	if err != nil {
		return nil, err
	}
	return &v1alpha1.ListenerEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: el.Namespace, Name: string(uuid.NewUUID()), OwnerReferences: []metav1.OwnerReference{
			{APIVersion: triggersv1.SchemeGroupVersion.String(), Kind: triggersv1.KindEventListener, Name: el.Name, UID: el.UID}}},
		Spec: v1alpha1.ListenerEventSpec{Listener: el.Name, Received: metav1.NewMicroTime(g.Now()), URL: url, Headers: r.Header.Clone(), Payload: payload},
	}, nil
}

// writeRequest stores a request, and says what became of it.
func (g *Gateway) writeRequest(ctx context.Context, log *slog.Logger, e *v1alpha1.ListenerEvent, a answer) answer {
	switch err := g.Cluster.StoreRequest(ctx, e); {
	case kube.IsRefused(err):
		log.Info("the API server refuses a request", "error", err)
		return a.refuse(http.StatusBadRequest, "invalid", "the request cannot be stored: "+err.Error())
	case err != nil:
		log.Error("a request could not be stored", "error", err)
		return away
	}
	log.Info("stored", "event", e.Name)
	a.code, a.outcome, a.EventID = http.StatusAccepted, "stored", e.Name
	return a
}

// What one EventListener may have stored by each gateway: anybody may send it something, as
// signatures are checked later. A request is one, and one more for each 64 KiB.
const (
	limitBurst     = 1000
	limitPerSecond = 20
	limitUnit      = 64 << 10
)

// limits bounds what is stored for each EventListener.
type limits struct {
	mu sync.Mutex
	by map[types.UID]*rate.Limiter
}

func newLimits() *limits { return &limits{by: map[types.UID]*rate.Limiter{}} }

func (l *limits) allow(of types.UID, size int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.by[of]
	if limiter == nil {
		limiter = rate.NewLimiter(limitPerSecond, limitBurst)
		l.by[of] = limiter
	}
	return limiter.AllowN(now, 1+size/limitUnit)
}
