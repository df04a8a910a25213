// Package interceptor checks, filters and extends requests to EventListeners, as the
// interceptors that come with Tekton Triggers do, or asks a server that does.
package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// Request is what interceptors see.
type Request struct {
	// Body is as it was signed.
	Body   []byte
	Header http.Header
	// URL is the path of the request, with its query.
	URL string
	// Extensions are what interceptors before added, by name.
	Extensions map[string]any
	EventID    string
	// Namespace is the Trigger's, in which Secrets are looked for.
	Namespace string
	// Trigger is namespaces/NAMESPACE/triggers/NAME, or triggerGroups.
	Trigger string
}

// Stop is an error that ends the way of a request: the sender or the author of the
// Trigger is to mend it, or nothing is wrong.
type Stop struct {
	// Failed is whether something is wrong; else the request is none of the Trigger's.
	Failed  bool
	Message string
}

func (s *Stop) Error() string { return s.Message }

func fail(format string, args ...any) error   { return &Stop{true, fmt.Sprintf(format, args...)} }
func ignore(format string, args ...any) error { return &Stop{false, fmt.Sprintf(format, args...)} }

// World is what interceptors ask; every field is required.
type World struct {
	// Secret reads one. The error tells, in the way of the API server, that there is none.
	Secret func(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// Interceptor reads one, likewise.
	Interceptor func(ctx context.Context, name string) (*v1alpha1.ClusterInterceptor, error)
	// Transport reaches the servers of ClusterInterceptors.
	Transport *http.Transport
}

// builtin interceptors return what they add to the extensions.
var builtin = map[string]func(World, context.Context, json.RawMessage, *Request) (map[string]any, error){
	"cel": World.cel, "github": World.github, "gitlab": World.gitlab, "bitbucket": World.bitbucket, "slack": World.slack,
}

// Process returns what an interceptor adds to the extensions. The error is a Stop, or the
// world's, and worth another try.
func (w World) Process(ctx context.Context, i *v1beta1.TriggerInterceptor, r *Request) (map[string]any, error) {
	if err := known(i); err != nil {
		return nil, err
	}
	process := builtin[i.Ref.Name]
	if process == nil {
		return w.remote(ctx, i, r)
	}
	added, err := process(w, ctx, params(i), r)
	if stop := (*Stop)(nil); err != nil && asStop(err, &stop) {
		return nil, &Stop{stop.Failed, i.Ref.Name + ": " + stop.Message}
	}
	return added, err
}

// Check says what is wrong with an interceptor that can be said without a request; the
// error is a Stop.
func Check(i *v1beta1.TriggerInterceptor) error {
	if err := known(i); err != nil {
		return err
	}
	check := map[string]func(json.RawMessage) error{"cel": checkCEL, "github": checkWebhook, "gitlab": checkWebhook, "bitbucket": checkWebhook, "slack": checkSlack}[i.Ref.Name]
	if check == nil {
		return nil
	}
	return check(params(i))
}

// known says whether there is such a kind of interceptor.
func known(i *v1beta1.TriggerInterceptor) error {
	switch {
	case i.Webhook != nil:
		return fail("webhook is not supported: make a ClusterInterceptor with the address, and name it in ref")
	case i.Ref.Name == "":
		return fail("ref.name is missing: cel, github, gitlab, bitbucket, slack or that of a ClusterInterceptor")
	case i.Ref.Kind != "" && i.Ref.Kind != "ClusterInterceptor":
		return fail("ref.kind %s is not supported: make it a ClusterInterceptor", i.Ref.Kind)
	}
	return nil
}

// params are the settings as one object.
func params(i *v1beta1.TriggerInterceptor) json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, p := range i.Params {
		all[p.Name] = p.Value.Raw
		if len(p.Value.Raw) == 0 {
			all[p.Name] = json.RawMessage("null")
		}
	}
	// What the API server took is JSON.
	data, _ := json.Marshal(all)
	return data
}

// decode reads settings. None is passed over.
func decode(params json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fail("params: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// secretRef names one value of a Secret in the Trigger's namespace.
type secretRef struct {
	SecretName string `json:"secretName"`
	SecretKey  string `json:"secretKey"`
}

// secret reads one value.
func (w World) secret(ctx context.Context, namespace string, ref secretRef) ([]byte, error) {
	if ref.SecretName == "" || ref.SecretKey == "" {
		return nil, fail("secretName and secretKey are needed")
	}
	s, err := w.Secret(ctx, namespace, ref.SecretName)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fail("there is no secret %s in namespace %s", ref.SecretName, namespace)
	case err != nil:
		return nil, err
	case len(s.Data[ref.SecretKey]) == 0:
		return nil, fail("secret %s has no key %q, or nothing in it", ref.SecretName, ref.SecretKey)
	}
	return s.Data[ref.SecretKey], nil
}

// Merge adds extensions to those that are there; the later ones win.
func (r *Request) Merge(added map[string]any) {
	all := maps.Clone(r.Extensions)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, added)
	r.Extensions = all
}

func oneOf(value string, allowed []string) bool {
	return allowed == nil || slices.Contains(allowed, value)
}
