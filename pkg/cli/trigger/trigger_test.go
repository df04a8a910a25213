package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// fake is an API server with repositories, whose events come to the verdict by the first look.
type fake struct {
	names   []string
	verdict v1alpha1.RepositoryEventStatus
	created atomic.Pointer[v1alpha1.RepositoryEvent]
	looks   atomic.Int32
}

func repository(name string) *v1alpha1.Repository {
	r := &v1alpha1.Repository{TypeMeta: metav1.TypeMeta{APIVersion: "slipway.dev/v1alpha1", Kind: "Repository"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: name, UID: "u"}}
	r.Spec.Params = []v1alpha1.RepositoryParam{{Name: "level", Value: "1"}}
	r.Status.DefaultBranch = "trunk"
	r.Status.Runs = []v1alpha1.RepositoryRun{{Name: "b-1", Pipeline: "build"}, {Name: "a-1", Pipeline: "audit"}, {Name: "b-0", Pipeline: "build"}}
	return r
}

func (c *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const ours, runs = "/apis/slipway.dev/v1alpha1/namespaces/ci/", "/apis/tekton.dev/v1/namespaces/ci/pipelineruns/"
	var answer any
	w.Header().Set("Content-Type", "application/json")
	switch path, _ := strings.CutPrefix(r.URL.Path, ours); {
	case r.Method == http.MethodPost && path == "repositoryevents":
		event := &v1alpha1.RepositoryEvent{}
		if err := json.NewDecoder(r.Body).Decode(event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.created.Store(event)
		answer = event
	case strings.HasPrefix(path, "repositoryevents/"):
		event := c.created.Load().DeepCopy()
		if c.looks.Add(1) > 0 {
			event.Status = c.verdict
		}
		answer = event
	case path == "repositories":
		list := &v1alpha1.RepositoryList{TypeMeta: metav1.TypeMeta{APIVersion: "slipway.dev/v1alpha1", Kind: "RepositoryList"}}
		for _, name := range c.names {
			list.Items = append(list.Items, *repository(name))
		}
		answer = list
	case strings.HasPrefix(path, "repositories/") && strings.Contains(strings.Join(c.names, " "), strings.TrimPrefix(path, "repositories/")):
		answer = repository(strings.TrimPrefix(path, "repositories/"))
	case strings.HasPrefix(r.URL.Path, runs):
		answer = &v1.PipelineRun{TypeMeta: metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "PipelineRun"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: strings.TrimPrefix(r.URL.Path, runs)}}
	default:
		w.WriteHeader(http.StatusNotFound)
		answer = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		fmt.Println(err)
	}
}

// call runs the command against the cluster.
func call(t *testing.T, c *fake, args ...string) (out string, err error) {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	config := genericclioptions.NewConfigFlags(false)
	namespace := "ci"
	config.APIServer, config.Namespace = &server.URL, &namespace
	var text bytes.Buffer
	e := &env.Env{IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &text, ErrOut: &text}, Config: config, Now: time.Now}
	cmd := NewCommand(e)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return text.String(), err
}

