package triggers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// Ports are those of the Service of the gateway, and so of each EventListener.
var Ports = []int32{8080, 80}

// Port is where an EventListener says that it is reached.
func Port(el *v1beta1.EventListener) int32 {
	if r := el.Spec.Resources; r != nil && r.KubernetesResource != nil {
		if p := r.KubernetesResource.ServicePort; p != nil && slices.Contains(Ports, *p) {
			return *p
		}
	}
	return Ports[0]
}

// Refusal says why no request to an EventListener is taken; empty if they are.
func Refusal(el *v1beta1.EventListener) string {
	if el.Spec.Resources == nil {
		return ""
	}
	if el.Spec.Resources.CustomResource != nil {
		return "spec.resources.customResource is not supported: requests are taken by Slipway's gateway; leave it out"
	}
	for c, names := range environment(el.Spec.Resources.KubernetesResource) {
		if slices.Contains(names, "TLS_CERT") || slices.Contains(names, "TLS_KEY") {
			return fmt.Sprintf("spec.resources.kubernetesResource.spec.template.spec.containers[%d].env: TLS_CERT and TLS_KEY are not supported: "+
				"let TLS end at an Ingress before the gateway, and leave them out", c)
		}
	}
	return ""
}

// environment are the names of the variables of each container.
func environment(r *v1beta1.KubernetesResource) [][]string {
	if r == nil || r.Spec == nil {
		return nil
	}
	var pods struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Env []struct {
						Name string `json:"name"`
					} `json:"env"`
				} `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	}
	if json.Unmarshal(r.Spec.Raw, &pods) != nil {
		return nil
	}
	var names [][]string
	for _, c := range pods.Template.Spec.Containers {
		var of []string
		for _, e := range c.Env {
			of = append(of, e.Name)
		}
		names = append(names, of)
	}
	return names
}

// WithoutEffect lists the fields of an EventListener that mean nothing here, each with what
// to do instead.
func WithoutEffect(el *v1beta1.EventListener) []string {
	var out []string
	say := func(given bool, field, instead string) {
		if given {
			out = append(out, field+": "+instead)
		}
	}
	say(el.Spec.CloudEventURI != "", "spec.cloudEventURI", "no cloud events are sent of triggers, only of runs")
	if el.Spec.Resources == nil || el.Spec.Resources.KubernetesResource == nil {
		return out
	}
	r, at := el.Spec.Resources.KubernetesResource, "spec.resources.kubernetesResource."
	const gateway = "all requests are taken by the Deployment gateway in Slipway's namespace"
	const service = "expose the Service gateway in Slipway's namespace"
	say(r.Replicas != nil, at+"replicas", gateway)
	say(r.Spec != nil, at+"spec", gateway)
	say(r.ServiceType != "" && r.ServiceType != string(corev1.ServiceTypeClusterIP), at+"serviceType", service)
	say(r.ServiceLoadBalancerClass != nil, at+"serviceLoadBalancerClass", service)
	say(r.ServicePort != nil && !slices.Contains(Ports, *r.ServicePort), at+"servicePort", "the ports are "+
		strconv.Itoa(int(Ports[0]))+" and "+strconv.Itoa(int(Ports[1])))
	return out
}
