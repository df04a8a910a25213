package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// ErrPending is wrapped by the error of a reference whose answer is under way.
// DeskOptions.Ready will tell when it is there.
var ErrPending = errors.New("awaiting remote resource")

// Asker is the run that a reference is found for.
type Asker struct {
	// Kind is TaskRun or PipelineRun.
	Kind, Namespace, Name string
	UID                   types.UID
}

// Desk finds documents for runs, off the caller's goroutine. Each run gets one
// answer to one question, however often it asks, until it is forgotten; runs
// that ask the same at the same time share one fetch.
type Desk struct {
	o     DeskOptions
	cache *cache

	mu      sync.Mutex
	answers map[types.UID]map[string]answer
	// flying holds what is being fetched or waits for its turn, in order.
	flying []*errand
}

// DeskOptions bounds a Desk; every field is required.
type DeskOptions struct {
	// Resolvers by name.
	Resolvers map[string]fetch.Resolver
	// Timeout is how long one fetch may take, with its tries.
	Timeout time.Duration
	// Pause is how long to wait before a fetch is tried again that may go better
	// then; it doubles each time.
	Pause time.Duration
	// Parallel is how many fetches go on at once, PerOrigin how many of them from
	// one server: a server that hangs holds up no more.
	Parallel, PerOrigin int
	Now                 func() time.Time
	// Ready is called, from any goroutine, when a run's answer is there.
	Ready func(Asker)
}

// answerLife is how long the answer is kept for a run that does not come back
// for it.
const answerLife = 10 * time.Minute

type answer struct {
	document *fetch.Document
	err      error
	at       time.Time
}

// question is what a reference asks for.
type question struct {
	namespace, resolver string
	params              fetch.Params
	mode                cacheMode
}

// key is the same for the same question alone.
func (q question) key() string {
	parts := []string{q.namespace, q.resolver}
	for _, name := range slices.Sorted(maps.Keys(q.params)) {
		parts = append(parts, name, q.params[name])
	}
	return fmt.Sprintf("%q", parts)
}

// errand is one fetch for everybody who asks for it.
type errand struct {
	key, origin string
	question    question
	resolver    fetch.Resolver
	askers      map[types.UID]Asker
	started     bool
	// told says that the askers have their answer, though the fetch may go on.
	told bool
}

// NewDesk returns a desk with nothing on it.
func NewDesk(o DeskOptions) *Desk {
	return &Desk{o: o, cache: newCache(o.Now), answers: map[types.UID]map[string]answer{}}
}

// names are those of the resolvers.
func (d *Desk) names() []string { return slices.Sorted(maps.Keys(d.o.Resolvers)) }

// ask returns the answer of one of the resolvers, or ErrPending while it is under way.
func (d *Desk) ask(by Asker, q question) (*fetch.Document, error) {
	resolver, key := d.o.Resolvers[q.resolver], q.key()
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, ok := d.answers[by.UID][key]; ok {
		return a.document, a.err
	}
	if document := d.cache.get(key, q.mode); document != nil {
		d.keep(by.UID, key, answer{document: document})
		return document, nil
	}
	for _, e := range d.flying {
		if e.key == key && e.question.mode == q.mode && !e.told {
			e.askers[by.UID] = by
			return nil, ErrPending
		}
	}
	d.flying = append(d.flying, &errand{key: key, origin: q.resolver + " " + resolver.Origin(q.params), question: q,
		resolver: resolver, askers: map[types.UID]Asker{by.UID: by}})
	d.startSome()
	return nil, ErrPending
}

// Forget drops the answers of a run that has what it asked for, or is gone.
func (d *Desk) Forget(run types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.answers, run)
}

// keep remembers an answer, and drops those that nobody came back for.
func (d *Desk) keep(run types.UID, key string, a answer) {
	a.at = d.o.Now()
	for uid, answers := range d.answers {
		maps.DeleteFunc(answers, func(_ string, old answer) bool { return a.at.Sub(old.at) > answerLife })
		if len(answers) == 0 {
			delete(d.answers, uid)
		}
	}
	if d.answers[run] == nil {
		d.answers[run] = map[string]answer{}
	}
	d.answers[run][key] = a
}

// startSome starts what there is room for, first come, first served.
func (d *Desk) startSome() {
	total, from := 0, map[string]int{}
	for _, e := range d.flying {
		if e.started {
			total++
			from[e.origin]++
		}
	}
	for _, e := range d.flying {
		if !e.started && total < d.o.Parallel && from[e.origin] < d.o.PerOrigin {
			total++
			from[e.origin]++
			e.started = true
			go d.run(e)
		}
	}
}

// run fetches. The askers hear of it when the time is up at the latest, whatever
// the resolver does with its context.
func (d *Desk) run(e *errand) {
	ctx, cancel := context.WithTimeout(context.Background(), d.o.Timeout)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		document, err := d.try(ctx, e)
		done <- answer{document: document, err: err}
	}()
	select {
	case a := <-done:
		d.tell(e, a)
	case <-ctx.Done():
		d.tell(e, answer{err: ctx.Err()})
		<-done
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flying = slices.DeleteFunc(d.flying, func(other *errand) bool { return other == e })
	d.startSome()
}

func (d *Desk) tell(e *errand, a answer) {
	if errors.Is(a.err, context.DeadlineExceeded) {
		a.err = fmt.Errorf("%s: no answer within %s", describe(e.question.params), d.o.Timeout)
	}
	if a.err != nil {
		a.err = &Error{fmt.Sprintf("resolver %s: %s", e.question.resolver, oneLine(a.err.Error()))}
	}
	d.mu.Lock()
	e.told = true
	if a.err == nil {
		d.cache.put(e.key, a.document, life(e.question.mode, e.resolver.Immutable(e.question.params)))
	}
	askers := slices.Collect(maps.Values(e.askers))
	for _, by := range askers {
		d.keep(by.UID, e.key, a)
	}
	d.mu.Unlock()
	for _, by := range askers {
		d.o.Ready(by)
	}
}

// try fetches, and again while that may go better.
func (d *Desk) try(ctx context.Context, e *errand) (document *fetch.Document, err error) {
	const tries = 3
	pause := d.o.Pause
	for n := 1; ; n++ {
		document, err = fetchSafely(ctx, e)
		if err == nil || n == tries || !fetch.MayPass(err) || ctx.Err() != nil {
			return document, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// fetchSafely keeps what a server sends from ending the controller, should a
// library not expect it.
func fetchSafely(ctx context.Context, e *errand) (document *fetch.Document, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: what the server sent cannot be read: %v", describe(e.question.params), p)
		}
	}()
	return e.resolver.Fetch(ctx, fetch.Query{Namespace: e.question.namespace, Params: e.question.params})
}

// describe names the place by the param that says most about it.
func describe(p fetch.Params) string {
	for _, name := range []string{"url", "bundle", "name"} {
		if p[name] != "" {
			return p[name]
		}
	}
	return "the reference"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
