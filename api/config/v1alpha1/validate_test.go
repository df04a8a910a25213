package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// What the controller would trip over later must be refused when it starts.
func TestControllerConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"nothing is needed": {in: "{}"},
		"everything wrong": {"{entrypointDelivery: imgae, workers: -1, defaults: {timeout: -1s, imagePullTimeout: -1s}, cloudEvents: {sink: broker}, runURL: 'https://ci.example.com/{name}'}",
			[]string{"entrypointDelivery", "defaults.timeout", "defaults.imagePullTimeout", "workers", "cloudEvents.sink", "runURL"}},
		"a page of a run": {in: "runURL: 'https://ci.example.com/#/namespaces/{namespace}/pipelineruns/{name}'"},
	} {
		t.Run(name, func(t *testing.T) {
			var c ControllerConfig
			if err := yaml.UnmarshalStrict([]byte(tc.in), &c); err != nil {
				t.Fatal(err)
			}
			c.SetDefaults()
			var got []string
			for _, err := range c.Validate() {
				got = append(got, err.Field)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestControllerConfigDefaults(t *testing.T) {
	var c ControllerConfig
	c.SetDefaults()
	got := []any{c.EntrypointDelivery, c.Defaults.Timeout.Duration.String(), c.Defaults.ServiceAccountName, c.Workers, *c.LeaderElection}
	if diff := cmp.Diff([]any{EntrypointAuto, "1h0m0s", "default", 32, true}, got); diff != "" {
		t.Error(diff)
	}
}
