// Package gateway takes the webhooks of forges and registries. It believes none before the secret of
// its Repository has verified it, and answers none before what happened is stored in
// the cluster: the forge may forget what it was answered for.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// Path is where webhooks of forges are taken, ImagePath where those of registries are.
const (
	Path      = "/hooks/{namespace}/{name}"
	ImagePath = "/images/{namespace}/{name}"
)

const (
	// maxBody is the largest webhook that a forge sends.
	maxBody = 25 << 20
	// maxBodies is how much all bodies that are being read may take together.
	maxBodies = 96 << 20
	// patience with the cluster, so that the forge has its answer within a second.
	patience = 800 * time.Millisecond
	// storePatience is for the write that the forge waits for no more: it was told of an
	// error, and few forges try again, so that what a slow API server takes late is not lost.
	storePatience = 15 * time.Second
	// maxStoring is how many events are written at once; more wait, with patience.
	maxStoring = 64
	// retryAfter is what a forge that knows the header does; the others' pushes are
	// found by reading the repository again.
	retryAfter = "5"
)

// Cluster is what the gateway asks of one.
type Cluster interface {
	// Repository returns one from memory. kube.IsGone tells that there is none.
	Repository(ctx context.Context, namespace, name string) (*v1alpha1.Repository, error)
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Store says whether the event is a new one.
	Store(ctx context.Context, e *v1alpha1.RepositoryEvent) (fresh bool, err error)
	// Listener returns one from memory. kube.IsGone tells that there is none.
	Listener(ctx context.Context, namespace, name string) (*triggersv1.EventListener, error)
	// StoreRequest stores a request to an EventListener.
	StoreRequest(ctx context.Context, e *v1alpha1.ListenerEvent) error
}

// Options is all that a Gateway needs; every field is required.
type Options struct {
	Cluster Cluster
	// Hook reads the webhooks of a repository's forge.
	Hook func(*v1alpha1.RepositorySpec) (forge.Hook, error)
	Now  func() time.Time
	Log  *slog.Logger
	// Observe counts an answer.
	Observe func(outcome string, took time.Duration)
}

// Gateway answers webhooks.
type Gateway struct {
	Options
	secrets *secrets
	bodies  *room
	storing chan struct{}
	decoy   []byte
	limits  *limits
}

// New returns a Gateway.
func New(o Options) *Gateway {
	return &Gateway{Options: o, secrets: newSecrets(o.Cluster.Secret, o.Now), bodies: newRoom(maxBodies),
		storing: make(chan struct{}, maxStoring), decoy: newDecoy(), limits: newLimits()}
}

