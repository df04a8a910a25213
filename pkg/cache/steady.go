package cache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// attempts is how often a request is made whose answer says that another time may be better.
	attempts = 5
	// firstPause is the time after the first of them; each after it is twice as long.
	firstPause = 200 * time.Millisecond
	// longestPause bounds what a registry may ask for by Retry-After.
	longestPause = 10 * time.Second
)

// steady tries requests again that failed for the world's reasons. Registries answer some part of their requests with a 5xx
// when they are busy, and go-containerregistry gives each step of an upload one try.
type steady struct {
	next  http.RoundTripper
	pause time.Duration
}

func (s steady) RoundTrip(r *http.Request) (*http.Response, error) {
	for attempt := range attempts {
		res, err := s.next.RoundTrip(r)
		if attempt == attempts-1 || !mayHelp(res, err) {
			return res, err
		}
		again, ok := rewound(r)
		if !ok {
			return res, err
		}
		pause := max(s.pause<<attempt, asked(res))
		if res != nil {
			_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
			res.Body.Close()
		}
		if err := sleep(r.Context(), pause); err != nil {
			return nil, err
		}
		r = again
	}
	return nil, errors.New("unreachable")
}

// mayHelp reports whether the same request could be answered otherwise.
func mayHelp(res *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, http.ErrSchemeMismatch)
	}
	return slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, res.StatusCode)
}

// rewound is the request with its body from the start.
func rewound(r *http.Request) (*http.Request, bool) {
	again := r.Clone(r.Context())
	if r.Body == nil || r.Body == http.NoBody {
		return again, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	again.Body = body
	return again, err == nil
}

// asked is how long the registry wants to be left alone.
func asked(res *http.Response) time.Duration {
	if res == nil {
		return 0
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestPause)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
