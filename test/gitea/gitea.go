// Package gitea gives end-to-end tests users, repositories and pull requests of the
// real Gitea that `make forge-up` puts into the cluster.
package gitea

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/forge/rest"
	"github.com/slipway-dev/slipway/test/env"
)

// Inside is the address that Pods reach it by, and that it calls itself.
const Inside = "http://gitea.forge:3000"

// Server is Gitea as the test reaches it.
type Server struct {
	*testing.T
	// URL is its address for the test's own process.
	URL    string
	prefix string
	admin  User
}

// Open connects the test with the cluster's Gitea.
func Open(e *env.Env) *Server {
	e.Helper()
	secret, err := e.Kube.CoreV1().Secrets("forge").Get(e.Context(), "admin", metav1.GetOptions{})
	if err != nil {
		e.Fatalf("%v; run `make forge-up`", err)
	}
	s := &Server{T: e.T, prefix: strings.TrimPrefix(e.Namespace, "e2e-")}
	s.URL = e.Reach("forge", "gitea", 3000)
	s.admin = s.known(string(secret.Data["username"]), string(secret.Data["password"]), string(secret.Data["token"]))
	return s
}

// User is somebody at Gitea.
type User struct {
	Name, Password string
	// Token may do all that the user may.
	Token string

	server *Server
	api    rest.Client
}

func (s *Server) known(name, password, token string) User {
	return User{Name: name, Password: password, Token: token, server: s,
		api: rest.Client{Base: s.URL + "/api/v1", Header: http.Header{"Authorization": {"token " + token}}}}
}

var users atomic.Int64

// User makes one, whose name starts with the given one.
func (s *Server) User(name string) *User {
	s.Helper()
	const password = "open-sesame"
	name = fmt.Sprintf("%s-%s-%d", name, s.prefix, users.Add(1))
	s.admin.call("POST", rest.Path("admin", "users"), map[string]any{"username": name, "email": name + "@forge.example",
		"password": password, "must_change_password": false}, nil)
	basic := base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
	self := User{server: s, api: rest.Client{Base: s.URL + "/api/v1", Header: http.Header{"Authorization": {"Basic " + basic}}}}
	var token struct {
		SHA1 string `json:"sha1"`
	}
	self.call("POST", rest.Path("users", name, "tokens"), map[string]any{"name": "test", "scopes": []string{"all"}}, &token)
	u := s.known(name, password, token.SHA1)
	return &u
}

// call asks as the user, and fails the test where Gitea does not do it.
func (u *User) call(method, path string, body, out any) {
	u.server.Helper()
	if _, err := u.api.Do(u.server.Context(), rest.Call{Method: method, Path: path, Body: body, Out: out}); err != nil {
		u.server.Fatal(err)
	}
}

// Team makes an organisation with a team of users; it returns ORGANISATION/TEAM.
func (u *User) Team(org, team string, members ...*User) string {
	u.server.Helper()
	org = fmt.Sprintf("%s-%s-%d", org, u.server.prefix, users.Add(1))
	u.call("POST", "/orgs", map[string]any{"username": org}, nil)
	var made struct{ ID int64 }
	u.call("POST", rest.Path("orgs", org, "teams"), map[string]any{"name": team, "permission": "read", "units": []string{"repo.code"}}, &made)
	for _, m := range members {
		u.call("PUT", fmt.Sprintf("/teams/%d/members/%s", made.ID, m.Name), nil, nil)
	}
	return org + "/" + team
}

// Repository makes an empty, public one.
func (u *User) Repository(name string) *Repository {
	u.server.Helper()
	u.call("POST", "/user/repos", map[string]any{"name": name, "private": false, "default_branch": "main"}, nil)
	return &Repository{Owner: u, Name: name, path: rest.Path("repos", u.Name, name)}
}

// Fork copies a repository to the user.
func (u *User) Fork(r *Repository) *Repository {
	u.server.Helper()
	// Gitea notes a moment after the push that there is something to copy.
	env.Wait(u.server, time.Minute, "something in "+r.Owner.Name+"/"+r.Name, func() (bool, string) {
		var repo struct{ Empty bool }
		_, err := u.api.Get(u.server.Context(), r.path, nil, &repo)
		return err == nil && !repo.Empty, fmt.Sprint(repo, err)
	})
	u.call("POST", r.path+"/forks", map[string]any{}, nil)
	return &Repository{Owner: u, Name: r.Name, path: rest.Path("repos", u.Name, r.Name)}
}
