//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/test/env"
)

// listening is a namespace with an EventListener named push, whose run says what the title is.
type listening struct {
	*env.Env
	gateway string
}

const listenerSpec = `
metadata: {name: push}
spec:
  serviceAccountName: ACCOUNT
  triggers:
  - name: main
    interceptors:
    - ref: {name: github}
      params:
      - {name: secretRef, value: {secretName: hook, secretKey: token}}
      - {name: eventTypes, value: [push]}
    - ref: {name: cel}
      params:
      - {name: filter, value: "body.ref == 'refs/heads/main'"}
      - {name: overlays, value: [{key: sha, expression: "body.head_commit.id.truncate(7)"}]}
    bindings: [{ref: push}]
    template: {ref: build}`

func listen(t *testing.T, account string) *listening {
	l := &listening{Env: env.New(t)}
	l.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "hook"}, StringData: map[string]string{"token": webhookToken}})
	l.Create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "allowed"}})
	l.Create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "allowed"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "tekton-triggers-eventlistener-roles"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "allowed", Namespace: l.Namespace}}})
	env.CreateYAML[triggersv1.TriggerBinding](l.Env, `{metadata: {name: push}, spec: {params: [{name: sha, value: $(extensions.sha)}, {name: title, value: $(body.head_commit.message)}]}}`)
	env.CreateYAML[triggersv1.TriggerTemplate](l.Env, strings.ReplaceAll(`
metadata: {name: build}
spec:
  params: [{name: sha}, {name: title}]
  resourcetemplates:
  - apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {generateName: build-$(tt.params.sha)-}
    spec:
      params: [{name: sha, value: $(tt.params.sha)}]
      pipelineSpec:
        results: [{name: said, value: $(tasks.say.results.said)}]
        tasks:
        - name: say
          taskSpec:
            results: [{name: said}]
            steps: [{name: say, image: IMAGE, script: 'printf %s "$(tt.params.title)" >$(results.said.path)'}]`, "IMAGE", l.Registry+"/busybox"))
	env.CreateYAML[triggersv1.EventListener](l.Env, strings.ReplaceAll(listenerSpec, "ACCOUNT", account))
	var el triggersv1.EventListener
	env.Wait(t, soon, "the EventListener to be ready", func() (bool, string) {
		err := l.Client.Get(t.Context(), client.ObjectKey{Namespace: l.Namespace, Name: "push"}, &el)
		return err == nil && meta.IsStatusConditionTrue(el.Status.Conditions, triggersv1.ConditionReady), fmt.Sprint(err, el.Status)
	})
	if want := "http://el-push." + l.Namespace + ".svc.cluster.local:8080"; el.Status.Address.URL != want {
		t.Errorf("the address is %s, want %s", el.Status.Address.URL, want)
	}
	l.gateway = l.Forward(env.SystemNamespace, "gateway", 8080)
	return l
}

const (
	webhookToken = "a secret that the forge shares"
	// evil is what a stranger writes into a commit's message.
	evil = `"; touch /tmp/pwned; echo "owned`
)

func pushOf(ref, message string) []byte {
	body, err := json.Marshal(map[string]any{"ref": ref, "head_commit": map[string]any{"id": "0123456789abcdef", "message": message}})
	if err != nil {
		panic(err)
	}
	return body
}

