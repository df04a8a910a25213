package interceptor

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

const body = `{"ref": "refs/heads/main", "action": "opened", "count": 2, "measure": 1.7, "sha": "0123456789abcdef", "b64": "aGVsbG8=",
	"labels": [{"name": "test-a"}, {"name": "test-b"}], "json": "{\"testing\":\"value\"}", "yaml": "key1: value1\nkey2: value2\n",
	"url": "https://user:pass@example.com/test/path?s=testing&t=1&t=2#first", "text": "This is $an Invalid5String "}`

func missing(name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, name)
}

// world has one secret, and interceptors by name.
func world(interceptors map[string]v1alpha1.ClientConfig) World {
	return World{
		Transport: http.DefaultTransport.(*http.Transport),
		Secret: func(_ context.Context, namespace, name string) (*corev1.Secret, error) {
			switch namespace + "/" + name {
			case "team/hook":
				return &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret"), "empty": {}}}, nil
			case "team/slow":
				return nil, errors.New("the API server is away")
			}
			return nil, missing(name)
		},
		Interceptor: func(_ context.Context, name string) (*v1alpha1.ClusterInterceptor, error) {
			config, ok := interceptors[name]
			if !ok {
				return nil, missing(name)
			}
			return &v1alpha1.ClusterInterceptor{Spec: v1alpha1.ClusterInterceptorSpec{ClientConfig: config}}, nil
		},
	}
}

func interceptorOf(t *testing.T, text string) *v1beta1.TriggerInterceptor {
	t.Helper()
	var i v1beta1.TriggerInterceptor
	if err := yaml.UnmarshalStrict([]byte(text), &i); err != nil {
		t.Fatal(err)
	}
	return &i
}

