package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/pkg/forge"
)

// answers gives one after the other, and counts.
type answers struct {
	list  []answer
	asked int
	body  string
}

type answer struct {
	status int
	header map[string]string
	body   string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	next := a.list[min(a.asked, len(a.list)-1)]
	a.asked++
	sent, err := io.ReadAll(r.Body)
	a.body = string(sent)
	res := &http.Response{StatusCode: next.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(next.body)), Request: r}
	for name, value := range next.header {
		res.Header.Set(name, value)
	}
	return res, err
}

func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		list   []answer
		asked  int
		// least and most bound the time that it takes.
		least, most time.Duration
		want        string
	}{
		"a server that restarts":  {"GET", []answer{{status: 502}, {status: 500}, {status: 200}}, 3, 750 * time.Millisecond, 1500 * time.Millisecond, ""},
		"one that stays away":     {"GET", []answer{{status: 504}}, 3, 750 * time.Millisecond, 1500 * time.Millisecond, "504"},
		"what may have been done": {"POST", []answer{{status: 502}, {status: 200}}, 1, 0, 0, "502"},
		"what was not done":       {"POST", []answer{{status: 503}, {status: 200}}, 2, 250 * time.Millisecond, 500 * time.Millisecond, ""},
		"the forge says when":     {"POST", []answer{{status: 429, header: map[string]string{"Retry-After": "7"}}, {status: 200}}, 2, 7 * time.Second, 7 * time.Second, ""},
		"that is too long":        {"GET", []answer{{status: 429, header: map[string]string{"Retry-After": "60"}}}, 1, 0, 0, "used up for 1m0s"},
		"a limit that is a 403": {"GET", []answer{{status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "946684803"}}, {status: 200}},
			2, 3 * time.Second, 3 * time.Second, ""},
		"a token that may not": {"GET", []answer{{status: 403}, {status: 200}}, 1, 0, 0, "403"},
		"what is wrong":        {"GET", []answer{{status: 422}, {status: 200}}, 1, 0, 0, "422"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock starts at 2000-01-01, 946684800
				a := &answers{list: test.list}
				c := Client{Base: "http://forge.example/api", Transport: a}
				start := time.Now()
				_, err := c.Do(t.Context(), Call{Method: test.method, Path: "/x", Body: map[string]int{"n": 1}})
				took := time.Since(start)
				if a.asked != test.asked || took < test.least || took > test.most {
					t.Errorf("asked %d times in %s, want %d in %s to %s", a.asked, took, test.asked, test.least, test.most)
				}
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("%v, want one that says %q", err, test.want)
				}
				if a.body != `{"n":1}` {
					t.Errorf("the last try sent %q", a.body)
				}
			})
		})
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		want   string
		kind   error
	}{
		"GitHub's and Gitea's":    {answer{status: 401, body: `{"message": "Bad credentials", "documentation_url": "https://x"}`}, "401 Unauthorized: Bad credentials", forge.ErrDenied},
		"a list of what is wrong": {answer{status: 422, body: `{"message": "Validation Failed", "errors": [{"field": "sha", "message": "No commit found"}]}`}, "422 Unprocessable Entity: Validation Failed: No commit found", nil},
		"GitLab's":                {answer{status: 404, body: `{"error": "404 Project Not Found"}`}, "404 Not Found: 404 Project Not Found", forge.ErrNotFound},
		"Bitbucket Cloud's":       {answer{status: 403, body: `{"type": "error", "error": {"message": "Access denied"}}`}, "403 Forbidden: Access denied", forge.ErrDenied},
		"Bitbucket Data Center's": {answer{status: 400, body: `{"errors": [{"context": null, "message": "bad"}]}`}, "400 Bad Request: bad", nil},
		"a page for people":       {answer{status: 404, body: `<html><h1>internal.example: no such thing</h1>`}, "404 Not Found", forge.ErrNotFound},
		"more than a line":        {answer{status: 400, body: `{"message": "a\nb\u001b[31m` + strings.Repeat("é", 400) + `"}`}, "400 Bad Request: a b [31m" + strings.Repeat("é", 292) + "…", nil},
		"a limit":                 {answer{status: 429, header: map[string]string{"Retry-After": "61"}}, "429 Too Many Requests; the forge's limit of requests is used up for 1m1s", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := Client{Base: "http://forge.example/api", Transport: &answers{list: []answer{test.answer}}}
			_, err := c.Get(t.Context(), Path("a b", "c/d"), url.Values{"q": {"1"}}, nil)
			if want := "GET http://forge.example/api/a%20b/c%2Fd: " + test.want; err == nil || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
			for _, kind := range []error{forge.ErrDenied, forge.ErrNotFound} {
				if errors.Is(err, kind) != errors.Is(test.kind, kind) {
					t.Errorf("%v: is %q: %t", err, kind, errors.Is(err, kind))
				}
			}
		})
	}
}

func TestAnswersThatAreNotTaken(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"no JSON":   {"<html>", "not what the API documents"},
		"too large": {strings.Repeat(" ", maxBody) + "{}", "larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Client{Base: "http://forge.example", Transport: &answers{list: []answer{{status: 200, body: test.body}}}}
			var out struct{}
			if _, err := c.Get(t.Context(), "/x", nil, &out); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"seconds":      {"Retry-After", "30", 30 * time.Second},
		"a date":       {"Retry-After", now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		"a past date":  {"Retry-After", now.Add(-time.Minute).Format(http.TimeFormat), 0},
		"GitHub's":     {"X-RateLimit-Reset", strconv.FormatInt(now.Unix()+9, 10), 9 * time.Second},
		"GitLab's":     {"RateLimit-Reset", strconv.FormatInt(now.Unix()+8, 10), 8 * time.Second},
		"nothing":      {"X-Other", "1", 0},
		"what is none": {"Retry-After", "soon", 0},
		"below zero":   {"Retry-After", "-3", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			h.Set(test.header, test.value)
			if got := after(h, now); got != test.want {
				t.Errorf("%s: %s, want %s", fmt.Sprint(h), got, test.want)
			}
		})
	}
}
