package github

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// App is a GitHub App, by its id (or client id) and private key.
type App struct {
	ID  string
	Key *rsa.PrivateKey
}

// ParseApp reads an id and a private key in PEM.
func ParseApp(id, key []byte) (*App, error) {
	parsed, err := jwt.ParseRSAPrivateKeyFromPEM(key)
	if err != nil {
		return nil, fmt.Errorf("the private key of the GitHub App is none: %w", err)
	}
	return &App{ID: string(id), Key: parsed}, nil
}

// Place is a repository, and the API that it is asked about at.
type Place struct {
	API, Owner, Name string
}

// Tokens keeps those of installations for as long as they are good. The zero value
// is ready, for any number of Apps and repositories.
type Tokens struct {
	mu   sync.Mutex
	kept map[string]installed
}

type installed struct {
	token   string
	expires time.Time
}

// early is how long before its end a token is not used any more.
const early = 5 * time.Minute

// For returns a token that may do what the App may, at one repository only. It costs
// two calls once an hour.
func (t *Tokens) For(ctx context.Context, at Place, app *App, transport http.RoundTripper) (string, error) {
	key := at.API + " " + app.ID + " " + at.Owner + "/" + at.Name
	t.mu.Lock()
	kept := t.kept[key]
	t.mu.Unlock()
	if time.Now().Before(kept.expires.Add(-early)) {
		return kept.token, nil
	}
	fresh, err := install(ctx, at, app, transport)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil {
		t.kept = map[string]installed{}
	}
	for k, old := range t.kept {
		if old.expires.Before(time.Now()) {
			delete(t.kept, k)
		}
	}
	t.kept[key] = fresh
	return fresh.token, nil
}

func install(ctx context.Context, at Place, app *App, transport http.RoundTripper) (installed, error) {
	// A minute back, as the clocks may differ.
	now := time.Now()
	claims := jwt.RegisteredClaims{Issuer: app.ID, IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute))}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(app.Key)
	if err != nil {
		return installed{}, err
	}
	c := rest.Client{Base: at.API, Header: headers(), Transport: transport}
	c.Header.Set("Authorization", "Bearer "+signed)
	var installation struct{ ID int64 }
	if _, err := c.Get(ctx, rest.Path("repos", at.Owner, at.Name, "installation"), nil, &installation); err != nil {
		return installed{}, fmt.Errorf("the GitHub App is not installed for %s/%s: %w", at.Owner, at.Name, err)
	}
	var made struct {
		Token   string
		Expires time.Time `json:"expires_at"`
	}
	_, err = c.Do(ctx, rest.Call{Method: http.MethodPost, Path: rest.Path("app", "installations", strconv.FormatInt(installation.ID, 10), "access_tokens"),
		Body: map[string][]string{"repositories": {at.Name}}, Out: &made})
	return installed{token: made.Token, expires: made.Expires}, err
}

// authorized gives each request to the API the token of the moment.
type authorized struct {
	host  string
	token func(context.Context) (string, error)
	next  http.RoundTripper
}

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != a.host { // a redirect led elsewhere
		return a.next.RoundTrip(r)
	}
	token, err := a.token(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return a.next.RoundTrip(r)
}

// NewApp returns a client that speaks for an App: the results of
// pipelines are checks with annotations. The others are as New has them.
func NewApp(at Place, app *App, tokens *Tokens, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(at.API)
	if err != nil {
		return nil, err
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	c := New(at.API, at.Owner, at.Name, nil, authorized{host: u.Host, next: transport, token: func(ctx context.Context) (string, error) {
		return tokens.For(ctx, at, app, transport)
	}})
	c.checks = true
	return c, nil
}
