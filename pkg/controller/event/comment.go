package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// comment does what somebody asks for who may. A comment without a line that starts
// with a slash costs nothing.
func (j *job) comment(ctx context.Context) (verdict, error) {
	said := j.in.Event.Comment
	if said == nil || !slices.ContainsFunc(strings.Split(said.Body, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "/") }) {
		return ignored("the comment has no command"), nil
	}
	if trigger.IsOwn(said.Body) {
		return ignored("the comment is Slipway's own"), nil
	}
	may, err := j.may(ctx, j.in.Event.Sender)
	if err != nil {
		return verdict{}, err
	}
	if !may {
		return ignored("%s may not start runs", j.in.Event.Sender), nil
	}
	if stop, err := j.fillIn(ctx); stop != nil || err != nil {
		return *stop, err
	}
	j.in.Trusted = true
	commands := trigger.Commands(said.Body)
	if len(commands) == 0 {
		return j.start(ctx, nil)
	}
	var sum verdict
	for i := range commands {
		done, err := j.command(ctx, &commands[i])
		if err != nil {
			return verdict{}, err
		}
		sum = join(sum, done)
	}
	return sum, nil
}

// join is what came of two commands of one comment.
func join(a, b verdict) verdict {
	if a.state == "" {
		return b
	}
	if a.state != v1alpha1.EventDone {
		a.state = b.state
	}
	a.runs = append(a.runs, b.runs...)
	a.problems = cmp.Or(b.problems, a.problems)
	a.message = strings.Trim(a.message+"; "+b.message, "; ")
	return a
}

// fillIn reads what the comment is on. It returns a verdict where that ends the matter.
func (j *job) fillIn(ctx context.Context) (*verdict, error) {
	what := &j.in.Event
	if what.PullRequest == nil {
		// A command may name another branch.
		if what.Ref == "" && j.repository.Status.DefaultBranch != "" {
			what.Ref = "refs/heads/" + j.repository.Status.DefaultBranch
		}
		if what.Commit == "" || what.Ref == "" {
			done := ignored("the comment is on no commit of a known branch")
			return &done, nil
		}
		return nil, nil
	}
	now, err := j.forge.PullRequest(ctx, what.PullRequest.Number)
	if err != nil {
		return &verdict{}, err
	}
	what.Ref, what.Commit, what.Title, what.PullRequest = now.Ref, now.Commit, now.Title, now.PullRequest
	what.PullRequest.Action = v1alpha1.PullRequestUpdated
	if !what.PullRequest.Fork {
		return nil, nil
	}
	known, err := j.seenBefore(ctx)
	if err != nil {
		return &verdict{}, err
	}
	if known == "" || known == what.Commit || j.approves(what.Commit) {
		return nil, nil
	}
	done := ignored("the pull request was updated while the comment was written: say /ok-to-test %s once you have seen that commit", short(what.Commit))
	return &done, nil
}

// seenBefore is the head that the pull request had when the comment was written, as far
// as its last event is still here. Whoever approves a commit means the one they have
// seen, and not what the fork was pushed since.
func (j *job) seenBefore(ctx context.Context) (string, error) {
	all, err := kube.Happened(ctx, j.Client, j.repository)
	if err != nil {
		return "", err
	}
	for _, e := range slices.Backward(all) {
		pr := e.Spec.Event.PullRequest
		if e.Spec.Event.Type == v1alpha1.EventPullRequest && pr != nil && pr.Number == j.in.Event.PullRequest.Number &&
			e.Spec.Received.Before(&j.event.Spec.Received) {
			return e.Spec.Event.Commit, nil
		}
	}
	return "", nil
}

// approves says whether the comment names the commit.
func (j *job) approves(commit string) bool {
	const digits = 7
	return slices.ContainsFunc(trigger.Commands(j.in.Event.Comment.Body), func(c trigger.Command) bool {
		return c.Verb == trigger.OKToTest && len(c.Commit) >= digits && strings.HasPrefix(commit, c.Commit)
	})
}

func (j *job) command(ctx context.Context, c *trigger.Command) (verdict, error) {
	if c.Verb == trigger.Cancel {
		return j.cancelNamed(ctx, c.Pipeline)
	}
	if c.Verb == trigger.OKToTest && c.Commit != "" && !j.approves(j.in.Event.Commit) {
		return ignored("the head of the pull request is %s, and not %s (7 digits at least)", short(j.in.Event.Commit), c.Commit), nil
	}
	j.in.Command = c
	j.in.Event.Params = c.Params
	if j.in.Event.PullRequest == nil && c.Ref != "" {
		j.in.Event.Ref = c.Ref
	}
	var pick func(trigger.Run) bool
	if c.Verb == trigger.Retest && c.Pipeline == "" {
		green, err := j.succeeded(ctx)
		if err != nil {
			return verdict{}, err
		}
		pick = func(r trigger.Run) bool { return !green[r.Pipeline] }
	}
	done, err := j.start(ctx, pick)
	if err == nil && done.state != v1alpha1.EventFailed {
		err = j.noteApproval(ctx)
	}
	return done, err
}

// noteApproval ends the wait of a fork's commit, which it may have done under the name
// of no pipeline.
func (j *job) noteApproval(ctx context.Context) error {
	pr := j.in.Event.PullRequest
	if pr == nil || !pr.Fork {
		return nil
	}
	return j.forge.SetStatus(ctx, j.in.Event.Commit, forge.Status{Name: statusName, State: forge.StateSuccess,
		Description: "approved by " + j.in.Event.Sender, Number: pr.Number})
}

// succeeded is the pipelines of which the last run at the commit succeeded.
func (j *job) succeeded(ctx context.Context) (map[string]bool, error) {
	runs, err := j.ofSubject(ctx)
	green := map[string]bool{}
	for i := range runs {
		if runs[i].Labels[v1alpha1.LabelCommit] == j.in.Event.Commit {
			green[runs[i].Annotations[v1alpha1.AnnotationPipeline]] = runs[i].IsSuccessful()
		}
	}
	return green, err
}

// ofSubject is the runs of what the comment is on.
func (j *job) ofSubject(ctx context.Context) ([]v1.PipelineRun, error) {
	number := ""
	if j.in.Event.PullRequest != nil {
		number = fmt.Sprint(j.in.Event.PullRequest.Number)
	}
	runs, err := kube.RunsOf(ctx, j.Client, j.repository)
	return slices.DeleteFunc(runs, func(r v1.PipelineRun) bool {
		return r.Labels[v1alpha1.LabelPullRequest] != number || number == "" && r.Labels[v1alpha1.LabelCommit] != j.in.Event.Commit
	}), err
}

func (j *job) cancelNamed(ctx context.Context, pipeline string) (verdict, error) {
	runs, err := j.ofSubject(ctx)
	if err != nil {
		return verdict{}, err
	}
	var failed error
	n := 0
	for i := range runs {
		if runs[i].IsDone() || pipeline != "" && runs[i].Annotations[v1alpha1.AnnotationPipeline] != pipeline {
			continue
		}
		n++
		failed = errors.Join(failed, j.cancel(ctx, &runs[i]))
	}
	if n == 0 {
		return ignored("there is no run to cancel"), nil
	}
	return verdict{state: v1alpha1.EventDone, message: fmt.Sprintf("%d runs cancelled", n)}, failed
}
