package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/pkg/kube/nodes"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// Verdict of one check.
type Verdict string

// The verdicts: warn leaves Slipway working with less, fail does not.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Finding is what one check says.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Message string  `json:"message"`
	// Remedy is what to do; empty when nothing is to be done.
	Remedy string `json:"remedy,omitempty"`
}

type check struct {
	name string
	run  func(*facts) []Finding
}

// checks, in the order of what needs what.
var checks = []check{
	{"kubernetes", checkKubernetes}, {"resources", checkResources}, {"controller", deployed("controller")},
	{"signer", deployed("signer")}, {"admission", checkAdmission}, {"nodes", checkNodes}, {"settings", checkSettings},
	{"storage", checkStorage}, {"signing key", checkKey}, {"registry", checkRegistry},
}

// examine makes the findings of what was seen.
func examine(f *facts) []Finding {
	var all []Finding
	for _, c := range checks {
		found := []Finding{{Verdict: Warn, Message: "cannot be looked at", Remedy: "ask somebody who may"}}
		if err := f.unread[c.name]; err != nil {
			found[0].Message += ": " + err.Error()
		} else {
			found = c.run(f)
		}
		for _, finding := range found {
			finding.Check = c.name
			all = append(all, finding)
		}
	}
	return all
}

func one(v Verdict, remedy, format string, args ...any) []Finding {
	return []Finding{{Verdict: v, Message: fmt.Sprintf(format, args...), Remedy: remedy}}
}

// oldest is the least minor version of Kubernetes 1 that is enough.
const oldest = 30

func checkKubernetes(f *facts) []Finding {
	parts := strings.SplitN(strings.TrimPrefix(f.kubernetes, "v"), ".", 3)
	if len(parts) > 1 {
		if minor, err := strconv.Atoi(parts[1]); err == nil && parts[0] == "1" && minor < oldest {
			return one(Fail, "upgrade the cluster", "%s at %s: Slipway needs 1.%d or newer", f.kubernetes, f.host, oldest)
		}
	}
	return one(OK, "", "%s at %s", f.kubernetes, f.host)
}

// needed are the versions that this release works with.
var needed = map[string]string{
	"tasks.tekton.dev": "v1", "taskruns.tekton.dev": "v1", "pipelines.tekton.dev": "v1", "pipelineruns.tekton.dev": "v1",
	"stepactions.tekton.dev": "v1beta1", "customruns.tekton.dev": "v1beta1", "resolutionrequests.resolution.tekton.dev": "v1beta1",
}

func checkResources(f *facts) []Finding {
	var lacking []string
	for name, version := range needed {
		if !slices.Contains(f.served[name], version) {
			lacking = append(lacking, name+" "+version)
		}
	}
	slices.Sort(lacking)
	if len(lacking) > 0 {
		return one(Fail, "kubectl apply --server-side -k config/crd, of the release that the controller is of", "not served: %s", strings.Join(lacking, ", "))
	}
	return one(OK, "", "all %d kinds are served", len(needed))
}

// deployed checks one of Slipway's Deployments.
func deployed(name string) func(*facts) []Finding {
	return func(f *facts) []Finding {
		i := slices.IndexFunc(f.deployments, func(d appsv1.Deployment) bool { return d.Name == name })
		if i < 0 {
			return one(Fail, "install Slipway: kubectl apply -k config/default", "there is no deployment %s in namespace %s", name, namespace)
		}
		d := f.deployments[i]
		if d.Status.ReadyReplicas > 0 {
			return one(OK, "", "%d of %d ready", d.Status.ReadyReplicas, d.Status.Replicas)
		}
		return one(Fail, fmt.Sprintf("kubectl -n %s describe pods -l app.kubernetes.io/name=%s; kubectl -n %s logs deploy/%s", namespace, name, namespace, name),
			"none of %d is ready%s", d.Status.Replicas, waits(f.pods, name))
	}
}