// signedBy is the value of the header X-Hub-Signature-256.
func signedBy(token string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// posts sends a push to the gateway, and returns what became of it.
func (l *listening) posts(body []byte, token string) *v1alpha1.ListenerEvent {
	l.Helper()
	var answer struct{ EventListener, Namespace, EventListenerUID, EventID, ErrorMessage string }
	// The gateway may not have heard of the EventListener yet.
	env.Wait(l, soon, "the request to be accepted", func() (bool, string) {
		ctx, cancel := context.WithTimeout(l.Context(), 10*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.gateway+"/v1/listeners/"+l.Namespace+"/push", bytes.NewReader(body))
		if err != nil {
			l.Fatal(err)
		}
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-Hub-Signature-256", signedBy(token, body))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false, err.Error()
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err == nil {
			err = json.Unmarshal(text, &answer)
		}
		return err == nil && res.StatusCode == http.StatusAccepted, fmt.Sprint(res.Status, string(text), err)
	})
	if answer.EventListener != "push" || answer.Namespace != l.Namespace || answer.EventListenerUID == "" || answer.EventID == "" {
		l.Errorf("the answer is %+v", answer)
	}
	return l.finished(answer.EventID)
}

// finished waits until a request was worked off.
func (l *listening) finished(id string) *v1alpha1.ListenerEvent {
	l.Helper()
	var e v1alpha1.ListenerEvent
	env.Wait(l, soon, "the request to be worked off", func() (bool, string) {
		err := l.Client.Get(l.Context(), client.ObjectKey{Namespace: l.Namespace, Name: id}, &e)
		return err == nil && e.Status.Finished != nil, fmt.Sprint(err, e.Status)
	})
	return &e
}

func (l *listening) runs() []v1.PipelineRun {
	l.Helper()
	var list v1.PipelineRunList
	if err := l.Client.List(l.Context(), &list, client.InNamespace(l.Namespace)); err != nil {
		l.Fatal(err)
	}
	return list.Items
}

// A signed push starts a run whose param came from the body, and what a stranger wrote
// there stays a text in a script.
func TestTriggersStartARun(t *testing.T) {
	t.Parallel()
	l := listen(t, "allowed")
	e := l.posts(pushOf("refs/heads/main", evil), webhookToken)
	runs := l.runs()
	if e.Status.State != v1alpha1.EventDone || len(runs) != 1 {
		t.Fatalf("%+v, and %d runs", e.Status, len(runs))
	}
	run := l.PipelineRunDone(runs[0].Name, runTimeout)
	if !run.IsSuccessful() || len(run.Status.Results) != 1 || run.Status.Results[0].Value.StringVal != evil {
		t.Errorf("%+v, results %+v", run.Status.GetCondition(v1.ConditionSucceeded), run.Status.Results)
	}
	if !strings.HasPrefix(run.Name, "build-0123456-") || run.Labels[triggersv1.LabelEventListener] != "push" || run.Labels[triggersv1.LabelTrigger] != "main" ||
		run.Labels[triggersv1.LabelEventID] != e.Name {
		t.Errorf("%s has the labels %v", run.Name, run.Labels)
	}
	for name, tc := range map[string]struct {
		body    []byte
		token   string
		state   v1alpha1.EventState
		message string
	}{
		"a wrong signature": {pushOf("refs/heads/main", "Hello"), "guess", v1alpha1.EventFailed, "main: interceptors[0]: github: the signature does not fit the secret"},
		"another branch":    {pushOf("refs/heads/other", "Hello"), webhookToken, v1alpha1.EventIgnored, "main: interceptors[1]: cel: params[filter] is not true"},
	} {
		if e := l.posts(tc.body, tc.token); e.Status.State != tc.state || !strings.Contains(e.Status.Message, tc.message) {
			t.Errorf("%s: %+v", name, e.Status)
		}
	}
	if n := len(l.runs()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// What is made is made as the service account, which may be allowed nothing.
func TestTriggersActAsTheirAccount(t *testing.T) {
	t.Parallel()
	l := listen(t, "default")
	e := l.posts(pushOf("refs/heads/main", "Hello"), webhookToken)
	want := `User "system:serviceaccount:` + l.Namespace + `:default" cannot create resource "pipelineruns"`
	if e.Status.State != v1alpha1.EventFailed || !strings.Contains(e.Status.Message, want) || len(l.runs()) != 0 {
		t.Errorf("%+v", e.Status)
	}
}

// Inside of the cluster an EventListener is reached by the Service that Tekton users know.
func TestTriggersAreReachedByTheirService(t *testing.T) {
	t.Parallel()
	l := listen(t, "allowed")
	body := pushOf("refs/heads/main", "Hello")
	// Once the gateway has heard of it.
	l.posts(pushOf("refs/heads/other", "Hello"), webhookToken)
	succeeds(l.Env, "send", fmt.Sprintf(`taskSpec:
  steps:
  - name: send
    image: IMAGE
    env: [{name: BODY, value: %q}, {name: SIGNATURE, value: %q}]
    script: |
      wget -O - --post-data "$BODY" --header "Content-Type: application/json" --header "X-GitHub-Event: push" --header "X-Hub-Signature-256: $SIGNATURE" http://el-push.%s.svc.cluster.local:8080/`,
		body, signedBy(webhookToken, body), l.Namespace))
	env.Wait(t, soon, "a run", func() (bool, string) {
		var events v1alpha1.ListenerEventList
		err := l.Client.List(t.Context(), &events, client.InNamespace(l.Namespace))
		var seen []string
		for _, e := range events.Items {
			seen = append(seen, e.Spec.URL+" "+e.Status.Message)
		}
		return len(l.runs()) == 1, fmt.Sprint(seen, err)
	})
}

// The gateway stores requests, and can neither read them nor act as anybody.
func TestGatewayOnlyStoresRequests(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for what, allowed := range map[authorizationv1.ResourceAttributes]bool{
		{Verb: "create", Group: v1alpha1.GroupName, Resource: "listenerevents"}:                       true,
		{Verb: "get", Group: v1alpha1.GroupName, Resource: "listenerevents"}:                          false,
		{Verb: "list", Group: v1alpha1.GroupName, Resource: "listenerevents"}:                         false,
		{Verb: "patch", Group: v1alpha1.GroupName, Resource: "listenerevents", Subresource: "status"}: false,
		{Verb: "update", Group: triggersv1.GroupName, Resource: "eventlisteners"}:                     false,
		{Verb: "get", Group: triggersv1.GroupName, Resource: "triggertemplates"}:                      false,
		{Verb: "impersonate", Resource: "serviceaccounts"}:                                            false,
		{Verb: "create", Group: v1.SchemeGroupVersion.Group, Resource: "pipelineruns"}:                false,
		{Verb: "create", Resource: "services"}:                                                        false,
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:" + env.SystemNamespace + ":gateway", ResourceAttributes: &what}}
		if err := e.Client.Create(t.Context(), review); err != nil || review.Status.Allowed != allowed {
			t.Errorf("%s %s/%s %s: %v, %v", what.Verb, what.Group, what.Resource, what.Subresource, review.Status.Allowed, err)
		}
	}
}

// What is not supported is refused where it is written, with the way out.
func TestTriggersRefuse(t *testing.T) {
	e := env.New(t).PastAdmission()
	for name, tc := range map[string]struct {
		object client.Object
		text   string
		want   string
	}{
		"a custom resource":          {&triggersv1.EventListener{}, `{triggers: [{triggerRef: t}], resources: {customResource: {apiVersion: serving.knative.dev/v1, kind: Service}}}`, "customResource is not supported"},
		"a webhook":                  {&triggersv1.EventListener{}, `{triggers: [{triggerRef: ""}, {template: {ref: t}, interceptors: [{webhook: {objectRef: {name: x}}}]}]}`, "webhook is not supported: make a ClusterInterceptor"},
		"no interceptor":             {&triggersv1.Trigger{}, `{template: {ref: t}, interceptors: [{name: x}]}`, "give ref.name: cel, github"},
		"a namespaced interceptor":   {&triggersv1.Trigger{}, `{template: {ref: t}, interceptors: [{ref: {name: x, kind: NamespacedInterceptor}}]}`, `supported values: "", "ClusterInterceptor"`},
		"no trigger":                 {&triggersv1.EventListener{}, `{serviceAccountName: sa}`, "give at least one of triggers"},
		"both":                       {&triggersv1.EventListener{}, `{triggers: [{triggerRef: t, template: {ref: t}}]}`, "give either template or triggerRef"},
		"half a binding":             {&triggersv1.Trigger{}, `{template: {ref: t}, bindings: [{name: x}]}`, "give either ref, or name and value"},
		"a template of nothing":      {&triggersv1.Trigger{}, `{template: {}}`, "give either ref or spec"},
		"a template without objects": {&triggersv1.TriggerTemplate{}, `{resourcetemplates: []}`, "should have at least 1 items"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := yaml.UnmarshalStrict([]byte("{metadata: {name: refused}, spec: "+tc.text+"}"), tc.object); err != nil {
				t.Fatal(err)
			}
			tc.object.SetNamespace(e.Namespace)
			err := e.Client.Create(t.Context(), tc.object, client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
