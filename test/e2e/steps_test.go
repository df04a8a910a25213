//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/test/env"
)

// What a step prints of its Secrets is masked, whichever way they came to it and
// in whatever form and pieces it prints them. What it prints besides, and what it
// returns, is as it was.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	values := map[string]string{
		"token": "env-t0ken/with+chars", "whole": "from+the?whole", "file": "-----BEGIN KEY-----\nbGluZSBvbmUgb2Y\nbGluZSB0d28\n-----END KEY-----\n",
		"bound": "workspace's value", "projected": "projected value",
	}
	var list []string
	for name, value := range values {
		e.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"KEY": value}})
		list = append(list, strings.Split(strings.TrimSpace(value), "\n")...)
	}
	tr := succeeds(e, "prints", `
workspaces: [{name: keys, secret: {secretName: bound}}]
taskSpec:
  workspaces: [{name: keys}]
  results: [{name: token}]
  volumes:
  - {name: file, secret: {secretName: file}}
  - {name: mixed, projected: {sources: [{secret: {name: projected}}]}}
  steps:
  - name: print
    image: IMAGE
    env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: KEY}}}]
    envFrom: [{secretRef: {name: whole}, prefix: P_}]
    volumeMounts: [{name: file, mountPath: /file}, {name: mixed, mountPath: /mixed}]
    workspaces: [{name: keys}]
    script: |
      set -x
      echo "plain: $TOKEN, $P_KEY"
      cat /file/KEY /mixed/KEY $(workspaces.keys.path)/KEY >&2
      echo
      printf 'split: env-t0'; sleep 1; printf 'ken/wi'; sleep 1; echo 'th+chars end'
      for f in /file/KEY /mixed/KEY; do base64 < $f; done
      for pad in '' 1 12; do printf "$pad$TOKEN" | base64; done
      echo "url: env-t0ken%2Fwith%2Bchars env-t0ken%2fwith%2bchars"
      printf %s "$TOKEN" > $(results.token.path)
      echo hello
  - name: none
    image: IMAGE
    script: readlink /proc/1/fd/1; readlink /proc/self/fd/1
`)
	pod := e.PodOf(tr)
	log := e.ContainerLog(pod.Name, "step-print")
	for _, value := range list {
		for _, form := range formsOf(value) {
			if strings.Contains(log, form) {
				t.Errorf("%q is in the log", form)
			}
		}
	}
	for _, want := range []string{"plain: ***, ***\n", "split: *** end\n", "url: *** ***\n", "\nhello\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log", want)
		}
	}
	if line := base64.StdEncoding.EncodeToString([]byte(values["file"]))[:76]; strings.Contains(log, line) {
		t.Errorf("%q is in the log", line)
	}
	if t.Failed() {
		t.Log(log)
	}
	if got := tr.Status.Results[0].Value.StringVal; got != values["token"] {
		t.Errorf("the result is %q", got)
	}
	// A step without a secret writes to the container's own stream.
	if out := strings.Fields(e.ContainerLog(pod.Name, "step-none")); len(out) != 2 || out[0] != out[1] {
		t.Errorf("another stream stands between: %q", out)
	}
	spec, err := json.Marshal(pod.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range list {
		if strings.Contains(string(spec), value) {
			t.Errorf("%q is in the Pod's spec", value)
		}
	}
}

// formsOf is a value as it may appear in a log. What base64 makes of its ends
// depends on what is around.
func formsOf(value string) []string {
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), strings.ToLower(url.QueryEscape(value))}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("1", before) + value))
		forms = append(forms, text[4:len(text)-4])
	}
	return forms
}

// A step reads what an earlier one said that it used and made.
func TestStepArtifacts(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	tr := succeeds(e, "artifacts", `
taskSpec:
  stepTemplate: {image: IMAGE}
  steps:
  - name: makes
    script: |
      cat > $(step.artifacts.path) <<END
      {"inputs": [{"name": "source", "values": [{"uri": "pkg:git/x"}]}],
       "outputs": [{"name": "image", "values": [{"uri": "pkg:oci/a", "digest": {"sha256": "ab"}}]}, {"name": "sbom", "values": [{"uri": "b"}]}]}
      END
  - name: reads
    args: [$(steps.makes.inputs.source)]
    env: [{name: FIRST, value: $(steps.makes.outputs)}]
    script: echo '$(steps.makes.outputs.sbom)' "$1" "$FIRST"
`)
	pod := e.PodOf(tr)
	want := `[{"uri":"b"}] [{"uri":"pkg:git/x"}] [{"digest":{"sha256":"ab"},"uri":"pkg:oci/a"}]` + "\n"
	if got := e.ContainerLog(pod.Name, "step-reads"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if s := tr.Status.Steps[0]; len(s.Inputs) != 1 || len(s.Outputs) != 2 || s.Outputs[0].Values[0].Uri != "pkg:oci/a" {
		t.Errorf("the status says %+v", s)
	}
}
