package taskrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/controller/taskrun/accounts"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/nodes"
	"github.com/slipway-dev/slipway/pkg/registry"
)

// input gathers what compile needs to know of the namespace and the cluster.
func (r *Reconciler) input(ctx context.Context, a *attempt, spec *resolvedSpec) (*compile.Input, error) {
	run, set := a.run, r.Settings.Current()
	account := cmp.Or(run.Spec.ServiceAccountName, set.ServiceAccountName)
	template := compile.MergeTemplates(set.PodTemplate, run.Spec.PodTemplate)
	credentials, pulls, err := r.account(ctx, run.Namespace, account)
	if err != nil {
		return nil, err
	}
	var ranges corev1.LimitRangeList
	if err := r.Client.List(ctx, &ranges, client.InNamespace(run.Namespace)); err != nil {
		return nil, err
	}
	options, platform, err := r.options(ctx)
	if err != nil {
		return nil, err
	}
	place, err := r.place(ctx, run)
	if err != nil {
		return nil, err
	}
	if template != nil {
		pulls = append(slices.Clone(template.ImagePullSecrets), pulls...)
	}
	images, err := r.images(ctx, spec.task, imageQuery{run.Namespace, platform, pulls})
	if err != nil {
		return nil, err
	}
	return &compile.Input{
		Name: a.podName(), Attempt: a.number(),
		Owner: compile.Owner{APIVersion: v1.SchemeGroupVersion.String(), Kind: v1.KindTaskRun, Namespace: run.Namespace,
			Name: run.Name, UID: run.UID, Labels: podLabels(run, spec, set.ManagedBy), Annotations: podAnnotations(run, spec)},
		Tasks: []compile.Task{{Spec: spec.task, Resources: run.Spec.ComputeResources, Images: images,
			StepResources: stepResources(run), SidecarResources: sidecarResources(run), Breakpoints: breakpoints(run)}},
		ServiceAccount: account, UsesToken: account != "default",
		PodTemplate: template, Timeout: r.timeout(run), Credentials: credentials, LimitRanges: ranges.Items, Place: place, Options: options,
	}, nil
}

func breakpoints(run *v1.TaskRun) *v1.TaskBreakpoints {
	if run.Spec.Debug == nil {
		return nil
	}
	return run.Spec.Debug.Breakpoints
}

func stepResources(run *v1.TaskRun) map[string]corev1.ResourceRequirements {
	m := map[string]corev1.ResourceRequirements{}
	for _, s := range run.Spec.StepSpecs {
		m[s.Name] = s.ComputeResources
	}
	return m
}

func sidecarResources(run *v1.TaskRun) map[string]corev1.ResourceRequirements {
	m := map[string]corev1.ResourceRequirements{}
	for _, s := range run.Spec.SidecarSpecs {
		m[s.Name] = s.ComputeResources
	}
	return m
}

// options follow from what every node can do, and from the installation. The
// platform is that of the nodes.
func (r *Reconciler) options(ctx context.Context) (compile.Options, string, error) {
	var list corev1.NodeList
	if err := r.Client.List(ctx, &list); err != nil {
		return compile.Options{}, "", err
	}
	can := nodes.Common(list.Items)
	o := compile.Options{EntrypointImage: r.Config.EntrypointImage, ImageVolumes: can.ImageVolumes, UserNamespaces: can.UserNamespaces}
	switch r.Config.EntrypointDelivery {
	case config.EntrypointImageVolume:
		o.ImageVolumes = true
	case config.EntrypointInitContainer:
		o.ImageVolumes = false
	}
	platform := "linux/amd64"
	if len(list.Items) > 0 {
		info := list.Items[0].Status.NodeInfo
		platform = info.OperatingSystem + "/" + info.Architecture
	}
	return o, platform, nil
}

// account returns the credentials and the pull secrets of a service account. An
// account that does not exist has none; the Pod will be refused for it.
func (r *Reconciler) account(ctx context.Context, namespace, name string) ([]contract.Credential, []corev1.LocalObjectReference, error) {
	var sa corev1.ServiceAccount
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &sa); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	if r.Settings.Current().NoCredentials {
		return nil, sa.ImagePullSecrets, nil
	}
	var found []contract.Credential
	for _, ref := range sa.Secrets {
		var secret corev1.Secret
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, &secret)
		if kube.IsGone(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if r.Settings.Current().KnownHosts && secret.Type == corev1.SecretTypeSSHAuth && accounts.IsForGit(&secret) && len(secret.Data["known_hosts"]) == 0 {
			return nil, nil, &refusal{v1.TaskRunReasonFailedValidation,
				fmt.Errorf("secret %q of service account %q has no known_hosts, which require-git-ssh-secret-known-hosts demands", ref.Name, name)}
		}
		found = append(found, accounts.Credentials(&secret)...)
	}
	return found, sa.ImagePullSecrets, nil
}

// imageQuery is where and how images are asked for.
type imageQuery struct {
	namespace, platform string
	pulls               []corev1.LocalObjectReference
}

// images finds what the images run of steps that name no command.
func (r *Reconciler) images(ctx context.Context, spec *v1.TaskSpec, q imageQuery) (map[string]compile.ImageCommand, error) {
	found := map[string]compile.ImageCommand{}
	for _, image := range compile.NeedsImageCommand(spec) {
		command, err := r.Images.Command(ctx, q.namespace, image, r.pullSecrets(q))
		if errors.Is(err, registry.ErrRefused) || errors.Is(err, registry.ErrBadName) {
			return nil, &refusal{v1.TaskRunReasonImagePullFailed, fmt.Errorf("image %s, whose command is needed as the step names none: %w", image, err)}
		}
		if err != nil {
			return nil, err
		}
		exec, ok := command.For(q.platform)
		if !ok {
			return nil, &refusal{v1.TaskRunReasonImagePullFailed, fmt.Errorf("image %s is not made for %s", image, q.platform)}
		}
		found[image] = compile.ImageCommand{Entrypoint: exec.Entrypoint, Cmd: exec.Cmd}
	}
	return found, nil
}

func (r *Reconciler) pullSecrets(q imageQuery) registry.Secrets {
	return func(ctx context.Context) ([]corev1.Secret, error) {
		var secrets []corev1.Secret
		for _, ref := range q.pulls {
			var s corev1.Secret
			err := r.Client.Get(ctx, client.ObjectKey{Namespace: q.namespace, Name: ref.Name}, &s)
			if err != nil && !kube.IsGone(err) {
				return nil, err
			}
			if err == nil {
				secrets = append(secrets, s)
			}
		}
		return secrets, nil
	}
}
