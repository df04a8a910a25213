package resolve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

const aTask = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: build}\nspec: {description: d, steps: [{image: a}]}\n"

// stub answers as do says, and counts. A param "commit" makes it immutable.
type stub struct {
	mu    sync.Mutex
	asked int
	do    func(ctx context.Context, n int) (*fetch.Document, error)
}

func (s *stub) Origin(p fetch.Params) string  { return p["host"] }
func (s *stub) Immutable(p fetch.Params) bool { return p["commit"] != "" }

func (s *stub) Fetch(ctx context.Context, q fetch.Query) (*fetch.Document, error) {
	s.mu.Lock()
	s.asked++
	n := s.asked
	s.mu.Unlock()
	if s.do == nil {
		return &fetch.Document{Content: fmt.Appendf(nil, "%s %d", q.Params["url"], n)}, nil
	}
	return s.do(ctx, n)
}

// office is a desk with one resolver, to be used in a bubble of synctest.
type office struct {
	*testing.T
	*Desk
	ready []Asker
}

func newOffice(t *testing.T, r fetch.Resolver) *office {
	o := &office{T: t}
	var mu sync.Mutex
	o.Desk = NewDesk(DeskOptions{Resolvers: map[string]fetch.Resolver{"stub": r}, Timeout: time.Minute, Pause: time.Second,
		Parallel: 3, PerOrigin: 2, Now: time.Now, Ready: func(by Asker) {
			mu.Lock()
			defer mu.Unlock()
			o.ready = append(o.ready, by)
		}})
	return o
}

func (o *office) question(run types.UID, params fetch.Params, mode cacheMode) string {
	doc, err := o.ask(Asker{UID: run}, question{"ns", "stub", params, mode})
	if err != nil {
		return err.Error()
	}
	return string(doc.Content)
}

// answer is what the run has in the end.
func (o *office) answer(run types.UID, params fetch.Params, mode cacheMode) string {
	o.question(run, params, mode)
	synctest.Wait()
	return o.question(run, params, mode)
}

func (o *office) want(why, got, want string) {
	o.Helper()
	if got != want {
		o.Errorf("%s: %q, want %q", why, got, want)
	}
}

// What a run has been told does not change until it is forgotten.
func TestOneAnswerForEachRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, &stub{})
		p := fetch.Params{"url": "a"}
		o.want("nobody waits for a server", o.question("1", p, cacheAuto), ErrPending.Error())
		o.want("the second asks with the first", o.question("2", p, cacheAuto), ErrPending.Error())
		synctest.Wait()
		if len(o.ready) != 2 {
			t.Errorf("told %v, want both runs", o.ready)
		}
		o.want("answer", o.question("1", p, cacheAuto), "a 1")
		o.want("shared", o.question("2", p, cacheAuto), "a 1")
		o.want("the same again", o.question("1", p, cacheAuto), "a 1")
		o.want("another run asks anew", o.answer("3", p, cacheAuto), "a 2")
		o.Forget("1")
		o.want("so does one that is forgotten", o.answer("1", p, cacheAuto), "a 3")
		time.Sleep(answerLife + time.Second)
		o.answer("4", p, cacheAuto)
		if len(o.answers) != 1 {
			t.Errorf("%d runs are remembered that did not come back", len(o.answers)-1)
		}
	})
}

func TestCacheModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, &stub{})
		pinned := fetch.Params{"url": "p", "commit": "1"}
		o.want("first", o.answer("1", pinned, cacheAuto), "p 1")
		time.Sleep(24 * time.Hour)
		o.want("what cannot change is kept", o.question("2", pinned, cacheAuto), "p 1")
		o.want("unless a run wants it new", o.answer("3", pinned, cacheNever), "p 2")
		moving := fetch.Params{"url": "m"}
		o.want("first", o.answer("4", moving, cacheAlways), "m 3")
		o.want("what may change is kept on demand", o.question("5", moving, cacheAlways), "m 3")
		o.want("but not for others", o.answer("6", moving, cacheAuto), "m 4")
		time.Sleep(alwaysLife + time.Second)
		o.want("and not for long", o.answer("7", moving, cacheAlways), "m 5")
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(time.Now)
	large := &fetch.Document{Content: make([]byte, fetch.MaxSize)}
	for i := range 2 * cacheBytes / fetch.MaxSize {
		c.put(fmt.Sprint(i), large, -1)
	}
	if c.bytes > cacheBytes || c.get("0", cacheAuto) != nil || c.get(fmt.Sprint(2*cacheBytes/fetch.MaxSize-1), cacheAuto) == nil {
		t.Errorf("%d bytes in %d entries", c.bytes, c.recent.Len())
	}
	for i := range 2 * cacheLength {
		c.put(fmt.Sprint("small", i), &fetch.Document{}, -1)
	}
	if len(c.entries) != cacheLength || c.recent.Len() != cacheLength {
		t.Errorf("%d entries", len(c.entries))
	}
}

// A server that hangs, and a library that does not hear of it, hold up nobody
// who asks another server; those who ask it hear so in time.
func TestHangingServerBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := &stub{do: func(context.Context, int) (*fetch.Document, error) {
			<-release
			return nil, errors.New("late")
		}}
		o := newOffice(t, hung)
		o.o.Resolvers["fine"] = &stub{}
		for i := range 10 {
			o.question(types.UID(fmt.Sprint(i)), fetch.Params{"url": fmt.Sprint("http://slow/", i), "host": "slow"}, cacheAuto)
		}
		fine := question{"ns", "fine", fetch.Params{"url": "ok"}, cacheAuto}
		_, _ = o.ask(Asker{UID: "other"}, fine)
		synctest.Wait()
		if doc, err := o.ask(Asker{UID: "other"}, fine); err != nil || string(doc.Content) != "ok 1" {
			t.Errorf("another server: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		o.want("in time", o.question("0", fetch.Params{"url": "http://slow/0", "host": "slow"}, cacheAuto), "resolver stub: http://slow/0: no answer within 1m0s")
		if hung.asked != 2 {
			t.Errorf("%d requests to a server that hangs, want 2", hung.asked)
		}
		close(release)
		synctest.Wait()
		if len(o.flying) != 0 {
			t.Errorf("%d errands are left", len(o.flying))
		}
		o.want("the answer does not change", o.question("0", fetch.Params{"url": "http://slow/0", "host": "slow"}, cacheAuto), "resolver stub: http://slow/0: no answer within 1m0s")
	})
}

// A fault of what a server sends is not one of the controller.
func TestPanicIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, &stub{do: func(context.Context, int) (*fetch.Document, error) { panic("index out of range") }})
		o.want("panic", o.answer("1", fetch.Params{"url": "http://x"}, cacheAuto), "resolver stub: http://x: what the server sent cannot be read: index out of range")
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type noWorld struct{ fetch.World }

func (noWorld) Settings(context.Context, string) (map[string]string, error) { return nil, nil }

// What may pass is tried again, the rest is not.
func TestTriesAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []any
		want    string
		tries   int
	}{
		"up again":   {[]any{errors.New("connection refused"), 503, "fine"}, "fine", 3},
		"stays away": {[]any{503, 503, 503, "fine"}, "resolver stub: http://x/t: the server answers 503 ", 3},
		"refused":    {[]any{404, "fine"}, "resolver stub: http://x/t: the server answers 404 ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				o := newOffice(t, fetch.HTTP{World: noWorld{}, Client: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
					answer := tc.answers[tries]
					tries++
					switch a := answer.(type) {
					case error:
						return nil, a
					case int:
						return &http.Response{StatusCode: a, Status: fmt.Sprint(a, " "), Body: http.NoBody}, nil
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer.(string)))}, nil
				})}})
				p := fetch.Params{"url": "http://x/t"}
				o.question("1", p, cacheAuto)
				time.Sleep(30 * time.Second)
				o.want("in the end", strings.TrimSpace(o.question("1", p, cacheAuto)), strings.TrimSpace(tc.want))
				if tries != tc.tries {
					t.Errorf("%d tries, want %d", tries, tc.tries)
				}
			})
		})
	}
}
