package trigger

import (
	"cmp"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/suggest"
	pipelines "github.com/slipway-dev/slipway/pkg/trigger"
)

// kinds are the events that can be asked for. A comment is said at the forge.
var kinds = []string{string(v1alpha1.EventPush), string(v1alpha1.EventPullRequest), string(v1alpha1.EventIncoming),
	string(v1alpha1.EventSchedule), string(v1alpha1.EventImage)}

// asked is what the command line says of the event.
type asked struct {
	event, branch, revision string
	pull                    int64
	params                  []string
	pipeline                string
}

// kind is the type of the event: naming a pull request says it.
func (a *asked) kind() v1alpha1.EventType {
	if a.event == "" && a.pull != 0 {
		return v1alpha1.EventPullRequest
	}
	return cmp.Or(v1alpha1.EventType(a.event), v1alpha1.EventPush)
}

// check finds what is wrong before the cluster is asked anything.
func (a *asked) check() error {
	isPull := a.kind() == v1alpha1.EventPullRequest
	switch {
	case !slices.Contains(kinds, string(a.kind())):
		return env.Usage("--event %s: it is one of %s%s", a.event, strings.Join(kinds, ", "), suggest.DidYouMean(a.event, kinds))
	case a.pull < 0 || isPull && a.pull == 0:
		return env.Usage("--pull-request is missing: say its number")
	case !isPull && a.pull != 0:
		return env.Usage("--pull-request goes with --event pull_request, and not with %s", a.event)
	case isPull && (a.branch != "" || a.revision != ""):
		return env.Usage("a pull request runs on its own head: leave --branch and --revision out")
	}
	return nil
}

// make makes the event for a repository.
func (a *asked) make(r *v1alpha1.Repository, now time.Time) (*v1alpha1.RepositoryEvent, error) {
	what := v1alpha1.Event{Type: a.kind(), Commit: a.revision, Pipeline: a.pipeline}
	if what.Type == v1alpha1.EventPullRequest {
		what.PullRequest = &v1alpha1.PullRequest{Number: a.pull, Action: v1alpha1.PullRequestUpdated}
	} else if what.Ref = cmp.Or(a.branch, r.Status.DefaultBranch); what.Ref != "" && !strings.HasPrefix(what.Ref, "refs/") {
		what.Ref = "refs/heads/" + what.Ref
	}
	if what.Commit != "" && what.Ref == "" {
		return nil, env.Usage("--branch is missing: the default branch of repository %s is not known yet", r.Name)
	}
	var err error
	if what.Params, err = a.values(r, what); err != nil {
		return nil, err
	}
	e := v1alpha1.NewEvent(r, v1alpha1.OriginManual, []byte(rand.Text()), now)
	e.Spec.Event = what
	return e, nil
}

// values reads the params. One that nothing takes would be lost without a word.
func (a *asked) values(r *v1alpha1.Repository, what v1alpha1.Event) (map[string]string, error) {
	known := pipelines.Settable(r, what)
	var values map[string]string
	var wrong error
	for _, arg := range a.params {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case !ok || name == "":
			wrong = errors.Join(wrong, env.Usage("--param %s: write NAME=VALUE", arg))
		case !slices.Contains(known, name):
			wrong = errors.Join(wrong, env.Usage("--param %s: repository %s has no such param in spec.params, and it is no variable%s", name, r.Name, suggest.DidYouMean(name, known)))
		}
		if values == nil {
			values = map[string]string{}
		}
		values[name] = value
	}
	return values, wrong
}

// lastPipelines are the names of those that ran last, for completion.
func lastPipelines(r *v1alpha1.Repository) []string {
	var names []string
	for _, run := range r.Status.Runs {
		if !slices.Contains(names, run.Pipeline) {
			names = append(names, run.Pipeline)
		}
	}
	slices.Sort(names)
	return names
}
