package doctor

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// healthy is an installation with nothing wrong.
func healthy() *facts {
	deployment := func(name string) appsv1.Deployment {
		return appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1}}
	}
	f := &facts{
		host: "https://k", kubernetes: "v1.36.3", served: map[string][]string{}, unread: map[string]error{},
		deployments: []appsv1.Deployment{deployment("controller"), deployment("signer")},
		webhooks:    []webhook{{"validation.webhook.slipway.dev", true, true}},
		nodes: []corev1.Node{{Status: corev1.NodeStatus{
			NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: "v1.36.3", ContainerRuntimeVersion: "containerd://2.4.2"},
			RuntimeHandlers: []corev1.NodeRuntimeHandler{{Features: &corev1.NodeRuntimeHandlerFeatures{UserNamespaces: new(true)}}}}}},
		classes:  []storagev1.StorageClass{{ObjectMeta: metav1.ObjectMeta{Name: "fast", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}}},
		key:      secret{true, []string{"cosign.key", "cosign.password", "cosign.pub"}},
		registry: "registry.example.com",
		settings: map[string]map[string]string{"feature-flags": {"coschedule": "disabled"}},
	}
	for name, version := range needed {
		f.served[name] = []string{"v1beta1", version}
	}
	return f
}

// Each fault is found, alone, and comes with what to do.
func TestExamine(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*facts)
		// want is check, verdict and message of what is not ok.
		want []string
	}{
		"healthy":        {func(*facts) {}, nil},
		"old kubernetes": {func(f *facts) { f.kubernetes = "v1.29.4" }, []string{"kubernetes fail v1.29.4 at https://k: Slipway needs 1.30 or newer"}},
		"resources": {func(f *facts) {
			f.served["tasks.tekton.dev"], f.served["customruns.tekton.dev"] = []string{"v1beta1"}, nil
		},
			[]string{"resources fail not served: customruns.tekton.dev v1beta1, tasks.tekton.dev v1"}},
		"no controller": {func(f *facts) { f.deployments = f.deployments[1:] }, []string{"controller fail there is no deployment controller in namespace slipway-system"}},
		"signer not ready": {func(f *facts) {
			f.deployments[1].Status.ReadyReplicas = 0
			f.pods = []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": "signer"}}, Status: corev1.PodStatus{
				ContainerStatuses: []corev1.ContainerStatus{{Name: "signer", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}}}}}}}
		}, []string{"signer fail none of 1 is ready: container signer: ImagePullBackOff: no such image"}},
		"no webhook":         {func(f *facts) { f.webhooks = nil }, []string{"admission warn no webhook: what the schema cannot refuse ends runs when they start"}},
		"webhook without CA": {func(f *facts) { f.webhooks[0].hasCA = false }, []string{"admission fail validation.webhook.slipway.dev has no certificate: calls of it fail"}},
		"webhook in the way": {func(f *facts) { f.webhooks[0].failOpen = false }, []string{"admission warn validation.webhook.slipway.dev refuses everything while the controller is away"}},
		"no node":            {func(f *facts) { f.nodes = nil }, []string{"nodes fail there is none"}},
		"old node": {func(f *facts) { f.nodes[0].Status = corev1.NodeStatus{} }, []string{
			"nodes warn not all mount images as volumes: each Pod has an init container, which costs half a second",
			"nodes warn not all have user namespaces: root in a step is root on its node"}},
		"settings": {func(f *facts) {
			f.settings["config-defaults"] = map[string]string{"default-timeout-minutes": "soon"}
			f.settings["feature-flags"] = map[string]string{"enable-api-fields": "alpha", "coshedule": "x", "_example": "y"}
		}, []string{
			`settings fail configmap config-defaults: default-timeout-minutes: "soon" must be a whole number of at least 0`,
			"settings warn configmap feature-flags: there is no setting coshedule",
			"settings warn configmap feature-flags: enable-api-fields means nothing here: every field is served"}},
		"no default class": {func(f *facts) { f.classes[0].Annotations = nil }, []string{"storage warn no default storage class: a volumeClaimTemplate must name one"}},
		"no key":           {func(f *facts) { f.key = secret{} }, []string{"signing key warn no secret signing-secrets: nothing is signed"}},
		"half a key":       {func(f *facts) { f.key.keys = f.key.keys[:2] }, []string{"signing key fail secret signing-secrets has no entry cosign.pub"}},
		"registry away":    {func(f *facts) { f.unreachable = "dial: refused" }, []string{"registry warn registry.example.com does not answer from here: dial: refused"}},
		"not allowed":      {func(f *facts) { f.unread["signing key"] = errors.New("you may not get secrets") }, []string{"signing key warn cannot be looked at: you may not get secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy()
			tc.spoil(f)
			var got []string
			seen := map[string]bool{}
			for _, finding := range examine(f) {
				seen[finding.Check] = true
				if finding.Verdict != OK {
					got = append(got, finding.Check+" "+string(finding.Verdict)+" "+finding.Message)
				}
				if finding.Verdict == Fail && finding.Remedy == "" {
					t.Errorf("%s fails, and nobody is told what to do", finding.Check)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(seen) != len(checks) {
				t.Errorf("%d of %d checks spoke", len(seen), len(checks))
			}
		})
	}
}

func TestTell(t *testing.T) {
	found := []Finding{{"nodes", Warn, "old", "upgrade"}, {"storage", OK, "default class fast", ""}}
	var out bytes.Buffer
	e := &env.Env{IOStreams: genericiooptions.IOStreams{Out: &out}}
	if err := tell(e, "", found); err != nil {
		t.Error(err)
	}
	want := "warn  nodes        old\n                   → upgrade\nok    storage      default class fast\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	err := tell(e, "json", append(found, Finding{Check: "resources", Verdict: Fail, Message: "a > b"}))
	if env.Code(err) != env.ExitFailed || !strings.Contains(out.String(), `"verdict": "fail",`) || !strings.Contains(out.String(), "a > b") {
		t.Errorf("exit code %d, wrote %s", env.Code(err), out.String())
	}
}
