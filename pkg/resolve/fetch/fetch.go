// Package fetch reads the document that a reference means from where it lies: a
// Git repository, a web server, an OCI bundle or a hub. Each takes the params
// that Tekton's resolver of the same name takes.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// MaxSize is how large a document may be, in bytes. It becomes part of a run's
// status, which the API server holds to little more.
const MaxSize = 1 << 20

// Resolver finds documents of one kind of place. Its methods may be called from
// several goroutines at once.
type Resolver interface {
	// Origin names the server that Fetch would ask, such as its host: those that
	// hang are told by it from those that do not.
	Origin(Params) string
	// Immutable reports whether the params name something that cannot change.
	Immutable(Params) bool
	// Fetch reads the document. The error names the place and the way out; see
	// MayPass for the ones that another try may not have.
	Fetch(context.Context, Query) (*Document, error)
}

// Query is what is asked for, on behalf of a run.
type Query struct {
	// Namespace is that of the run: Secrets are read from there alone.
	Namespace string
	Params    Params
}

// Params are the resolver's params, by name.
type Params map[string]string

// Document is what was found.
type Document struct {
	// Content is YAML or JSON, MaxSize bytes at most.
	Content []byte
	// Source pins where it was found, and what.
	Source *v1.RefSource
}

// World is what fetching needs of the cluster.
type World interface {
	// Secret reads one Secret.
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Settings is the content of a ConfigMap in Slipway's own namespace; empty when
	// there is none.
	Settings(ctx context.Context, configMap string) (map[string]string, error)
}

// passing marks an error that another try may not have.
type passing struct{ error }

func (e passing) Unwrap() error { return e.error }

// MayPass reports whether another try may go better: a server that is away, or
// says that it is in trouble.
func MayPass(err error) bool {
	var p passing
	return errors.As(err, &p)
}

// need returns a param that must be given.
func (p Params) need(name string) (string, error) {
	if v := p[name]; v != "" {
		return v, nil
	}
	if _, empty := p[name]; empty {
		return "", fmt.Errorf("param %s is empty", name)
	}
	given := slices.Sorted(maps.Keys(p))
	if near := suggest.Nearest(name, given); near != "" {
		return "", fmt.Errorf("param %s is missing; %q is given, is it a slip?", name, near)
	}
	return "", fmt.Errorf("param %s is missing", name)
}

// host is that of a URL, for Origin.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Host
}

// webURL parses a URL that is to be asked over HTTP.
func webURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("param url: %q is no URL of http or https", raw)
	}
	return u, nil
}

// limited keeps to the time that the settings give, and no longer than ctx does.
func limited(ctx context.Context, settings map[string]string) (context.Context, context.CancelFunc, error) {
	text := settings["fetch-timeout"]
	if text == "" {
		return ctx, func() {}, nil
	}
	limit, err := time.ParseDuration(text)
	if err != nil {
		return nil, nil, fmt.Errorf("setting fetch-timeout: %q is no duration such as 30s", text)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, cancel, nil
}

// secretValue reads one key of a Secret that the param names.
func secretValue(ctx context.Context, w World, q Query, param, key string) (string, error) {
	secret, err := readSecret(ctx, w, q, param)
	if err != nil {
		return "", err
	}
	value, ok := secret.Data[key]
	if !ok {
		return "", fmt.Errorf("param %s: secret %q has no key %q%s", param, secret.Name, key, suggest.DidYouMean(key, slices.Sorted(maps.Keys(secret.Data))))
	}
	return strings.TrimSpace(string(value)), nil
}

func readSecret(ctx context.Context, w World, q Query, param string) (*corev1.Secret, error) {
	name := q.Params[param]
	secret, err := w.Secret(ctx, q.Namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("param %s: no secret %q in namespace %q", param, name, q.Namespace)
	case err != nil:
		return nil, passing{fmt.Errorf("param %s: secret %q: %w", param, name, err)}
	}
	return secret, nil
}

// readAll reads what is no larger than a document may be.
func readAll(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err == nil && len(content) > MaxSize {
		return nil, fmt.Errorf("is larger than %d MiB, the most that a run can hold", MaxSize>>20)
	}
	return content, err
}
