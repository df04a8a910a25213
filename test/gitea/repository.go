package gitea

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/pkg/forge/rest"
	"github.com/slipway-dev/slipway/test/env"
)

// Repository is one at Gitea.
type Repository struct {
	Owner *User
	Name  string
	path  string
}

// URL is what a Repository of the cluster names it by.
func (r *Repository) URL() string { return Inside + "/" + r.Owner.Name + "/" + r.Name }

// Collaborator lets a user read, write or admin it.
func (r *Repository) Collaborator(u *User, permission string) {
	r.Owner.server.Helper()
	r.Owner.call("PUT", r.path+rest.Path("collaborators", u.Name), map[string]string{"permission": permission}, nil)
}

// DefaultBranch makes a branch that is there the default.
func (r *Repository) DefaultBranch(name string) {
	r.Owner.server.Helper()
	r.Owner.call("PATCH", r.path, map[string]string{"default_branch": name}, nil)
}

// Delete removes it.
func (r *Repository) Delete() {
	r.Owner.server.Helper()
	r.Owner.call("DELETE", r.path, nil, nil)
}

// Hooks are the addresses that it has webhooks for.
func (r *Repository) Hooks() []string {
	r.Owner.server.Helper()
	var hooks []struct{ Config struct{ URL string } }
	r.Owner.call("GET", r.path+"/hooks", nil, &hooks)
	var addresses []string
	for _, h := range hooks {
		addresses = append(addresses, h.Config.URL)
	}
	return addresses
}

// Pull opens a pull request as a user, from a branch or OWNER:BRANCH, and returns its number.
func (r *Repository) Pull(as *User, from, into, title string) int64 {
	as.server.Helper()
	// Gitea notes a moment after the first push that there is something.
	env.Wait(as.server, time.Minute, "the branches of "+r.Name, func() (bool, string) {
		var repo struct{ Empty bool }
		_, err := as.api.Get(as.server.Context(), r.path, nil, &repo)
		return err == nil && !repo.Empty, fmt.Sprint(repo, err)
	})
	var made struct{ Number int64 }
	as.call("POST", r.path+"/pulls", map[string]string{"head": from, "base": into, "title": title}, &made)
	return made.Number
}

// SetState opens or closes a pull request.
func (r *Repository) SetState(as *User, number int64, state string) {
	as.server.Helper()
	as.call("PATCH", fmt.Sprintf("%s/pulls/%d", r.path, number), map[string]string{"state": state}, nil)
}

// Merge merges a pull request.
func (r *Repository) Merge(as *User, number int64) {
	as.server.Helper()
	as.call("POST", fmt.Sprintf("%s/pulls/%d/merge", r.path, number), map[string]string{"Do": "merge"}, nil)
}

// Label makes a label and puts it on a pull request.
func (r *Repository) Label(number int64, name string) {
	r.Owner.server.Helper()
	var made struct{ ID int64 }
	r.Owner.call("POST", r.path+"/labels", map[string]string{"name": name, "color": "#00aabb"}, &made)
	r.Owner.call("POST", fmt.Sprintf("%s/issues/%d/labels", r.path, number), map[string]any{"labels": []int64{made.ID}}, nil)
}

// Comment writes one on a pull request.
func (r *Repository) Comment(as *User, number int64, body string) {
	as.server.Helper()
	as.call("POST", fmt.Sprintf("%s/issues/%d/comments", r.path, number), map[string]string{"body": body}, nil)
}

// Comments are those on a pull request, the oldest first.
func (r *Repository) Comments(number int64) []string {
	r.Owner.server.Helper()
	var comments []struct{ Body string }
	r.Owner.call("GET", fmt.Sprintf("%s/issues/%d/comments", r.path, number), nil, &comments)
	var bodies []string
	for _, c := range comments {
		bodies = append(bodies, c.Body)
	}
	return bodies
}

// Status is one of a commit.
type Status struct {
	ID          int64
	Context     string
	State       string `json:"status"`
	Description string
	TargetURL   string `json:"target_url"`
}

// History is every status that a commit was given, the oldest first.
func (r *Repository) History(commit string) []Status {
	r.Owner.server.Helper()
	var all []Status
	r.Owner.call("GET", r.path+"/statuses"+rest.Path(commit), nil, &all)
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Statuses is how a commit stands now, by context.
func (r *Repository) Statuses(commit string) map[string]Status {
	r.Owner.server.Helper()
	now := map[string]Status{}
	for _, s := range r.History(commit) {
		now[s.Context] = s
	}
	return now
}
