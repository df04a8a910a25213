package interceptor

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/bitbucket/datacenter"
	"github.com/slipway-dev/slipway/pkg/forge/github"
	"github.com/slipway-dev/slipway/pkg/forge/gitlab"
)

const formType = "application/x-www-form-urlencoded"

func asStop(err error, stop **Stop) bool { return errors.As(err, stop) }

// webhook are the settings of github, gitlab and bitbucket; the last two are github's alone.
type webhook struct {
	SecretRef       *secretRef `json:"secretRef"`
	EventTypes      []string   `json:"eventTypes"`
	AddChangedFiles *struct {
		Enabled             bool       `json:"enabled"`
		PersonalAccessToken *secretRef `json:"personalAccessToken"`
	} `json:"addChangedFiles"`
	GithubOwners *struct {
		Enabled             bool       `json:"enabled"`
		PersonalAccessToken *secretRef `json:"personalAccessToken"`
		CheckType           string     `json:"checkType"`
	} `json:"githubOwners"`
}

func checkWebhook(params json.RawMessage) error {
	var p webhook
	if err := decode(params, &p); err != nil {
		return err
	}
	if p.GithubOwners != nil && p.GithubOwners.Enabled {
		return fail("params[githubOwners] is not supported: connect the repository by a Repository, which asks before a stranger's pull request runs")
	}
	if p.AddChangedFiles != nil && p.AddChangedFiles.Enabled && p.AddChangedFiles.PersonalAccessToken != nil {
		return fail("params[addChangedFiles].personalAccessToken is not supported, as GitHub is not asked: leave it out, " +
			"or connect the repository by a Repository, whose pipelines know the files of a pull request")
	}
	return nil
}

// verify checks the type of the event, which its header says, and then the signature.
func (w World) verify(ctx context.Context, params json.RawMessage, r *Request, typeHeader string, hook forge.Hook) (*webhook, error) {
	if err := checkWebhook(params); err != nil {
		return nil, err
	}
	var p webhook
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	if kind := r.Header.Get(typeHeader); !oneOf(kind, p.EventTypes) {
		return nil, ignore("the event %q of the header %s is not among params[eventTypes]", kind, typeHeader)
	}
	if p.SecretRef == nil {
		return &p, nil
	}
	secret, err := w.secret(ctx, r.Namespace, *p.SecretRef)
	if err != nil {
		return nil, err
	}
	if err := hook.Verify(r.Header, r.Body, secret); err != nil {
		return nil, fail("%s", err)
	}
	return &p, nil
}

func (w World) github(ctx context.Context, params json.RawMessage, r *Request) (map[string]any, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		return nil, fail("the body is a form: set the webhook's content type to application/json")
	}
	p, err := w.verify(ctx, params, r, "X-Github-Event", github.Hook{})
	if err != nil || p.AddChangedFiles == nil || !p.AddChangedFiles.Enabled {
		return nil, err
	}
	switch r.Header.Get("X-Github-Event") {
	case "push":
		return pushedFiles(r.Body)
	case "pull_request":
		return nil, fail("params[addChangedFiles] is supported for pushes alone, as the webhook of a pull request does not say its files: " +
			"connect the repository by a Repository, whose pipelines know them")
	}
	return nil, nil
}

// pushedFiles are those of a push as its webhook says them.
func pushedFiles(body []byte) (map[string]any, error) {
	var push struct {
		Commits []struct {
			Added    []string `json:"added"`
			Modified []string `json:"modified"`
			Removed  []string `json:"removed"`
		} `json:"commits"`
	}
	if err := json.Unmarshal(body, &push); err != nil {
		return nil, fail("the body is not that of a push: %s", err)
	}
	var files []string
	for _, c := range push.Commits {
		files = append(append(append(files, c.Added...), c.Modified...), c.Removed...)
	}
	return map[string]any{"changed_files": strings.Join(files, ",")}, nil
}

func (w World) gitlab(ctx context.Context, params json.RawMessage, r *Request) (map[string]any, error) {
	_, err := w.verify(ctx, params, r, "X-Gitlab-Event", gitlab.Hook{})
	return nil, err
}

func (w World) bitbucket(ctx context.Context, params json.RawMessage, r *Request) (map[string]any, error) {
	_, err := w.verify(ctx, params, r, "X-Event-Key", datacenter.Hook{})
	return nil, err
}

// slack are the settings of slack.
type slack struct {
	RequestedFields []string `json:"requestedFields"`
}

func checkSlack(params json.RawMessage) error {
	var p slack
	if err := decode(params, &p); err != nil {
		return err
	}
	if len(p.RequestedFields) == 0 {
		return fail("params[requestedFields] is missing")
	}
	return nil
}

// slack adds the fields of the form that a slash command sends. As with Tekton it looks
// for a signature, and does not check it.
func (World) slack(_ context.Context, params json.RawMessage, r *Request) (map[string]any, error) {
	if err := checkSlack(params); err != nil {
		return nil, err
	}
	var p slack
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		return nil, fail("the header Content-Type is not %s", formType)
	}
	if r.Header.Get("X-Slack-Signature") == "" {
		return nil, fail("there is no header X-Slack-Signature")
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, fail("the body is no form: %s", err)
	}
	added := map[string]any{}
	for _, name := range p.RequestedFields {
		values, ok := form[name]
		if !ok {
			return nil, fail("the form has no field %q", name)
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		added[name] = list
	}
	return added, nil
}
