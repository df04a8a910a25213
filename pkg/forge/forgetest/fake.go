// Package forgetest is a forge for tests that knows what its documentation knows, and
// fails the test on anything else.
package forgetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Route is one that the forge documents.
type Route struct {
	// Pattern is METHOD /path, with {names} as net/http has them.
	Pattern string
	// Query are the names of the parameters that it takes.
	Query []string
	// Body are the fields that it takes, those inside of others after a dot, those of a
	// list's objects as LIST.FIELD; a field that ends with ".*" takes any below. Nil takes no body.
	Body []string
	// Form is whether the body is a form.
	Form bool
	// Required are those of Query and Body that may not be missing.
	Required []string
	// Reply answers what fits.
	Reply func(w http.ResponseWriter, r *Request)
}

// Request is one that fits a route.
type Request struct {
	*http.Request
	// Body is the decoded JSON, or the form.
	Body map[string]any
}

// Fake is a running one.
type Fake struct {
	// URL is its address.
	URL string

	mu    sync.Mutex
	lines []string
}

// JSON replies with a document and the status 200.
func JSON(document string) func(http.ResponseWriter, *Request) {
	return Status(http.StatusOK, document)
}

// Status replies with a document.
func Status(code int, document string) func(http.ResponseWriter, *Request) {
	return func(w http.ResponseWriter, _ *Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, document)
	}
}

// New starts a forge with the routes. authorize says what is wrong with a request's
// credentials; nothing if it returns "".
func New(t *testing.T, authorize func(*http.Request) string, routes []Route) *Fake {
	t.Helper()
	f := &Fake{}
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			req, wrong := route.read(r)
			f.note(req)
			if wrong == "" {
				wrong = authorize(r)
			}
			if wrong != "" {
				t.Errorf("%s %s: %s", r.Method, r.URL, wrong)
				http.Error(w, "{}", http.StatusTeapot)
				return
			}
			route.Reply(w, req)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s: the documentation knows no such route", r.Method, r.URL)
		http.Error(w, "{}", http.StatusTeapot)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

func (f *Fake) note(r *Request) {
	line := r.Method + " " + r.URL.EscapedPath()
	if query, err := url.QueryUnescape(r.URL.RawQuery); err == nil && query != "" {
		line += "?" + query
	}
	if r.Body != nil {
		body, _ := json.Marshal(r.Body) // it came as JSON
		line += " " + string(body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, strings.ReplaceAll(line, f.URL, "FORGE"))
}

// Lines returns what was asked since the last time, in order: METHOD /path?query BODY.
func (f *Fake) Lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = nil
	return lines
}

func (route Route) read(r *http.Request) (*Request, string) {
	req := &Request{Request: r}
	query := r.URL.Query()
	var given []string
	for name := range query {
		if !slices.Contains(route.Query, name) {
			return req, "the route takes no parameter " + name
		}
		given = append(given, name)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return req, err.Error()
	}
	if len(data) > 0 {
		if req.Body, err = route.decode(data, r.Header.Get("Content-Type")); err != nil {
			return req, err.Error()
		}
		fields := flatten("", req.Body)
		for _, field := range fields {
			if !route.takes(field) {
				return req, "the route takes no field " + field
			}
		}
		given = append(given, fields...)
	}
	for _, name := range route.Required {
		if !slices.Contains(given, name) {
			return req, "the route asks for " + name
		}
	}
	return req, ""
}

func (route Route) decode(data []byte, kind string) (map[string]any, error) {
	body := map[string]any{}
	if !route.Form {
		if kind != "application/json" {
			return nil, fmt.Errorf("the content type is %q and not JSON", kind)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		return body, dec.Decode(&body)
	}
	form, err := url.ParseQuery(string(data))
	for name := range form {
		body[name] = form.Get(name)
	}
	return body, err
}

func (route Route) takes(field string) bool {
	return slices.ContainsFunc(route.Body, func(known string) bool {
		below, any := strings.CutSuffix(known, "*")
		return known == field || any && strings.HasPrefix(field, below)
	})
}

// flatten lists the fields of an object, those inside of others after a dot.
func flatten(at string, value any) []string {
	var fields []string
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			fields = append(fields, at+name)
			fields = append(fields, flatten(at+name+".", inner)...)
		}
	case []any:
		for _, inner := range v {
			fields = append(fields, flatten(at, inner)...)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}
