package event

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// maxPayload bounds what a payload may unpack to; the gateway takes no larger body.
const maxPayload = 25 << 20

// job is one event that is worked off.
type job struct {
	*Reconciler
	repository *v1alpha1.Repository
	event      *v1alpha1.RepositoryEvent
	forge      forge.Client
	// in is what is known by now.
	in trigger.Input
	// stranger is whether the content is by somebody who may not start runs.
	stranger bool
}

// work does what an event asks for. The error is a refusal where the user must mend
// something; anything else is tried again.
func (r *Reconciler) work(ctx context.Context, repository *v1alpha1.Repository, event *v1alpha1.RepositoryEvent) (verdict, error) {
	what := event.Spec.Event
	if wanted, why := trigger.Wanted(repository, what); !wanted {
		return ignored("%s", why), nil
	}
	client, err := r.Forge(ctx, repository)
	if err != nil {
		return verdict{}, err
	}
	body := unpack(event.Spec.Payload)
	j := &job{Reconciler: r, repository: repository, event: event, forge: client, in: trigger.Input{
		Repository: repository, Event: what, Headers: event.Spec.Headers, Payload: decode(body), Key: key(event, body)}}
	done, err := j.byType(ctx)
	if errors.Is(err, forge.ErrNotFound) {
		// Neither a commit nor a pull request that is gone comes back.
		return verdict{}, refuse("%s", err)
	}
	return done, err
}

// unpack is the body of the webhook, empty if it was not kept.
func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPayload))
	if err != nil {
		return nil
	}
	return text
}

// decode reads the body. One that is no JSON is known to the gateway as what it said, and
// nothing more is to be had of it.
func decode(body []byte) any {
	var out any
	if json.Unmarshal(body, &out) != nil {
		return nil
	}
	return out
}

// key tells apart events that start runs of their own though they are alike. Of a call it
// is the body, which is signed: whoever replays one starts nothing anew.
func key(e *v1alpha1.RepositoryEvent, body []byte) string {
	switch {
	case e.Spec.Origin == v1alpha1.OriginSchedule, e.Spec.Origin == v1alpha1.OriginManual:
		return e.Name
	case len(body) > 0 && (e.Spec.Event.Type == v1alpha1.EventIncoming || e.Spec.Event.Type == v1alpha1.EventImage):
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:])
	}
	return ""
}

func (j *job) byType(ctx context.Context) (verdict, error) {
	what := &j.in.Event
	switch what.Type {
	case v1alpha1.EventPush:
		return j.push(ctx)
	case v1alpha1.EventPullRequest:
		return j.pullRequest(ctx)
	case v1alpha1.EventComment:
		return j.comment(ctx)
	}
	if stop, err := j.locate(ctx); stop != nil || err != nil {
		return *stop, err
	}
	j.in.Trusted = true
	if what.Type == v1alpha1.EventSchedule && what.Schedule != nil {
		return j.scheduled(ctx)
	}
	return j.start(ctx, nil)
}

// byHand is whether somebody asked for it by a command, who means it.
func (j *job) byHand() bool { return j.event.Spec.Origin == v1alpha1.OriginManual }

func (j *job) push(ctx context.Context) (verdict, error) {
	what := &j.in.Event
	if j.byHand() {
		if stop, err := j.locate(ctx); stop != nil || err != nil {
			return *stop, err
		}
	}
	if what.Commit == "" {
		return ignored("%s is gone", what.Ref), nil
	}
	if !j.byHand() && trigger.Skips(what.Message) {
		return ignored("the commit's message asks for no run"), nil
	}
	j.in.Trusted = true
	return j.start(ctx, nil)
}

func (j *job) pullRequest(ctx context.Context) (verdict, error) {
	what := &j.in.Event
	pr := what.PullRequest
	if pr == nil {
		return verdict{}, refuse("the event names no pull request")
	}
	if what.Commit == "" || pr.Author == "" { // not every forge's webhook says them
		now, err := j.forge.PullRequest(ctx, pr.Number)
		if err != nil {
			return verdict{}, err
		}
		now.PullRequest.Action = pr.Action
		what.Ref, what.Commit, what.PullRequest = now.Ref, now.Commit, now.PullRequest
		pr = now.PullRequest
	}
	if pr.Action == v1alpha1.PullRequestClosed {
		if err := j.cancelClosed(ctx, pr.Number); err != nil {
			return verdict{}, err
		}
	}
	if !j.byHand() && (trigger.Skips(what.Title) || trigger.Skips(what.Message)) {
		return ignored("the title or the commit's message asks for no run"), nil
	}
	trusted, err := j.trusts(ctx, pr)
	if err != nil {
		return verdict{}, err
	}
	if !trusted {
		return j.awaitApproval(ctx)
	}
	j.in.Trusted = true
	return j.start(ctx, nil)
}

