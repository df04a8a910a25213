package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// HTTP is the resolver http: it gets the param url, with basic authentication
// when http-username and http-password-secret are given, and compares the
// answer with the param digest, ALGORITHM:HEX, if there is one.
type HTTP struct {
	World  World
	Client *http.Client
}

// Origin is the host of the URL.
func (HTTP) Origin(p Params) string { return host(p["url"]) }

// Immutable reports whether a digest pins the content.
func (HTTP) Immutable(p Params) bool { return p["digest"] != "" }

// Fetch gets the URL.
func (h HTTP) Fetch(ctx context.Context, q Query) (*Document, error) {
	raw, err := q.Params.need("url")
	if err != nil {
		return nil, err
	}
	u, err := webURL(raw)
	if err != nil {
		return nil, err
	}
	pin, err := parsePin(q.Params["digest"])
	if err != nil {
		return nil, err
	}
	settings, err := h.World.Settings(ctx, "http-resolver-config")
	if err != nil {
		return nil, passing{err}
	}
	ctx, cancel, err := limited(ctx, settings)
	if err != nil {
		return nil, err
	}
	defer cancel()
	login, err := h.login(ctx, q)
	if err != nil {
		return nil, err
	}
	content, err := get(ctx, h.Client, u, login)
	if err != nil {
		return nil, err
	}
	if err := pin.check(content); err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	sum := sha256.Sum256(content)
	return &Document{Content: content,
		Source: &v1.RefSource{URI: u.Redacted(), Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}}, nil
}

// login is how the request says who asks; nil when it does not.
func (h HTTP) login(ctx context.Context, q Query) (*url.Userinfo, error) {
	user, secret := q.Params["http-username"], q.Params["http-password-secret"]
	switch {
	case user == "" && secret == "":
		return nil, nil
	case user == "":
		return nil, errors.New("param http-password-secret needs http-username beside it")
	case secret == "":
		return nil, errors.New("param http-username needs http-password-secret beside it")
	}
	key := cmp.Or(q.Params["http-password-secret-key"], "password")
	password, err := secretValue(ctx, h.World, q, "http-password-secret", key)
	if err != nil {
		return nil, err
	}
	return url.UserPassword(user, password), nil
}

// get reads a document from a web server.
func get(ctx context.Context, c *http.Client, u *url.URL, login *url.Userinfo) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	if login != nil {
		password, _ := login.Password()
		request.SetBasicAuth(login.Username(), password)
	}
	answer, err := c.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), connection(err))
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), status(answer))
	}
	content, err := readAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return content, nil
}

func status(answer *http.Response) error {
	err := fmt.Errorf("the server answers %s", answer.Status)
	if answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests {
		return passing{err}
	}
	return err
}

// connection is why there was no answer. A server that shows a certificate
// which nobody trusts will show it again.
func connection(err error) error {
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) {
		return err
	}
	return passing{err}
}

// pin is a digest that content must have; the zero value is any.
type pin struct {
	text string
	hash func() hash.Hash
}

func parsePin(text string) (pin, error) {
	if text == "" {
		return pin{}, nil
	}
	known := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}
	algorithm, digits, _ := strings.Cut(text, ":")
	make, ok := known[algorithm]
	if !ok {
		return pin{}, fmt.Errorf("param digest: %q: use sha256:HEX or sha512:HEX%s", text, suggest.DidYouMean(algorithm, []string{"sha256", "sha512"}))
	}
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != make().Size() {
		return pin{}, fmt.Errorf("param digest: %q is not %d hexadecimal digits after %q", text, 2*make().Size(), algorithm+":")
	}
	return pin{strings.ToLower(text), make}, nil
}

func (p pin) check(content []byte) error {
	if p.hash == nil {
		return nil
	}
	h := p.hash()
	h.Write(content)
	algorithm, _, _ := strings.Cut(p.text, ":")
	if got := algorithm + ":" + hex.EncodeToString(h.Sum(nil)); got != p.text {
		return fmt.Errorf("has the digest %s, and param digest wants %s", got, p.text)
	}
	return nil
}
