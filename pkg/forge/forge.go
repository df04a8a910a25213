// Package forge is what Slipway asks of a place that keeps repositories, and tells
// it. Each kind of forge is a package below.
package forge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// Errors that callers tell apart; they come wrapped in one that says more.
var (
	// ErrSignature is a webhook that its secret did not sign.
	ErrSignature = errors.New("the signature does not fit the secret")
	// ErrNotOurs is a webhook of a kind that starts nothing.
	ErrNotOurs = errors.New("events of this kind start nothing")
	// ErrDenied is a token that is wrong or may too little.
	ErrDenied = errors.New("the forge refuses the credentials")
	// ErrNotFound is a repository, commit or file that is not there, or not for the token.
	ErrNotFound = errors.New("the forge does not have it")
)

// Hook reads the webhooks of one kind of forge. It does no I/O.
type Hook interface {
	// Verify compares the signature in constant time, before anything is parsed. The error
	// is ErrSignature, with what was expected where.
	Verify(header http.Header, body, secret []byte) error
	// Delivery is the forge's own id of a webhook; empty if it gives none.
	Delivery(header http.Header) string
	// Parse reads what happened: one event, or more where a push of several branches is
	// one webhook. The error is ErrNotOurs for what starts nothing, and
	// otherwise says what is wrong with the body.
	Parse(header http.Header, body []byte) ([]v1alpha1.Event, error)
}

// Client asks and tells a forge about one repository. Each method says how many
// calls of the forge's API it costs.
type Client interface {
	// Repository costs one call. The error tells ErrDenied and ErrNotFound apart.
	Repository(ctx context.Context) (Info, error)
	// Tip is the commit of a branch or tag, by its full name, such as refs/heads/main; of
	// an annotated tag the one that it is put on. It costs one call.
	Tip(ctx context.Context, ref string) (Tip, error)
	// Files reads the YAML files in folders at a commit, by their path, the folders
	// below included; a folder that is not there has none. It costs two calls where the
	// forge can answer so, and never more than two and one a file.
	Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error)
	// File reads one. It costs one call.
	File(ctx context.Context, commit, path string) ([]byte, error)
	// Changes are the files that a push or pull request changes. It costs one call a page.
	Changes(ctx context.Context, e *v1alpha1.Event) (Changes, error)
	// PullRequest reads one as it is now, as an event without an action. It costs one call.
	PullRequest(ctx context.Context, number int64) (*v1alpha1.Event, error)
	// MayPush says whether a user may push to the repository. It costs one call.
	MayPush(ctx context.Context, user string) (bool, error)
	// InTeam says whether a user is in ORGANISATION/TEAM. It costs at most two calls.
	InTeam(ctx context.Context, team, user string) (bool, error)
	// SetStatus shows how a pipeline stands at a commit; one of the same name replaces
	// the last. It costs one call.
	SetStatus(ctx context.Context, commit string, s Status) error
	// Comment writes on a pull request. One that holds the same mark is replaced, so
	// that a pull request does not fill with them. It costs two calls.
	Comment(ctx context.Context, number int64, mark, body string) error
	// Happened lists the pushes since a time, the oldest first, and the open pull requests
	// that changed since, as events. It costs one call each a page.
	Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error)
	// EnsureHook has the forge send its webhooks to an address, signed by the secret;
	// one that is there is updated. It costs two calls.
	EnsureHook(ctx context.Context, address, secret string) error
	// DeleteHook undoes it; one that is not there is no error. It costs two calls.
	DeleteHook(ctx context.Context, address string) error
}

// Info is what a forge says of a repository.
type Info struct {
	// DefaultBranch is without refs/heads/.
	DefaultBranch string
	// CloneURL is for git over HTTP.
	CloneURL string
	// Private is whether not everybody may read it.
	Private bool
}

// Tip is the commit that a branch or tag is at.
type Tip struct {
	Commit string
	// Message is the whole one, as far as the forge says it.
	Message string
}

// Changes are paths of files, sorted.
type Changes struct {
	Added, Modified, Deleted, Renamed []string
}

// State is how a pipeline stands.
type State string

// The states that every forge has a word for.
const (
	StatePending State = "pending"
	StateRunning State = "running"
	StateSuccess State = "success"
	StateFailure State = "failure"
	// StateError is for what is wrong with the pipeline itself.
	StateError State = "error"
	// StateCancelled is neither good nor bad.
	StateCancelled State = "cancelled"
)

// Status is how a pipeline stands at a commit.
type Status struct {
	// Name tells the statuses of a commit apart, such as slipway/build.
	Name  string
	State State
	// Description is one line; a forge cuts what it has no room for.
	Description string
	// Text is Markdown, for forges that show more than a line.
	Text string
	// URL is where to read on; may be empty.
	URL string
	// Annotations are for forges that show them beside the code.
	Annotations []Annotation
	// Number is that of the pull request that it is of, if any.
	Number int64
}

// Annotation is a remark on a line of a file.
type Annotation struct {
	Path    string
	Line    int
	Message string
}
