// Package cloudevents tells a sink outside of the cluster what becomes of runs,
// with the event types and the payload that Tekton's users know.
//
// Nothing here holds a run back: an event goes into a queue of bounded size, and
// is lost, counted and logged when the sink takes none for too long. Events may
// arrive out of order, or twice under one id.
package cloudevents

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Outcome is what became of an event.
type Outcome string

// The outcomes of an event.
const (
	// Sent is an event that the sink took.
	Sent Outcome = "sent"
	// Failed is an event that the sink refused or did not take in time.
	Failed Outcome = "failed"
	// Dropped is an event that found no room in the queue, or that was still in it
	// when the sender ended.
	Dropped Outcome = "dropped"
)

// The limits of what waits for the sink.
const (
	maxEvents = 4096
	maxBytes  = 32 << 20
	// senders is how many events are under way at once.
	senders = 16
	// attemptTimeout is how long the sink may take to answer.
	attemptTimeout = 10 * time.Second
)

// Backoff is how a Sender waits between the attempts at one event: for about a
// minute in all, with some scatter.
func Backoff() wait.Backoff {
	return wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 8}
}

// Options is what a Sender needs; every field is required.
type Options struct {
	// Sink is the URL that events are posted to.
	Sink   string
	Client *http.Client
	// Backoff is slept through between attempts; its Steps are their number.
	Backoff wait.Backoff
	// Now is the clock.
	Now func() time.Time
	// Count is told what became of each event; it must not block.
	Count func(Outcome)
	Log   *slog.Logger
}

// Sender sends events about runs. It is an observer of what the reconcilers
// write; all its methods may be called at once.
type Sender struct {
	Options
	queue chan event.Event
	// bytes is the size of the queue's payloads.
	bytes atomic.Int64
	// full says that the last event found no room, so that this is logged once.
	full atomic.Bool
}

// New returns a Sender; nothing is sent until it is started.
func New(o Options) *Sender { return &Sender{Options: o, queue: make(chan event.Event, maxEvents)} }

// Start sends what is queued until ctx ends.
func (s *Sender) Start(ctx context.Context) error {
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-s.queue:
					s.deliver(ctx, e)
				}
			}
		})
	}
	all.Wait()
	s.drain()
	return nil
}

// drain counts what nobody will send.
func (s *Sender) drain() {
	for lost := 0; ; lost++ {
		select {
		case e := <-s.queue:
			s.bytes.Add(-int64(len(e.Data())))
			s.Count(Dropped)
		default:
			if lost > 0 {
				s.Log.Warn("cloud events were not sent before the controller ended", "sink", s.Sink, "events", lost)
			}
			return
		}
	}
}

// offer queues an event, or drops it when there is no room.
func (s *Sender) offer(e event.Event) {
	size := int64(len(e.Data()))
	if s.bytes.Add(size) <= maxBytes {
		select {
		case s.queue <- e:
			s.full.Store(false)
			return
		default:
		}
	}
	s.bytes.Add(-size)
	s.Count(Dropped)
	if !s.full.Swap(true) {
		s.Log.Warn("the queue of cloud events is full: events are dropped until the sink takes some", "sink", s.Sink, "first", e.Source())
	}
}

// deliver tries to send an event until the sink takes it, refuses it for good, or
// the attempts are used up.
func (s *Sender) deliver(ctx context.Context, e event.Event) {
	defer s.bytes.Add(-int64(len(e.Data())))
	backoff := s.Backoff
	for {
		again, err := s.post(ctx, e)
		if err == nil {
			s.Count(Sent)
			return
		}
		if !again || backoff.Steps <= 1 || !pause(ctx, backoff.Step()) {
			s.Count(Failed)
			s.Log.Warn("a cloud event was not delivered", "sink", s.Sink, "type", e.Type(), "source", e.Source(), "error", err)
			return
		}
	}
}

// pause waits, and reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// post sends an event once. again says that another attempt may fare better.
func (s *Sender) post(ctx context.Context, e event.Event) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, s.Sink, e)
	if err != nil {
		return false, err
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	// A body that is read to its end leaves a connection for the next event.
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return true, err
	}
	if resp.StatusCode < 300 {
		return false, nil
	}
	return mayPass(resp.StatusCode), fmt.Errorf("the sink answered %s", resp.Status)
}

// mayPass reports whether a refusal may be gone the next time: a broker that is
// being set up answers 404.
func mayPass(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}