func TestWhatIsCreated(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want v1alpha1.Event
	}{
		"a push of the default branch":   {nil, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/trunk"}},
		"of another branch":              {[]string{"app", "--branch=next"}, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/next"}},
		"of a tag":                       {[]string{"app", "--branch=refs/tags/v1"}, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/tags/v1"}},
		"of a commit":                    {[]string{"app", "--revision=c1"}, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/trunk", Commit: "c1"}},
		"one pipeline with a param":      {[]string{"app", "nightly", "-p", "level=3=4"}, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/trunk", Pipeline: "nightly", Params: map[string]string{"level": "3=4"}}},
		"a variable of the event":        {[]string{"app", "--event=image", "-p", "image_tag=v2"}, v1alpha1.Event{Type: v1alpha1.EventImage, Ref: "refs/heads/trunk", Params: map[string]string{"image_tag": "v2"}}},
		"a pull request":                 {[]string{"app", "--pull-request=7"}, v1alpha1.Event{Type: v1alpha1.EventPullRequest, PullRequest: &v1alpha1.PullRequest{Number: 7, Action: v1alpha1.PullRequestUpdated}}},
		"a pull request and its event":   {[]string{"app", "--event=pull_request", "--pull-request=7"}, v1alpha1.Event{Type: v1alpha1.EventPullRequest, PullRequest: &v1alpha1.PullRequest{Number: 7, Action: v1alpha1.PullRequestUpdated}}},
		"a time, without its schedule":   {[]string{"app", "--event=schedule"}, v1alpha1.Event{Type: v1alpha1.EventSchedule, Ref: "refs/heads/trunk"}},
		"a call, to be told from others": {[]string{"app", "--event=incoming"}, v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "refs/heads/trunk"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &fake{names: []string{"app"}, verdict: v1alpha1.RepositoryEventStatus{State: v1alpha1.EventDone, Runs: []string{"b-2"}}}
			out, err := call(t, c, tc.args...)
			if want := "pipelinerun b-2 started; see: slipway logs -f b-2\n"; err != nil || out != want {
				t.Fatalf("%q, %v, want %q", out, err, want)
			}
			made := c.created.Load()
			if diff := cmp.Diff(tc.want, made.Spec.Event); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if made.Spec.Origin != v1alpha1.OriginManual || made.Spec.Repository != "app" || v1alpha1.OwnedBy(made) != "app" || made.Spec.Received.IsZero() {
				t.Errorf("the event is %+v", made)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	done := func(runs ...string) v1alpha1.RepositoryEventStatus {
		return v1alpha1.RepositoryEventStatus{State: v1alpha1.EventDone, Runs: runs}
	}
	for name, tc := range map[string]struct {
		names   []string
		verdict v1alpha1.RepositoryEventStatus
		args    []string
		code    int
		out     string
		says    string
	}{
		"two runs":                    {verdict: done("a-2", "b-2"), args: []string{"app"}, out: "pipelinerun a-2 started; see: slipway logs -f a-2\npipelinerun b-2 started; see: slipway logs -f b-2\n"},
		"by name":                     {verdict: done("a-2", "b-2"), args: []string{"app", "-o", "name"}, out: "pipelinerun.tekton.dev/a-2\npipelinerun.tekton.dev/b-2\n"},
		"one run by a path":           {verdict: done("a-2"), args: []string{"app", "-o", "jsonpath={.metadata.name}"}, out: "a-2"},
		"nothing matches":             {verdict: v1alpha1.RepositoryEventStatus{State: v1alpha1.EventIgnored, Message: "nothing matches"}, args: []string{"app"}, code: env.ExitFailed, says: "nothing was started: nothing matches"},
		"a mistake":                   {verdict: v1alpha1.RepositoryEventStatus{State: v1alpha1.EventFailed, Message: "a.yaml:3: no"}, args: []string{"app"}, code: env.ExitFailed, says: "nothing was started: a.yaml:3: no"},
		"a forge that is away":        {verdict: v1alpha1.RepositoryEventStatus{State: v1alpha1.EventWaiting, Message: "connection refused"}, args: []string{"app", "--timeout=700ms"}, code: env.ExitOther, says: "within 700ms: connection refused"},
		"no repository":               {args: []string{"nobody"}, code: env.ExitOther, says: `no repository "nobody" in namespace "ci"; there is app`},
		"none to choose":              {names: []string{}, code: env.ExitOther, says: "connect one: slipway repo create"},
		"several to choose":           {names: []string{"web", "app"}, code: env.ExitUsage, says: "say which repository; there is app, web"},
		"no such event":               {args: []string{"app", "--event=pushed"}, code: env.ExitUsage, says: "did you mean"},
		"no number":                   {args: []string{"app", "--event=pull_request"}, code: env.ExitUsage, says: "--pull-request is missing"},
		"a number for a push":         {args: []string{"app", "--event=push", "--pull-request=7"}, code: env.ExitUsage, says: "goes with --event pull_request"},
		"a branch for a pull request": {args: []string{"app", "--pull-request=7", "--branch=x"}, code: env.ExitUsage, says: "leave --branch and --revision out"},
		"no value":                    {args: []string{"app", "-p", "level"}, code: env.ExitUsage, says: "write NAME=VALUE"},
		"no such param":               {args: []string{"app", "-p", "levle=3"}, code: env.ExitUsage, says: `no such param in spec.params, and it is no variable; did you mean "level"?`},
		"a param that is fixed":       {args: []string{"app", "-p", "repo_url=x"}, code: env.ExitUsage, says: "it is no variable"},
		"a format of its own":         {args: []string{"app", "-o", "xml"}, code: env.ExitUsage, says: "--output xml"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.names == nil {
				tc.names = []string{"app"}
			}
			c := &fake{names: tc.names, verdict: tc.verdict}
			out, err := call(t, c, tc.args...)
			if env.Code(err) != tc.code || out != tc.out || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q, %v (%d), want %q, %q (%d)", out, err, env.Code(err), tc.out, tc.says, tc.code)
			}
			if tc.code == env.ExitUsage && c.created.Load() != nil {
				t.Error("an event was made all the same")
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	for want, args := range map[string][]string{"app web": {"__complete", ""}, "audit build": {"__complete", "app", ""}, "push pull_request incoming schedule image": {"__complete", "app", "--event", ""}} {
		out := bytes.Buffer{}
		server := httptest.NewServer(&fake{names: []string{"web", "app"}})
		defer server.Close()
		config := genericclioptions.NewConfigFlags(false)
		namespace := "ci"
		config.APIServer, config.Namespace = &server.URL, &namespace
		cmd := NewCommand(&env.Env{IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &out}, Config: config, Now: time.Now})
		cmd.SetArgs(args)
		cmd.SetOut(&out)
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		words, _, _ := strings.Cut(out.String(), ":")
		if got := strings.Join(strings.Fields(words), " "); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}
