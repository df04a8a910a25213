package taskrun

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// What users set for all runs counts for the next one, with no other start.
func TestSettings(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.TaskSpec.Workspaces = []v1.WorkspaceDeclaration{{Name: "source"}} }))
	h.Settings.Apply(settings.DefaultsName, map[string]string{
		"default-task-run-workspace-binding": "volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}",
		"default-managed-by-label-value":     "us", "default-service-account": "ci", "default-pod-template": "nodeSelector: {disk: fast}",
		"default-timeout-minutes": "2",
	})
	h.reconcile()
	pod := h.pod("ci-pod")
	if pod.Labels[v1.LabelManagedBy] != "us" || pod.Spec.ServiceAccountName != "ci" || pod.Spec.NodeSelector["disk"] != "fast" {
		t.Errorf("labels %v, account %s, nodes %v", pod.Labels, pod.Spec.ServiceAccountName, pod.Spec.NodeSelector)
	}
	claim := ""
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			claim = v.PersistentVolumeClaim.ClaimName
		}
	}
	h.wantWrites("create "+claim, "create ci-pod")
	h.kubelet("ci-pod", running())
	h.clock = h.clock.Add(3 * time.Minute)
	h.reconcile()
	if d := h.pod("ci-pod").Spec.ActiveDeadlineSeconds; d == nil || *d != 1 {
		t.Errorf("after 3 of 2 minutes the pod's deadline is %v", d)
	}
}

// A Pod waits for what it lacks as long as the installation says for that.
func TestPatienceByCause(t *testing.T) {
	for reason, want := range map[string]string{"ImagePullBackOff": "Unknown", "CreateContainerConfigError": "False"} {
		t.Run(reason, func(t *testing.T) {
			h := build(t, taskRun())
			h.Settings.Apply(settings.DefaultsName, map[string]string{"default-imagepullbackoff-timeout": "5m", "default-create-container-error-timeout": "30s"})
			h.reconcile()
			h.kubelet("ci-pod", corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}})
			h.clock = h.clock.Add(time.Minute)
			h.reconcile()
			if c := h.run().Status.GetCondition(v1.ConditionSucceeded); c == nil || string(c.Status) != want {
				t.Errorf("condition is %+v, want %s", c, want)
			}
		})
	}
}

func TestPermitted(t *testing.T) {
	inline := &settings.Settings{NoInline: []string{"taskrun"}, ForbiddenEnv: []string{"HTTPS_PROXY"}}
	env := func(name string) func(*v1.TaskRun) {
		return func(r *v1.TaskRun) {
			r.Spec.TaskSpec = nil
			r.Spec.PodTemplate = &v1.PodTemplate{Env: []corev1.EnvVar{{Name: "FINE"}, {Name: name}}}
		}
	}
	for name, tc := range map[string]struct {
		run  *v1.TaskRun
		want string
	}{
		"a Task of its own":         {taskRun(), "spec.taskSpec: disable-inline-spec in configmap feature-flags forbids a Task written in a TaskRun: use taskRef"},
		"a task of a PipelineRun":   {taskRun(func(r *v1.TaskRun) { r.OwnerReferences = []metav1.OwnerReference{{Controller: new(true)}} }), ""},
		"a variable":                {taskRun(env("FREE")), ""},
		"a variable of the admin's": {taskRun(env("HTTPS_PROXY")), "spec.podTemplate.env[1].name: default-forbidden-env in configmap config-defaults lets no pod template set HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := permitted(inline, tc.run); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Credentials of a service account may be none of a step's, or too trusting.
func TestCredentialFlags(t *testing.T) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "sa"}, Secrets: []corev1.ObjectReference{{Name: "key"}},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}}}
	key := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "key", Annotations: map[string]string{"tekton.dev/git-0": "git.example.com"}},
		Type: corev1.SecretTypeSSHAuth, Data: map[string][]byte{"ssh-privatekey": []byte("x")}}
	h := build(t, account, key)
	for _, tc := range []struct {
		flag        string
		credentials int
		refused     bool
	}{{"", 1, false}, {"disable-creds-init", 0, false}, {"require-git-ssh-secret-known-hosts", 0, true}} {
		h.Settings.Apply(settings.FlagsName, map[string]string{tc.flag: "true"})
		found, pulls, err := h.account(t.Context(), "ns", "sa")
		refused := errors.As(err, new(*refusal))
		if len(found) != tc.credentials || refused != tc.refused || !refused && len(pulls) != 1 {
			t.Errorf("%s: %d credentials, %d pull secrets, error %v", tc.flag, len(found), len(pulls), err)
		}
	}
}
