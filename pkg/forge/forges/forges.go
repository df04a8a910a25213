// Package forges picks the forge that a Repository names.
package forges

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/bitbucket/cloud"
	"github.com/slipway-dev/slipway/pkg/forge/bitbucket/datacenter"
	"github.com/slipway-dev/slipway/pkg/forge/generic"
	"github.com/slipway-dev/slipway/pkg/forge/gitea"
	"github.com/slipway-dev/slipway/pkg/forge/github"
	"github.com/slipway-dev/slipway/pkg/forge/gitlab"
)

// DefaultTokenKey is the key of the Secret of credentials whose Repository names none.
const DefaultTokenKey = "token"

// UserKey is the key of the Secret of the name that an API token of Bitbucket Cloud belongs
// to; a repository's own access token has none.
const UserKey = "username"

// The keys of the Secret of a GitHub App, which is used instead of a token where both are.
const (
	AppIDKey  = "github-application-id"
	AppKeyKey = "github-private-key"
)

// hosts are those whose kind is known.
var hosts = map[string]v1alpha1.Provider{
	"github.com":    v1alpha1.ProviderGitHub,
	"gitlab.com":    v1alpha1.ProviderGitLab,
	"bitbucket.org": v1alpha1.ProviderBitbucketCloud,
	"codeberg.org":  v1alpha1.ProviderForgejo,
}

