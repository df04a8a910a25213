// Package accounts reads what the Secrets of a service account are good for.
package accounts

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// gitServer begins the annotations of a Secret that name Git servers.
const gitServer = "tekton.dev/git-"

// Credentials says what a secret is good for, by its type and its annotations
// tekton.dev/git-N and tekton.dev/docker-N, which name servers.
func Credentials(s *corev1.Secret) []contract.Credential {
	git, docker := servers(s, gitServer), servers(s, "tekton.dev/docker-")
	var out []contract.Credential
	add := func(kind string, urls []string) {
		out = append(out, contract.Credential{Kind: kind, Secret: s.Name, URLs: urls})
	}
	switch s.Type {
	case corev1.SecretTypeBasicAuth:
		if len(git) > 0 {
			add(contract.CredentialBasicGit, git)
		}
		if len(docker) > 0 {
			add(contract.CredentialBasicDocker, docker)
		}
	case corev1.SecretTypeSSHAuth:
		if len(git) > 0 {
			add(contract.CredentialSSHGit, git)
		}
	case corev1.SecretTypeDockerConfigJson:
		add(contract.CredentialDockerConfig, nil)
	case corev1.SecretTypeDockercfg:
		add(contract.CredentialDockerCfg, nil)
	}
	return out
}

// IsForGit reports whether a secret names Git servers.
func IsForGit(s *corev1.Secret) bool { return len(servers(s, gitServer)) > 0 }

func servers(s *corev1.Secret, prefix string) []string {
	var keys []string
	for k := range s.Annotations {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var urls []string
	for _, k := range keys {
		urls = append(urls, s.Annotations[k])
	}
	return urls
}