// answer is what the forge gets. What it is told is for whoever looks at the
// deliveries there; the log says more.
type answer struct {
	code    int
	outcome string
	// Event is the name of the RepositoryEvent.
	Event   string `json:"event,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
	accepted
}

// The answers that say nothing particular.
var (
	// denied is the same for a repository that is not there, so that names cannot be
	// found by asking.
	denied   = answer{code: http.StatusUnauthorized, outcome: "denied", Error: "there is no such repository, or the signature does not fit its webhook secret"}
	tooLarge = answer{code: http.StatusRequestEntityTooLarge, outcome: "too-large", Error: fmt.Sprintf("the body is larger than %d MiB", maxBody>>20)}
	busy     = answer{code: http.StatusServiceUnavailable, outcome: "busy", Error: "there is no room now; try again later"}
	away     = answer{code: http.StatusServiceUnavailable, outcome: "unavailable", Error: "the event could not be stored; try again later"}
)

// Handler answers webhooks, and requests to EventListeners.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, g.answer(g.by(g.forgeDoor)))
	mux.HandleFunc("POST "+ImagePath, g.answer(func(w http.ResponseWriter, r *http.Request) answer {
		tokenHeader(r)
		return g.serve(w, r, imageDoor)
	}))
	mux.HandleFunc("POST "+ListenerPath, g.answer(g.serveListener))
	mux.HandleFunc("POST "+ListenerPath+"/{rest...}", g.answer(g.serveListener))
	mux.HandleFunc("POST /", g.answer(g.serveHost))
	return mux
}

// answer writes what serve says.
func (g *Gateway) answer(serve func(http.ResponseWriter, *http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer g.catch(w, r)
		started := g.Now()
		a := serve(w, r)
		g.Observe(a.outcome, g.Now().Sub(started))
		if a.code == http.StatusServiceUnavailable || a.code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.code)
		if err := json.NewEncoder(w).Encode(a); err != nil {
			g.Log.Debug("an answer was not taken", "error", err)
		}
	}
}

func (g *Gateway) catch(w http.ResponseWriter, r *http.Request) {
	if bug := recover(); bug != nil {
		g.Log.Error("bug in the gateway: a webhook is lost", "path", r.URL.Path, "panic", bug, "stack", string(debug.Stack()))
		http.Error(w, "slipway has a bug", http.StatusInternalServerError)
	}
}

// unread is what is said of a body that could not be read.
func unread(err error) answer {
	switch {
	case errors.Is(err, errNoRoom):
		return busy
	case errors.As(err, new(*http.MaxBytesError)):
		return tooLarge
	}
	return answer{code: http.StatusBadRequest, outcome: "unread", Error: "the body could not be read"}
}

// by serves those that come in by a door.
func (g *Gateway) by(in door) func(http.ResponseWriter, *http.Request) answer {
	return func(w http.ResponseWriter, r *http.Request) answer { return g.serve(w, r, in) }
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, in door) answer {
	body, release, err := g.bodies.read(w, r)
	defer release()
	if err != nil {
		return unread(err)
	}
	// What the forge does not wait for any more is stored all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	log := g.Log.With("namespace", r.PathValue("namespace"), "repository", r.PathValue("name"))
	d, err := g.verify(ctx, r, in, body)
	if errors.Is(err, forge.ErrSignature) {
		log.Info("a webhook was refused", "reason", err)
		return denied
	} else if err != nil {
		log.Error("a webhook could not be verified", "error", err)
		return away
	}
	return g.take(ctx, log, d)
}

// take stores what a webhook says that was verified.
func (g *Gateway) take(ctx context.Context, log *slog.Logger, d *delivery) answer {
	what, err := d.hook.Parse(d.header, d.body)
	if errors.Is(err, forge.ErrNotOurs) {
		return answer{code: http.StatusOK, outcome: "ignored", Message: "ignored: " + err.Error()}
	} else if err != nil {
		log.Info("a webhook could not be read", "error", err)
		return answer{code: http.StatusBadRequest, outcome: "invalid", Error: err.Error()}
	}
	a := answer{code: http.StatusOK, outcome: "ignored", Message: "ignored: the webhook says nothing"}
	for i := range what {
		if a = g.store(ctx, log, d, i, &what[i]); a.code >= http.StatusBadRequest {
			break
		}
	}
	return a
}

// store stores one of the events of a webhook.
func (g *Gateway) store(ctx context.Context, log *slog.Logger, d *delivery, i int, what *v1alpha1.Event) answer {
	e, err := d.event(i, what, g.Now())
	if err != nil {
		return answer{code: http.StatusBadRequest, outcome: "invalid", Error: err.Error()}
	}
	return g.inTime(ctx, func(ctx context.Context) answer { return g.write(ctx, log, e) })
}

// inTime has something written, and waits for it as long as the sender does.
func (g *Gateway) inTime(ctx context.Context, write func(context.Context) answer) answer {
	if !g.queue(ctx) {
		return busy
	}
	stored := make(chan answer, 1)
	go func() {
		defer func() { <-g.storing }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
		defer cancel()
		stored <- write(ctx)
	}()
	select {
	case a := <-stored:
		return a
	case <-ctx.Done():
		return away
	}
}

// queue waits until there is room to store. Where there is, it is taken even if the
// forge waits no more: a large webhook on a busy machine is late, and not lost.
func (g *Gateway) queue(ctx context.Context) bool {
	select {
	case g.storing <- struct{}{}:
		return true
	default:
	}
	select {
	case g.storing <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// write stores an event, and says what became of it.
func (g *Gateway) write(ctx context.Context, log *slog.Logger, e *v1alpha1.RepositoryEvent) answer {
	switch fresh, err := g.Cluster.Store(ctx, e); {
	case kube.IsRefused(err):
		log.Info("the API server refuses an event", "error", err)
		return answer{code: http.StatusBadRequest, outcome: "invalid", Error: "the event cannot be stored: " + err.Error()}
	case err != nil:
		log.Error("an event could not be stored", "error", err)
		return away
	case !fresh:
		return answer{code: http.StatusOK, outcome: "duplicate", Event: e.Name, Message: "already here"}
	}
	log.Info("stored", "event", e.Name, "type", e.Spec.Event.Type, "ref", e.Spec.Event.Ref, "delivery", e.Spec.Delivery)
	return answer{code: http.StatusAccepted, outcome: "stored", Event: e.Name}
}