func request(header ...string) *Request {
	r := &Request{Body: []byte(body), Header: http.Header{}, URL: "/path?x=y", EventID: "e1", Namespace: "team", Trigger: "namespaces/team/triggers/t"}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func sign(text, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// overlay is a cel interceptor with one.
func overlayOf(expression string) *v1beta1.TriggerInterceptor {
	list, _ := json.Marshal([]map[string]string{{"key": "x", "expression": expression}})
	i := &v1beta1.TriggerInterceptor{Ref: v1beta1.InterceptorRef{Name: "cel"}, Params: []v1beta1.InterceptorParams{{Name: "overlays"}}}
	i.Params[0].Value.Raw = list
	return i
}

func TestOverlays(t *testing.T) {
	for expression, want := range map[string]string{
		`body.ref.split('/')[2]`:                                        `"main"`,
		`['refs', 'heads'].join('/')`:                                   `"refs/heads"`,
		`body.count + 1.0`:                                              `3`,
		`int(body.count) + 2`:                                           `4`,
		`body.measure * 3.0 > 5.0`:                                      `true`,
		`body.sha.truncate(7)`:                                          `"0123456"`,
		`truncate(body.sha, 100)`:                                       ``,
		`body.sha.truncate(100)`:                                        `"0123456789abcdef"`,
		`body.b64.decodeb64()`:                                          `"hello"`,
		`string(base64.decode(body.b64))`:                               `"hello"`,
		`body.json.parseJSON().testing`:                                 `"value"`,
		`body.yaml.parseYAML().key1`:                                    `"value1"`,
		`body.url.parseURL().path`:                                      `"/test/path"`,
		`body.url.parseURL().query['t']`:                                `"1,2"`,
		`body.url.parseURL().queryStrings.t[1]`:                         `"2"`,
		`body.url.parseURL().auth.password`:                             `"pass"`,
		`body.labels.marshalJSON()`:                                     `"[{\"name\":\"test-a\"},{\"name\":\"test-b\"}]"`,
		`{"testing":"value"}.marshalJSON()`:                             `"{\"testing\":\"value\"}"`,
		`body.labels.first().name`:                                      `"test-a"`,
		`[1, 2, 3, 4, 5].last()`:                                        `5`,
		`body.text.translate('[^a-z0-9]+', 'ABC')`:                      `"ABChisABCisABCanABCnvalid5ABCtringABC"`,
		`'TacoCat'.lowerAscii() + 'TacoCat'.upperAscii()`:               `"tacocatTACOCAT"`,
		`body.labels.map(x, x.name.substring(x.name.lastIndexOf('-')))`: `["-a","-b"]`,
		`body.labels.filter(x, x.name.endsWith('-b'))`:                  `[{"name":"test-b"}]`,
		`header.match('x-github-event', 'push')`:                        `true`,
		`header['X-Github-Event'][0]`:                                   `"push"`,
		`header.canonical('x-none')`:                                    `""`,
		`requestURL.parseURL().query.x`:                                 `"y"`,
		`extensions.before`:                                             `"b"`,
		`'s3cret'.compareSecret('token', 'hook')`:                       `true`,
		`'s3cret'.compareSecret('token', 'hook', 'team')`:               `true`,
		`header.canonical('X-Token').compareSecret('token', 'hook')`:    `false`,
	} {
		t.Run(expression, func(t *testing.T) {
			r := request("X-GitHub-Event", "push")
			r.Extensions = map[string]any{"before": "b"}
			added, err := world(nil).Process(t.Context(), overlayOf(expression), r)
			if want == "" {
				if err == nil {
					t.Errorf("it is %v", added)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := json.Marshal(added["x"]); err != nil || string(got) != want {
				t.Errorf("%s, %v, want %s", got, err, want)
			}
		})
	}
}

func TestOverlayKeys(t *testing.T) {
	i := interceptorOf(t, `{ref: {name: cel}, params: [{name: overlays, value: [
		{key: a.b, expression: "'1'"}, {key: a.c, expression: "'2'"}, {key: 'd\.e', expression: "'3'"}, {key: a.b, expression: "'4'"}]}]}`)
	added, err := world(nil).Process(t.Context(), i, request())
	want := map[string]any{"a": map[string]any{"b": "4", "c": "2"}, "d.e": "3"}
	if diff := cmp.Diff(want, added); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// Each interceptor ends the way of a request that is none of the Trigger's, or wrong, and
// says which.
func TestStops(t *testing.T) {
	const github, gitlab, bitbucket = `{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook, secretKey: token}}, {name: eventTypes, value: [push]}]}`,
		`{ref: {name: gitlab}, params: [{name: secretRef, value: {secretName: hook, secretKey: token}}, {name: eventTypes, value: [Push Hook]}]}`,
		`{ref: {name: bitbucket}, params: [{name: secretRef, value: {secretName: hook, secretKey: token}}, {name: eventTypes, value: ["repo:push"]}]}`
	signed := sign(body, "s3cret")
	for name, tc := range map[string]struct {
		interceptor string
		header      []string
		// want is a part of the message; empty where the request goes on.
		want   string
		failed bool
	}{
		"github":                       {github, []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", signed}, "", false},
		"github, another event":        {github, []string{"X-GitHub-Event", "issues", "X-Hub-Signature-256", signed}, `github: the event "issues"`, false},
		"github, another secret":       {github, []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", sign(body, "guess")}, "github: the signature does not fit the secret", true},
		"github, another body":         {github, []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", sign(body+" ", "s3cret")}, "signature", true},
		"github, no signature":         {github, []string{"X-GitHub-Event", "push"}, "there is no header X-Hub-Signature-256", true},
		"github, a form":               {github, []string{"X-GitHub-Event", "push", "Content-Type", formType}, "application/json", true},
		"github, no secret":            {`{ref: {name: github}, params: [{name: secretRef, value: {secretName: none, secretKey: token}}]}`, nil, "there is no secret none in namespace team", true},
		"github, no key":               {`{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook, secretKey: none}}]}`, nil, `no key "none"`, true},
		"github, an empty key":         {`{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook, secretKey: empty}}]}`, nil, `no key "empty"`, true},
		"github, key not named":        {`{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook}}]}`, nil, "secretKey are needed", true},
		"github, nothing asked":        {`{ref: {name: github, kind: ClusterInterceptor}}`, nil, "", false},
		"github, owners":               {`{ref: {name: github}, params: [{name: githubOwners, value: {enabled: true, checkType: none}}]}`, nil, "githubOwners] is not supported", true},
		"github, owners off":           {`{ref: {name: github}, params: [{name: githubOwners, value: {enabled: false}}]}`, nil, "", false},
		"github, files of a request":   {`{ref: {name: github}, params: [{name: addChangedFiles, value: {enabled: true}}]}`, []string{"X-GitHub-Event", "pull_request"}, "for pushes alone", true},
		"github, files with a token":   {`{ref: {name: github}, params: [{name: addChangedFiles, value: {enabled: true, personalAccessToken: {secretName: a, secretKey: b}}}]}`, nil, "personalAccessToken is not supported", true},
		"a setting that is not":        {`{ref: {name: github}, params: [{name: eventType, value: [push]}]}`, nil, `unknown field "eventType"`, true},
		"gitlab":                       {gitlab, []string{"X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "s3cret"}, "", false},
		"gitlab, another token":        {gitlab, []string{"X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "s3cre"}, "gitlab: the signature", true},
		"gitlab, another event":        {gitlab, []string{"X-Gitlab-Event", "Tag Push Hook", "X-Gitlab-Token", "s3cret"}, "Tag Push Hook", false},
		"bitbucket":                    {bitbucket, []string{"X-Event-Key", "repo:push", "X-Hub-Signature", signed}, "", false},
		"bitbucket, another":           {bitbucket, []string{"X-Event-Key", "repo:push", "X-Hub-Signature", sign(body, "x")}, "signature", true},
		"bitbucket, event":             {bitbucket, []string{"X-Event-Key", "pr:opened"}, "pr:opened", false},
		"slack, no form":               {`{ref: {name: slack}, params: [{name: requestedFields, value: [text]}]}`, nil, "Content-Type", true},
		"slack, unsigned":              {`{ref: {name: slack}, params: [{name: requestedFields, value: [text]}]}`, []string{"Content-Type", formType}, "X-Slack-Signature", true},
		"slack, no fields":             {`{ref: {name: slack}}`, nil, "requestedFields] is missing", true},
		"cel, true":                    {`{ref: {name: cel}, params: [{name: filter, value: "body.action in ['opened', 'reopened']"}]}`, nil, "", false},
		"cel, false":                   {`{ref: {name: cel}, params: [{name: filter, value: "body.action == 'closed'"}]}`, nil, "cel: params[filter] is not true", false},
		"cel, no bool":                 {`{ref: {name: cel}, params: [{name: filter, value: "body.action"}]}`, nil, "is not true", false},
		"cel, a field that is missing": {`{ref: {name: cel}, params: [{name: filter, value: "body.none == 'x'"}]}`, nil, "no such key: none", true},
		"cel, wrong":                   {`{ref: {name: cel}, params: [{name: filter, value: "body.action =="}]}`, nil, "params[filter]: line 1, column", true},
		"cel, unknown name":            {`{ref: {name: cel}, params: [{name: filter, value: "bdoy.action == 'x'"}]}`, nil, "undeclared reference to 'bdoy'", true},
		"cel, mixed numbers":           {`{ref: {name: cel}, params: [{name: overlays, value: [{key: x, expression: "body.measure * 3"}]}]}`, nil, "overlays][0].expression", true},
		"cel, no key":                  {`{ref: {name: cel}, params: [{name: overlays, value: [{expression: "1"}]}]}`, nil, "key is missing", true},
		"cel, no such secret":          {`{ref: {name: cel}, params: [{name: filter, value: "'a'.compareSecret('k', 'none')"}]}`, nil, "there is no secret none", true},
		"cel, another namespace":       {`{ref: {name: cel}, params: [{name: filter, value: "'a'.compareSecret('token', 'hook', 'kube-system')"}]}`, nil, "and not of kube-system", true},
		"cel, too much":                {`{ref: {name: cel}, params: [{name: filter, value: "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a + b + c + d + e + f > 0))))))"}]}`, nil, "cost limit exceeded", true},
		"no name":                      {`{ref: {}}`, nil, "ref.name is missing", true},
		"a webhook":                    {`{webhook: {objectRef: {kind: Service, name: x}}}`, nil, "webhook is not supported", true},
		"another kind":                 {`{ref: {name: x, kind: NamespacedInterceptor}}`, nil, "NamespacedInterceptor is not supported", true},
		"nobody":                       {`{ref: {name: nobody}}`, nil, "there is no ClusterInterceptor nobody", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := world(nil).Process(t.Context(), interceptorOf(t, tc.interceptor), request(tc.header...))
			var stop *Stop
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want == "":
			case !errors.As(err, &stop) || !strings.Contains(stop.Message, tc.want) || stop.Failed != tc.failed:
				t.Errorf("%#v, want failed %v: %q", err, tc.failed, tc.want)
			}
		})
	}
}

// What can be said without a request is.
func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		`{ref: {name: cel}, params: [{name: filter, value: "body.x == 1 &&"}]}`:                 "params[filter]: line 1",
		`{ref: {name: cel}, params: [{name: filter, value: "'a'.compareSecret('k', 'none')"}]}`: "",
		`{ref: {name: cel}, params: [{name: filters, value: "true"}]}`:                          `unknown field "filters"`,
		`{ref: {name: github}, params: [{name: githubOwners, value: {enabled: true}}]}`:         "githubOwners] is not supported",
		`{ref: {name: somebody}, params: [{name: anything, value: null}]}`:                      "",
		`{ref: {kind: ClusterInterceptor}}`:                                                     "ref.name is missing",
	} {
		err := Check(interceptorOf(t, text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// The world's errors are no verdict on the request.
func TestWorldIsAway(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer failing.Close()
	w := world(map[string]v1alpha1.ClientConfig{"closed": {URL: closed.URL}, "failing": {URL: failing.URL}})
	for _, text := range []string{
		`{ref: {name: github}, params: [{name: secretRef, value: {secretName: slow, secretKey: token}}]}`,
		`{ref: {name: cel}, params: [{name: filter, value: "'a'.compareSecret('token', 'slow')"}]}`,
		`{ref: {name: closed}}`, `{ref: {name: failing}}`,
	} {
		if _, err := w.Process(t.Context(), interceptorOf(t, text), request()); err == nil || errors.As(err, new(*Stop)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPushedFiles(t *testing.T) {
	r := request("X-GitHub-Event", "push")
	r.Body = []byte(`{"commits": [{"added": ["a"], "modified": ["b", "c"], "removed": []}, {"removed": ["d"]}]}`)
	added, err := world(nil).Process(t.Context(), interceptorOf(t, `{ref: {name: github}, params: [{name: addChangedFiles, value: {enabled: true}}]}`), r)
	if err != nil || added["changed_files"] != "a,b,c,d" {
		t.Errorf("%v, %v", added, err)
	}
}

func TestSlack(t *testing.T) {
	r := request("Content-Type", formType, "X-Slack-Signature", "v0=x")
	r.Body = []byte("text=hello+there&command=%2Fbuild&text=twice")
	added, err := world(nil).Process(t.Context(), interceptorOf(t, `{ref: {name: slack}, params: [{name: requestedFields, value: [text]}]}`), r)
	if diff := cmp.Diff(map[string]any{"text": []any{"hello there", "twice"}}, added); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// A server of somebody else is asked in the words of Tekton Triggers.
func TestRemote(t *testing.T) {
	var asked map[string]any
	answer, code := `{"continue": true, "extensions": {"x": {"y": 1}}}`, http.StatusOK
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(data, &asked)
		}
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, answer)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	w := world(map[string]v1alpha1.ClientConfig{"plain": {URL: plain.URL}, "secure": {URL: secure.URL, CaBundle: ca},
		"stranger": {URL: secure.URL}, "broken": {URL: secure.URL, CaBundle: []byte("x")}})
	process := func(name string) (map[string]any, error) {
		r := request("X-A", "b")
		r.Extensions = map[string]any{"before": true}
		return w.Process(t.Context(), interceptorOf(t, `{ref: {name: `+name+`}, params: [{name: p, value: {q: [1]}}]}`), r)
	}
	for _, name := range []string{"plain", "secure"} {
		asked = nil
		added, err := process(name)
		if diff := cmp.Diff(map[string]any{"x": map[string]any{"y": 1.0}}, added); err != nil || diff != "" {
			t.Error(err, diff)
		}
		want := map[string]any{"body": body, "header": map[string]any{"X-A": []any{"b"}}, "extensions": map[string]any{"before": true},
			"interceptor_params": map[string]any{"p": map[string]any{"q": []any{1.0}}},
			"context":            map[string]any{"event_url": "/path?x=y", "event_id": "e1", "trigger_id": "namespaces/team/triggers/t"}}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := process("stranger"); err == nil || errors.As(err, new(*Stop)) {
		t.Errorf("a certificate of nobody: %v", err)
	}
	for _, tc := range []struct {
		name, answer string
		code         int
		want         string
		failed       bool
	}{
		{"plain", `{"continue": false, "status": {"code": 9, "message": "not now"}}`, 200, "plain: not now", false},
		{"plain", `{"continue": false, "status": {"code": 3, "message": "wrong"}}`, 200, "plain: wrong", true},
		{"plain", `{}`, 404, "it answered 404", true},
		{"plain", `no`, 200, "not JSON", true},
		{"plain", strings.Repeat(" ", maxResponse+1), 200, "larger than 1 MiB", true},
		{"broken", `{}`, 200, "caBundle has no certificate", true},
	} {
		answer, code = tc.answer, tc.code
		_, err := process(tc.name)
		if stop := (*Stop)(nil); !errors.As(err, &stop) || !strings.Contains(stop.Message, tc.want) || stop.Failed != tc.failed {
			t.Errorf("%.40s: %v", tc.answer, err)
		}
	}
}

func TestMerge(t *testing.T) {
	before := map[string]any{"a": 1, "b": 1}
	r := &Request{Extensions: before}
	r.Merge(map[string]any{"b": 2})
	if diff := cmp.Diff(map[string]any{"a": 1, "b": 2}, r.Extensions); diff != "" || before["b"] != 1 {
		t.Error(diff, before)
	}
}
