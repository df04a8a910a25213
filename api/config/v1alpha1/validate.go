package v1alpha1

import (
	"net/url"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/pkg/suggest"
)

// SetDefaults fills in everything that has a default.
func (c *ControllerConfig) SetDefaults() {
	if c.EntrypointDelivery == "" {
		c.EntrypointDelivery = EntrypointAuto
	}
	if c.Defaults.Timeout == nil {
		c.Defaults.Timeout = &metav1.Duration{Duration: time.Hour}
	}
	if c.Defaults.ServiceAccountName == "" {
		c.Defaults.ServiceAccountName = "default"
	}
	if c.Workers == 0 {
		c.Workers = 32
	}
	if c.LeaderElection == nil {
		c.LeaderElection = new(true)
	}
	if c.MetricsAddress == "" {
		c.MetricsAddress = ":8080"
	}
	if c.ProbeAddress == "" {
		c.ProbeAddress = ":8081"
	}
}

// Validate returns everything that is wrong with the configuration. Call
// SetDefaults first.
func (c *ControllerConfig) Validate() (errs field.ErrorList) {
	deliveries := []string{string(EntrypointAuto), string(EntrypointImageVolume), string(EntrypointInitContainer)}
	if d := string(c.EntrypointDelivery); !slices.Contains(deliveries, d) {
		errs = append(errs, field.Invalid(field.NewPath("entrypointDelivery"), d, "use auto, image or init"+suggest.DidYouMean(d, deliveries)))
	}
	defaults := field.NewPath("defaults")
	if t := c.Defaults.Timeout; t != nil && t.Duration < 0 {
		errs = append(errs, field.Invalid(defaults.Child("timeout"), t.Duration.String(), "a timeout cannot be negative; 0 means without limit"))
	}
	if t := c.Defaults.ImagePullTimeout.Duration; t < 0 {
		errs = append(errs, field.Invalid(defaults.Child("imagePullTimeout"), t.String(), "a timeout cannot be negative"))
	}
	if c.Workers < 0 {
		errs = append(errs, field.Invalid(field.NewPath("workers"), c.Workers, "at least one worker is needed"))
	}
	if sink := c.CloudEvents.Sink; sink != "" && !IsSink(sink) {
		errs = append(errs, field.Invalid(field.NewPath("cloudEvents", "sink"), sink, "must be a URL such as http://broker.example.com/ci"))
	}
	if to := c.RunURL; to != "" && !(isWeb(to) && strings.Contains(to, "{namespace}") && strings.Contains(to, "{name}")) {
		errs = append(errs, field.Invalid(field.NewPath("runURL"), to, "must be a URL with {namespace} and {name}, such as https://dashboard.example.com/#/namespaces/{namespace}/pipelineruns/{name}"))
	}
	return errs
}

// IsSink reports whether events can be posted to a URL.
func IsSink(s string) bool { return isWeb(s) }

func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
