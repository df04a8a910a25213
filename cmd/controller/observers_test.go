package main

import (
	"context"
	"testing"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
)

func TestSinkOf(t *testing.T) {
	for name, tc := range map[string]struct {
		config, events, defaults string
		want                     string
	}{
		"none":                    {},
		"configuration":           {"http://a", "http://b", "http://c", "http://a"},
		"config-events":           {"", "http://b", "http://c", "http://b"},
		"config-defaults":         {"", "", "https://c/path", "https://c/path"},
		"one that is no URL":      {"", "broker", "http://c", "http://c"},
		"none that is a web's":    {"", "ftp://b", "//c", ""},
		"one that names no host":  {"", "http:///x", "", ""},
		"one with a query and so": {"", "http://b:80/ns?x=y", "", "http://b:80/ns?x=y"},
	} {
		t.Run(name, func(t *testing.T) {
			maps := map[string]map[string]string{"config-events": {"sink": tc.events}, "config-defaults": {"default-cloud-events-sink": tc.defaults}}
			got, err := sinkOf(t.Context(), &config.ControllerConfig{CloudEvents: config.CloudEvents{Sink: tc.config}},
				func(_ context.Context, name string) (map[string]string, error) { return maps[name], nil })
			if err != nil || got != tc.want {
				t.Errorf("sink %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}
