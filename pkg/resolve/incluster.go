package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// clusterResolver is the resolver that finds objects of any namespace, by the
// params kind, name and namespace. The API server is no further away than the
// run itself, so that its answer is waited for.
const clusterResolver = "cluster"

// fromCluster finds what the params of the resolver cluster name.
func (f *Finder) fromCluster(ctx context.Context, q question, w wanted) (*v1.RefSource, error) {
	settings, err := f.Settings(ctx, "cluster-resolver-config")
	if err != nil {
		return nil, err
	}
	refuse := func(format string, args ...any) error {
		return &Error{"resolver cluster: " + fmt.Sprintf(format, args...)}
	}
	kind := strings.ToLower(w.kind)
	if !strings.EqualFold(q.params["kind"], kind) {
		return nil, refuse("param kind: a %s is needed here, not a %s", kind, q.params["kind"])
	}
	name, namespace := q.params["name"], cmp.Or(q.params["namespace"], settings["default-namespace"], q.namespace)
	if name == "" {
		return nil, refuse("param name is missing")
	}
	if !mayRead(namespace, settings) {
		return nil, refuse("param namespace: %q is not open to it: see allowed-namespaces and blocked-namespaces in the ConfigMap cluster-resolver-config", namespace)
	}
	if err := find(ctx, f.Cluster, query{namespace, name, w.noun, "resolver cluster: param name"}, w.into); err != nil {
		return nil, err
	}
	digest, err := digestOf(w)
	return &v1.RefSource{Digest: digest, URI: fmt.Sprintf("/apis/%s/namespaces/%s/%s/%s@%s",
		w.apiVersion, namespace, kind, name, w.into.GetUID())}, err
}

// mayRead follows the lists of namespaces that an installation gives, separated
// by commas; * is every one.
func mayRead(namespace string, settings map[string]string) bool {
	in := func(key string) bool {
		list := strings.Split(strings.ReplaceAll(settings[key], " ", ""), ",")
		return slices.Contains(list, namespace)
	}
	switch {
	case in("allowed-namespaces"):
		return true
	case in("blocked-namespaces"), strings.TrimSpace(settings["blocked-namespaces"]) == "*":
		return false
	}
	return strings.TrimSpace(settings["allowed-namespaces"]) == ""
}

// questionOf turns a reference into what is asked for.
func questionOf(by Asker, name string, r v1.ResolverRef, kind string) (question, error) {
	q := question{namespace: by.Namespace, resolver: string(r.Resolver), params: fetch.Params{}}
	for _, p := range r.Params {
		if p.Value.Type != v1.ParamTypeString && p.Value.Type != "" {
			return q, &Error{fmt.Sprintf("resolver %s: param %s: a resolver takes strings, and this is an %s", r.Resolver, p.Name, p.Value.Type)}
		}
		q.params[p.Name] = p.Value.StringVal
	}
	if name != "" && q.params["url"] == "" {
		q.params["url"] = name
	}
	if q.params["kind"] == "" {
		q.params["kind"] = strings.ToLower(kind)
	}
	mode, err := cacheModeOf(q.params["cache"])
	if err != nil {
		return q, &Error{"resolver " + q.resolver + ": " + err.Error()}
	}
	q.mode = mode
	delete(q.params, "cache")
	return q, nil
}
