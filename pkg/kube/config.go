package kube

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
)

// LoadConfig reads the configuration from a file, or makes it of defaults alone
// when file is empty. An unknown field is an error.
func LoadConfig(file string) (*config.ControllerConfig, error) {
	c := &config.ControllerConfig{}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(text, c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	c.SetDefaults()
	if errs := c.Validate(); len(errs) > 0 {
		return nil, fmt.Errorf("%s: %w", file, errs.ToAggregate())
	}
	return c, nil
}

// entrypointContainer is the init container of the controller's own Pod that has
// the image of the entrypoint.
const entrypointContainer = "entrypoint"

// EntrypointImage is the image of the init container named entrypoint in the
// controller's own Pod: an installation replaces it where it replaces all others.
func EntrypointImage(ctx context.Context, live client.Reader, self client.ObjectKey) (string, error) {
	if self.Name == "" {
		return "", errors.New("entrypointImage: missing; set it in the configuration, or POD_NAME and POD_NAMESPACE to the controller's own pod")
	}
	var pod corev1.Pod
	if err := live.Get(ctx, self, &pod); err != nil {
		return "", fmt.Errorf("entrypointImage is not set, and the controller's own pod cannot be read: %w", err)
	}
	for _, c := range pod.Spec.InitContainers {
		if c.Name == entrypointContainer {
			return c.Image, nil
		}
	}
	return "", fmt.Errorf("entrypointImage is not set, and pod %s has no init container named %s", self, entrypointContainer)
}