// Provider is the one that is given, or else the one of the address's host.
func Provider(given v1alpha1.Provider, address string) (v1alpha1.Provider, error) {
	if given != "" {
		return given, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if p, ok := hosts[strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")]; ok {
		return p, nil
	}
	return "", fmt.Errorf("the host %s does not say what kind of forge it is: set provider to github, gitlab, gitea, forgejo, "+
		"bitbucket-cloud, bitbucket-datacenter or generic", u.Host)
}

// HookFor returns what reads the webhooks of a repository.
func HookFor(r *v1alpha1.RepositorySpec) (forge.Hook, error) {
	provider, err := Provider(r.Provider, r.URL)
	if err != nil {
		return nil, err
	}
	switch provider {
	case v1alpha1.ProviderGitea, v1alpha1.ProviderForgejo:
		return gitea.Hook{}, nil
	case v1alpha1.ProviderGitHub:
		return github.Hook{}, nil
	case v1alpha1.ProviderGitLab:
		return gitlab.Hook{}, nil
	case v1alpha1.ProviderBitbucketCloud:
		return cloud.Hook{}, nil
	case v1alpha1.ProviderBitbucketDataCenter:
		return datacenter.Hook{}, nil
	case v1alpha1.ProviderGeneric:
		var h generic.Hook
		if r.Generic != nil {
			h.GenericWebhook = *r.Generic
		}
		return h, nil
	}
	return nil, fmt.Errorf("the provider %s is not known", provider)
}

// Forges makes clients. One is shared by all repositories, as it keeps what some
// forges give for a time. The zero value is ready.
type Forges struct {
	// Transport carries every request, http.DefaultTransport if nil.
	Transport http.RoundTripper

	apps github.Tokens
}

// New returns the client of a repository. Secret is the data of the Secret that its
// credentials name, nil for none.
func (f *Forges) New(r *v1alpha1.Repository, secret map[string][]byte) (forge.Client, error) {
	provider, err := Provider(r.Spec.Provider, r.Spec.URL)
	if err != nil {
		return nil, err
	}
	at, err := locate(r.Spec.URL)
	if err != nil {
		return nil, err
	}
	if provider == v1alpha1.ProviderGitHub && secret[AppIDKey] != nil && secret[AppKeyKey] != nil {
		return f.app(r, at, secret)
	}
	token, err := token(r, secret)
	if err != nil {
		return nil, err
	}
	return f.byToken(provider, &r.Spec, at, login{name: string(bytes.TrimSpace(secret[UserKey])), token: token})
}

// login is a token, and the name it belongs to where the forge asks for that.
type login struct {
	name  string
	token []byte
}

func (f *Forges) byToken(provider v1alpha1.Provider, r *v1alpha1.RepositorySpec, at location, who login) (forge.Client, error) {
	switch provider {
	case v1alpha1.ProviderGeneric:
		return generic.New(r.URL, who.name, who.token, f.Transport), nil
	case v1alpha1.ProviderBitbucketCloud:
		login := cloud.Login{User: who.name, Token: who.token}
		return cloud.New(base(r.API, "https://api.bitbucket.org/2.0"), at.owner, at.name, login, f.Transport), nil
	case v1alpha1.ProviderBitbucketDataCenter:
		site, project := at.dataCenter()
		return datacenter.New(base(r.API, site+"/rest/api/latest"), project, at.name, who.token, f.Transport), nil
	case v1alpha1.ProviderGitLab:
		return gitlab.New(base(r.API, at.host+"/api/v4"), at.path, who.token, f.Transport), nil
	case v1alpha1.ProviderGitHub:
		return github.New(base(r.API, at.github()), at.owner, at.name, who.token, f.Transport), nil
	case v1alpha1.ProviderGitea, v1alpha1.ProviderForgejo:
		return gitea.New(base(r.API, at.site+"/api/v1"), at.owner, at.name, who.token, f.Transport), nil
	}
	return nil, fmt.Errorf("the provider %s is not known", provider)
}

func (f *Forges) app(r *v1alpha1.Repository, at location, secret map[string][]byte) (forge.Client, error) {
	app, err := github.ParseApp(bytes.TrimSpace(secret[AppIDKey]), secret[AppKeyKey])
	if err != nil {
		return nil, err
	}
	return github.NewApp(github.Place{API: base(r.Spec.API, at.github()), Owner: at.owner, Name: at.name}, app, &f.apps, f.Transport)
}

func token(r *v1alpha1.Repository, secret map[string][]byte) ([]byte, error) {
	c := r.Spec.Credentials
	if c == nil {
		return nil, nil
	}
	key := c.Key
	if key == "" {
		key = DefaultTokenKey
	}
	value, ok := secret[key]
	if !ok {
		return nil, fmt.Errorf("the Secret %s has no key %q: put the forge's token there, or name its key in credentials.key", c.Name, key)
	}
	return bytes.TrimSpace(value), nil
}

// location is where a repository is: SITE/OWNER/NAME, or SITE/PATH.
type location struct {
	// site has no slash at its end, path none at either.
	site, owner, name string
	host, path        string
}

func locate(address string) (location, error) {
	u, err := url.Parse(address)
	if err != nil {
		return location{}, err
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	parts := strings.Split(path, "/")
	if len(parts) < 2 {
		return location{}, fmt.Errorf("the address %s has no OWNER/NAME", address)
	}
	n := len(parts) - 2
	host := u.Scheme + "://" + u.Host
	return location{site: strings.Join(append([]string{host}, parts[:n]...), "/"), owner: parts[n], name: parts[n+1], host: host, path: path}, nil
}

// github is the base of its API, which github.com has on a host of its own.
func (l location) github() string {
	if l.host == "https://github.com" || l.host == "https://www.github.com" {
		return "https://api.github.com"
	}
	return l.site + "/api/v3"
}

// dataCenter reads SITE/projects/KEY/repos/NAME, SITE/users/NAME/repos/NAME and what git
// clones, SITE/scm/KEY/NAME.
func (l location) dataCenter() (site, project string) {
	parts := strings.Split(l.path, "/")
	at := len(parts) - 3
	project = l.owner
	if at > 0 && parts[at+1] == "repos" {
		at, project = at-1, parts[at]
	}
	if at < 0 {
		return l.host, project
	}
	if parts[at] == "users" {
		project = "~" + project
	}
	return strings.Join(append([]string{l.host}, parts[:at]...), "/"), project
}

func base(given, derived string) string {
	if given != "" {
		return strings.TrimRight(given, "/")
	}
	return derived
}
