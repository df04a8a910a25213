package kube

import (
	"os"
	"path/filepath"
	"testing"
)

func TestClusterDomain(t *testing.T) {
	for text, want := range map[string]string{
		"search slipway-system.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n": "cluster.local",
		"nameserver 10.0.0.1\nsearch ns.svc.k8s.example. svc.k8s.example. example\n":                       "k8s.example",
		"search example.com\n": "cluster.local",
		"":                     "cluster.local",
	} {
		file := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := ClusterDomain(file); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := ClusterDomain(filepath.Join(t.TempDir(), "none")); got != "cluster.local" {
		t.Errorf("without a file: %s", got)
	}
}
