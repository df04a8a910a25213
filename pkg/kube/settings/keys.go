package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// setter puts the value of one key into s, or says what is wrong with it.
type setter func(s *Settings, value string) error

// keys are those that are acted on, by ConfigMap.
var keys = map[string]map[string]setter{
	DefaultsName: {
		"default-timeout-minutes": func(s *Settings, value string) error {
			n, err := number(value, 0)
			s.Timeout = &metav1.Duration{Duration: time.Duration(n) * time.Minute}
			return err
		},
		"default-service-account": func(s *Settings, value string) error {
			s.ServiceAccountName = value
			if len(validation.IsDNS1123Subdomain(value)) > 0 {
				return errors.New("is not the name of a service account")
			}
			return nil
		},
		"default-managed-by-label-value": func(s *Settings, value string) error {
			s.ManagedBy = value
			if len(validation.IsValidLabelValue(value)) > 0 {
				return errors.New("is not the value of a label")
			}
			return nil
		},
		"default-pod-template": func(s *Settings, value string) error {
			s.PodTemplate = &v1.PodTemplate{}
			return document(value, s.PodTemplate)
		},
		// Who sends events reads it.
		"default-cloud-events-sink":          func(*Settings, string) error { return nil },
		"default-task-run-workspace-binding": workspace,
		"default-max-matrix-combinations-count": func(s *Settings, value string) (err error) {
			s.MaxMatrix, err = number(value, 1)
			return err
		},
		"default-forbidden-env": func(s *Settings, value string) error {
			s.ForbiddenEnv = list(value)
			return nil
		},
		"default-resolver-type": func(s *Settings, value string) error {
			s.Resolver = v1.ResolverName(value)
			return nil
		},
		"default-imagepullbackoff-timeout": func(s *Settings, value string) (err error) {
			s.ImagePullTimeout.Duration, err = duration(value)
			return err
		},
		"default-maximum-resolution-timeout": func(s *Settings, value string) (err error) {
			s.ResolutionTimeout, err = duration(value)
			return err
		},
		"default-create-container-error-timeout": func(s *Settings, value string) (err error) {
			s.CreateContainerTimeout, err = duration(value)
			return err
		},
	},
	FlagsName: {
		"disable-creds-init":                 boolean(func(s *Settings) *bool { return &s.NoCredentials }),
		"require-git-ssh-secret-known-hosts": boolean(func(s *Settings) *bool { return &s.KnownHosts }),
		"coschedule": func(s *Settings, value string) error {
			s.Coschedule = coschedule.Mode(value)
			if modes := coschedule.Modes(); !slices.Contains(modes, value) {
				return fmt.Errorf("must be one of %s%s", strings.Join(modes, ", "), suggest.DidYouMean(value, modes))
			}
			return nil
		},
		"disable-inline-spec": func(s *Settings, value string) error {
			s.NoInline = list(value)
			known := []string{"pipeline", "pipelinerun", "taskrun"}
			for _, kind := range s.NoInline {
				if !slices.Contains(known, kind) {
					return fmt.Errorf("lists %q: it may list %s%s", kind, strings.Join(known, ", "), suggest.DidYouMean(kind, known))
				}
			}
			return nil
		},
	},
}

// ignored are Tekton's other keys, and why they mean nothing here.
var ignored = map[string]map[string]string{
	DefaultsName: {
		"default-affinity-assistant-pod-template": "there is no such Pod",
		"default-container-resource-requirements": "use a LimitRange",
		"default-sidecar-log-polling-interval":    "nothing polls",
		"default-step-ref-concurrency-limit":      "what several runs ask for is fetched once",
	},
	FlagsName: {
		"await-sidecar-readiness":                        "sidecars are ready before the first step",
		"disable-affinity-assistant":                     "use coschedule",
		"embedded-status":                                "the status refers to children",
		"enable-api-fields":                              "every field is served",
		"enable-artifacts":                               "always on",
		"enable-cel-in-whenexpression":                   "always on",
		"enable-concise-resolver-syntax":                 "always on",
		"enable-custom-tasks":                            "always on",
		"enable-kubernetes-sidecar":                      "always on",
		"enable-param-enum":                              "always on",
		"enable-provenance-in-status":                    "always on",
		"enable-step-actions":                            "always on",
		"enable-tekton-oci-bundles":                      "use the resolver bundles",
		"enable-termination-message-compression":         "done where it helps",
		"enable-wait-exponential-backoff":                "always on",
		"enforce-nonfalsifiability":                      "results are not signed by the step",
		"keep-pod-on-cancel":                             "a Pod whose steps ran is kept",
		"max-result-size":                                "results may have 1 MiB",
		"results-from":                                   "results take the way that they fit",
		"running-in-environment-with-injected-sidecars":  "no step waits for a Pod's annotation",
		"send-cloudevents-for-runs":                      "events are sent for CustomRuns too",
		"set-security-context":                           "always on",
		"set-security-context-read-only-root-filesystem": "the containers are the Task's",
		"trusted-resources-verification-no-match-policy": "there are no verification policies",
	},
}

func number(value string, least int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < least {
		return 0, fmt.Errorf("must be a whole number of at least %d", least)
	}
	return n, nil
}

func duration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(value))
	if err != nil || d < 0 {
		return 0, errors.New("must be a duration, such as 90s or 5m")
	}
	return d, nil
}

func boolean(field func(*Settings) *bool) setter {
	return func(s *Settings, value string) error {
		b, err := strconv.ParseBool(strings.TrimSpace(value))
		if err != nil {
			return errors.New("must be true or false")
		}
		*field(s) = b
		return nil
	}
}

// list reads a list that commas divide.
func list(value string) (all []string) {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// document reads YAML strictly.
func document(value string, into any) error {
	if err := yaml.UnmarshalStrict([]byte(value), into); err != nil {
		return fmt.Errorf("is not what it must be: %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return nil
}

func workspace(s *Settings, value string) error {
	b := &v1.WorkspaceBinding{}
	if err := document(value, b); err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{b.VolumeClaimTemplate != nil, b.PersistentVolumeClaim != nil, b.EmptyDir != nil, b.ConfigMap != nil,
		b.Secret != nil, b.Projected != nil, b.CSI != nil} {
		if is {
			given++
		}
	}
	switch {
	case given == 0 && strings.TrimSpace(value) == "":
		b = nil
	case given != 1:
		return errors.New("must give exactly one volume, such as emptyDir: {}")
	}
	s.Workspace = b
	return nil
}
