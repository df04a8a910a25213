package event

import (
	"context"
	"errors"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// folders hold a repository's pipelines.
var folders = []string{".tekton", ".slipway"}

// maxFetch bounds what is fetched for one event.
const maxFetch = 50

// start reads the pipelines of the event's commit and creates those runs that pick
// leaves of what matches; pick is nil for all.
func (j *job) start(ctx context.Context, pick func(trigger.Run) bool) (verdict, error) {
	runs, problems, err := j.match(ctx)
	if err != nil {
		return verdict{}, err
	}
	if pick != nil {
		runs = slices.DeleteFunc(runs, func(r trigger.Run) bool { return !pick(r) })
	}
	names, more, err := j.create(ctx, runs)
	if err != nil {
		return verdict{}, err
	}
	problems = append(problems, more...)
	if err := j.report(ctx, problems); err != nil {
		return verdict{}, err
	}
	done := verdict{state: v1alpha1.EventDone, runs: names}
	switch {
	case len(problems) > 0 && len(names) == 0:
		done.state, done.message = v1alpha1.EventFailed, summary(problems)
	case len(problems) > 0:
		done.message = summary(problems)
	case len(names) == 0:
		done = nothing(&j.in.Event)
	}
	done.problems = new(int32(len(problems)))
	return done, nil
}

// match reads what the commit asks for, and fetches what that names.
func (j *job) match(ctx context.Context) ([]trigger.Run, []trigger.Problem, error) {
	at := j.in.Event.Commit
	if j.in.Event.PullRequest != nil && j.repository.Spec.PipelineSource == v1alpha1.PipelinesFromTarget {
		at = strings.TrimPrefix(j.in.Event.Ref, "refs/heads/")
	}
	files, err := j.forge.Files(ctx, at, folders...)
	if err != nil || len(files) == 0 {
		return nil, nil, err
	}
	set, problems := trigger.Read(files)
	if j.in.Params, err = j.params(ctx); err != nil {
		return nil, nil, err
	}
	if set.NeedsChanges(j.in) {
		changes, err := j.forge.Changes(ctx, &j.in.Event)
		if err != nil {
			return nil, nil, err
		}
		j.in.Changes = (*trigger.Changes)(&changes)
	}
	fetched, err := j.fetchAll(ctx, set, at)
	if err != nil {
		return nil, nil, err
	}
	runs, more := set.Match(j.in, fetched)
	return runs, append(problems, more...), nil
}

// fetchAll reads what the commit names by annotation. Nothing is fetched for a stranger,
// who would have the controller ask whom they like.
func (j *job) fetchAll(ctx context.Context, set *trigger.Set, commit string) (map[trigger.Reference][]byte, error) {
	fetched := map[trigger.Reference][]byte{}
	for !j.stranger {
		wanted := set.Remote(j.in, fetched)
		if len(wanted) == 0 {
			break
		}
		if len(fetched)+len(wanted) > maxFetch {
			return nil, refuse("more than %d Tasks and Pipelines are to be fetched for one event", maxFetch)
		}
		for _, ref := range wanted {
			var err error
			if fetched[ref], err = j.fetch(ctx, commit, ref); err != nil {
				return nil, err
			}
		}
	}
	return fetched, nil
}

// fetch returns nil for what is not there.
func (j *job) fetch(ctx context.Context, commit string, ref trigger.Reference) ([]byte, error) {
	if ref.Path == "" {
		return j.Fetch(ctx, j.repository, ref)
	}
	content, err := j.forge.File(ctx, commit, ref.Path)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, nil
	}
	return content, err
}

// params reads the values of the repository's params. A pull request from a fork gets
// none of a Secret: whoever opened it decides what is done with them.
func (j *job) params(ctx context.Context) (map[string]string, error) {
	pr := j.in.Event.PullRequest
	values := map[string]string{}
	for _, p := range j.repository.Spec.Params {
		switch {
		case p.SecretRef == nil:
			values[p.Name] = p.Value
			continue
		case pr != nil && pr.Fork:
			continue
		}
		var secret corev1.Secret
		err := j.Live.Get(ctx, client.ObjectKey{Namespace: j.repository.Namespace, Name: p.SecretRef.Name}, &secret)
		if kube.IsGone(err) {
			return nil, refuse("spec.params: %s: there is no secret %s", p.Name, p.SecretRef.Name)
		} else if err != nil {
			return nil, err
		}
		value, ok := secret.Data[p.SecretRef.Key]
		if !ok {
			return nil, refuse("spec.params: %s: secret %s has no key %q", p.Name, p.SecretRef.Name, p.SecretRef.Key)
		}
		values[p.Name] = string(value)
	}
	return values, nil
}