// trusts says whether the content of a pull request is by somebody who may run what
// they like. A branch of the repository itself is: its author could push to it. The
// sender of an event may be somebody else, such as who adds a label.
func (j *job) trusts(ctx context.Context, pr *v1alpha1.PullRequest) (bool, error) {
	if !pr.Fork {
		return true, nil
	}
	may, err := j.may(ctx, pr.Author)
	if err != nil || !may {
		return false, err
	}
	// Others may push to a fork too.
	if sender := j.in.Event.Sender; sender != pr.Author && pr.Action == v1alpha1.PullRequestUpdated {
		return j.may(ctx, sender)
	}
	return true, nil
}

// may says whether somebody may start runs: who may push, is allowed by name, or is an owner.
func (j *job) may(ctx context.Context, user string) (bool, error) {
	if user == "" {
		return false, nil
	}
	if slices.Contains(j.repository.Spec.Access.Users, user) {
		return true, nil
	}
	may, err := j.forge.MayPush(ctx, user)
	if err != nil || may {
		return may, err
	}
	for _, team := range j.repository.Spec.Access.Teams {
		in, err := j.forge.InTeam(ctx, team, user)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return false, err
		}
		if in {
			return true, nil
		}
	}
	return j.owns(ctx, user)
}

// statusName is that of what concerns a commit and no single pipeline.
const statusName = "slipway"

// awaitApproval says that a pull request waits, if anything would run on it.
func (j *job) awaitApproval(ctx context.Context) (verdict, error) {
	what := &j.in.Event
	if what.PullRequest.Action == v1alpha1.PullRequestClosed {
		return ignored("the pull request is closed"), nil
	}
	// What would run decides whether anybody is to be asked.
	j.stranger, j.in.Trusted = true, true
	runs, problems, err := j.match(ctx)
	if err != nil {
		return verdict{}, err
	}
	if len(runs)+len(problems) == 0 {
		return nothing(what), nil
	}
	message := fmt.Sprintf("%s may not start runs: somebody who may says /ok-to-test %s", what.PullRequest.Author, short(what.Commit))
	err = j.forge.SetStatus(ctx, what.Commit, forge.Status{Name: statusName, State: forge.StatePending, Description: message, Number: what.PullRequest.Number})
	if err != nil {
		return verdict{}, err
	}
	return ignored("%s", message), nil
}

func nothing(e *v1alpha1.Event) verdict {
	where := fmt.Sprintf("under %s at commit %s", strings.Join(folders, " or "), short(e.Commit))
	if e.Pipeline != "" {
		return ignored("there is no pipeline %s %s", e.Pipeline, where)
	}
	return ignored("nothing %s matches", where)
}

// problemsMark is in the comment that tells of problems.
const problemsMark = trigger.Mark + "problems -->"

// report tells of what is wrong with the pipelines of a commit, or that nothing is any
// more.
func (j *job) report(ctx context.Context, problems []trigger.Problem) error {
	if len(problems) == 0 {
		wrong, err := j.wereWrong(ctx)
		if err != nil || !wrong {
			return err
		}
		return j.forge.Comment(ctx, j.in.Event.PullRequest.Number, problemsMark,
			problemsMark+"\nThe pipelines of commit "+j.in.Event.Commit+" are right.")
	}
	s := forge.Status{Name: statusName, State: forge.StateError, Description: summary(problems)}
	var text strings.Builder
	text.WriteString("**The pipelines of this commit are not right.**\n\n")
	for _, p := range problems {
		fmt.Fprintf(&text, "- %s\n", place(p))
		if p.Path != "" {
			s.Annotations = append(s.Annotations, forge.Annotation{Path: p.Path, Line: max(p.Line, 1), Message: p.Message})
		}
	}
	return j.tell(ctx, s, text.String())
}

func (j *job) tell(ctx context.Context, s forge.Status, text string) error {
	what := &j.in.Event
	s.Text = text
	if what.PullRequest != nil {
		s.Number = what.PullRequest.Number
	}
	if err := j.forge.SetStatus(ctx, what.Commit, s); err != nil {
		return err
	}
	if s.Number == 0 {
		return nil
	}
	return j.forge.Comment(ctx, s.Number, problemsMark, problemsMark+"\n"+text)
}

// wereWrong says whether the pull request's pipelines had problems when they were last
// read.
func (j *job) wereWrong(ctx context.Context) (bool, error) {
	what := j.in.Event.PullRequest
	if what == nil {
		return false, nil
	}
	all, err := kube.Happened(ctx, j.Client, j.repository)
	if err != nil {
		return false, err
	}
	for _, e := range slices.Backward(all) {
		if pr := e.Spec.Event.PullRequest; pr != nil && pr.Number == what.Number && e.Status.Problems != nil {
			return *e.Status.Problems > 0, nil
		}
	}
	return false, nil
}

func summary(problems []trigger.Problem) string {
	if more := len(problems) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", place(problems[0]), more)
	}
	return place(problems[0])
}

// place is a problem with where it is.
func place(p trigger.Problem) string {
	switch {
	case p.Path == "":
		return p.Message
	case p.Line == 0:
		return p.Path + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Message)
}

func short(commit string) string { return commit[:min(len(commit), 10)] }
