// Package rest asks the HTTP APIs of forges: JSON in and out, bounded in time and
// size, tried again where that can help.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// timeout is for one try, its answer included.
	timeout = 30 * time.Second
	// maxBody is the most that is read of an answer.
	maxBody = 32 << 20
	tries   = 3
	// firstWait doubles with each try.
	firstWait = 500 * time.Millisecond
	// maxWait is the longest that is waited because a forge asks for it; who waits
	// longer does so in a queue and not in here.
	maxWait = 10 * time.Second
)

// Client asks one API.
type Client struct {
	// Base is the address that paths are appended to, without a slash at its end.
	Base string
	// Header is sent with each request, the credentials among them.
	Header http.Header
	// Transport carries the requests, http.DefaultTransport if nil. Who counts
	// calls does it here: each try is one.
	Transport http.RoundTripper
}

// Call is one request.
type Call struct {
	Method string
	// Path starts with a slash, and its parts are escaped.
	Path  string
	Query url.Values
	// Header is sent too.
	Header http.Header
	// Body is marshalled as JSON, unless it is nil; url.Values are sent as a form.
	Body any
	// Out is what the answer is decoded into: *[]byte takes it as it is; nil drops it.
	Out any
}

// Path joins parts, each of them escaped, to one that starts with a slash.
func Path(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/")
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// Get is Do for what is only read.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) (http.Header, error) {
	return c.Do(ctx, Call{Method: http.MethodGet, Path: path, Query: query, Out: out})
}

// Do sends a request and decodes its answer. Its header is that of the answer. An
// answer that is no success is an *Error. Too many requests, and the server errors of
// what can be repeated, are tried three times.
func (c *Client) Do(ctx context.Context, call Call) (http.Header, error) {
	payload, kind, err := encode(call.Body)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		header, err := c.once(ctx, call, payload, kind)
		wait, again := backOff(call.Method, err, try)
		if !again {
			return header, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
	}
}

func encode(body any) (payload []byte, kind string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case url.Values:
		return []byte(b.Encode()), "application/x-www-form-urlencoded", nil
	}
	payload, err = json.Marshal(body)
	return payload, "application/json", err
}

func (c *Client) once(ctx context.Context, call Call, payload []byte, kind string) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := c.Base + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "slipway")
	for _, h := range []http.Header{c.Header, call.Header} {
		for name, values := range h {
			req.Header[name] = slices.Clone(values)
		}
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := (&http.Client{Transport: c.Transport}).Do(req)
	if err != nil {
		return nil, err // it names method and address
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 != 2 {
		return res.Header, refusal(call.Method, address, res)
	}
	if err := decode(res.Body, call.Out); err != nil {
		return res.Header, fmt.Errorf("%s %s: %w", call.Method, address, err)
	}
	return res.Header, nil
}

func decode(body io.Reader, out any) error {
	if out == nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxBody:
		return fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the answer is not what the API documents: %w", err)
	}
	return nil
}

// backOff says whether and when to try again after err, the try counted from 0.
func backOff(method string, err error, try int) (time.Duration, bool) {
	var e *Error
	if try+1 >= tries || !errors.As(err, &e) {
		return 0, false
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	case http.StatusForbidden:
		if !e.limited {
			return 0, false
		}
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusInternalServerError:
		if method == http.MethodPost { // it may have been done
			return 0, false
		}
	default:
		return 0, false
	}
	if e.After > maxWait {
		return 0, false
	}
	wait := firstWait << try
	return max(e.After, wait/2+rand.N(wait/2)), true
}

// after reads how long a forge asks to be left alone.
func after(h http.Header, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return max(at.Sub(now), 0)
	}
	for _, name := range []string{"X-Ratelimit-Reset", "Ratelimit-Reset"} {
		if at, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(now), 0)
		}
	}
	return 0
}
