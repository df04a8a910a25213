package lab

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// PodsOf names the Pods with the labels.
func (l *Lab) PodsOf(ctx context.Context, namespace string, labels client.MatchingLabels) ([]string, error) {
	var pods corev1.PodList
	if err := l.Client.List(ctx, &pods, client.InNamespace(namespace), labels); err != nil {
		return nil, err
	}
	var names []string
	for i := range pods.Items {
		names = append(names, pods.Items[i].Name)
	}
	return names, nil
}

// Stored is how many bytes the lab's objects are as etcd holds them: Kubernetes' own in
// its binary form, those of CRDs as JSON.
func (l *Lab) Stored(ctx context.Context) (total int, err error) {
	for path, form := range map[string]string{
		"/api/v1/namespaces/" + l.Namespace + "/pods":                     runtime.ContentTypeProtobuf,
		"/api/v1/namespaces/" + l.Namespace + "/events":                   runtime.ContentTypeProtobuf,
		"/apis/tekton.dev/v1/namespaces/" + l.Namespace + "/taskruns":     runtime.ContentTypeJSON,
		"/apis/tekton.dev/v1/namespaces/" + l.Namespace + "/pipelineruns": runtime.ContentTypeJSON,
	} {
		list, err := l.Kube.CoreV1().RESTClient().Get().AbsPath(path).SetHeader("Accept", form).DoRaw(ctx)
		if err != nil {
			return total, err
		}
		total += len(list)
	}
	return total, nil
}