// waits is what the containers of a Deployment's Pods wait for.
func waits(pods []corev1.Pod, name string) string {
	for _, pod := range pods {
		if pod.Labels["app.kubernetes.io/name"] != name {
			continue
		}
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" {
				return strings.TrimSuffix(fmt.Sprintf(": container %s: %s: %s", s.Name, w.Reason, w.Message), ": ")
			}
		}
	}
	return ""
}

func checkAdmission(f *facts) []Finding {
	if len(f.webhooks) == 0 {
		return one(Warn, "", "no webhook: what the schema cannot refuse ends runs when they start")
	}
	var found []Finding
	for _, w := range f.webhooks {
		switch {
		case !w.hasCA:
			found = append(found, one(Fail, "see the controller's log: it writes its certificate there", "%s has no certificate: calls of it fail", w.name)...)
		case !w.failOpen:
			found = append(found, one(Warn, "set failurePolicy: Ignore", "%s refuses everything while the controller is away", w.name)...)
		default:
			found = append(found, one(OK, "", "%s is registered", w.name)...)
		}
	}
	return found
}

func checkNodes(f *facts) []Finding {
	if len(f.nodes) == 0 {
		return one(Fail, "add a node", "there is none")
	}
	can := nodes.Common(f.nodes)
	var found []Finding
	if !can.ImageVolumes {
		found = append(found, one(Warn, "Kubernetes 1.35 and containerd 2.1 or CRI-O 1.31 on all nodes",
			"not all mount images as volumes: each Pod has an init container, which costs half a second")...)
	}
	if !can.UserNamespaces {
		found = append(found, one(Warn, "a runtime with user namespaces on all nodes: containerd 2.0 or CRI-O 1.25, on Linux 6.3",
			"not all have user namespaces: root in a step is root on its node")...)
	}
	if len(found) == 0 {
		return one(OK, "", "%d with image volumes and user namespaces", len(f.nodes))
	}
	return found
}

func checkSettings(f *facts) []Finding {
	var found []Finding
	for _, name := range []string{settings.DefaultsName, settings.FlagsName} {
		for _, s := range settings.Examine(name, f.settings[name]) {
			switch {
			case s.Wrong != "":
				found = append(found, one(Fail, "correct it: until then the last good value counts", "configmap %s: %s: %q %s", name, s.Key, s.Value, s.Wrong)...)
			case s.Idle != "":
				found = append(found, one(Warn, "remove it", "configmap %s: %s means nothing here: %s", name, s.Key, s.Idle)...)
			default:
				found = append(found, one(Warn, s.Hint, "configmap %s: there is no setting %s", name, s.Key)...)
			}
		}
	}
	if len(found) == 0 {
		return one(OK, "", "nothing wrong in %s and %s", settings.DefaultsName, settings.FlagsName)
	}
	return found
}

func checkStorage(f *facts) []Finding {
	for _, c := range f.classes {
		if c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return one(OK, "", "default class %s", c.Name)
		}
	}
	return one(Warn, "annotate one with storageclass.kubernetes.io/is-default-class=true",
		"no default storage class: a volumeClaimTemplate must name one")
}

func checkKey(f *facts) []Finding {
	const remedy = "cosign generate-key-pair k8s://" + namespace + "/" + keySecret
	if !f.key.found {
		return one(Warn, remedy, "no secret %s: nothing is signed", keySecret)
	}
	for _, entry := range []string{"cosign.key", "cosign.password", "cosign.pub"} {
		if !slices.Contains(f.key.keys, entry) {
			return one(Fail, "delete the secret, then: "+remedy, "secret %s has no entry %s", keySecret, entry)
		}
	}
	return one(OK, "", "secret %s holds a key pair", keySecret)
}

func checkRegistry(f *facts) []Finding {
	switch {
	case f.registry == "":
		return one(Warn, "", "not known: there is no controller whose images tell")
	case f.unreachable != "":
		return one(Warn, "the nodes may reach it nonetheless: see the Pods", "%s does not answer from here: %s", f.registry, f.unreachable)
	}
	return one(OK, "", "%s answers from here", f.registry)
}
