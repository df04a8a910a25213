package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// FollowSettings reads the ConfigMaps of the settings in a namespace, so that no run
// starts by others, and has changes come in from then on. The manager must cache the
// ConfigMaps of that namespace.
func FollowSettings(ctx context.Context, m manager.Manager, namespace string, s *settings.Store) error {
	for _, name := range []string{settings.DefaultsName, settings.FlagsName} {
		var found corev1.ConfigMap
		if err := m.GetAPIReader().Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &found); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("configmap %s: %w", name, err)
		}
		s.Apply(name, found.Data)
	}
	informer, err := m.GetCache().GetInformer(ctx, &corev1.ConfigMap{})
	if err != nil {
		return err
	}
	saw := func(o any, gone bool) {
		m, ok := o.(*corev1.ConfigMap)
		switch {
		case !ok || m.Namespace != namespace || m.Name != settings.DefaultsName && m.Name != settings.FlagsName:
		case gone:
			s.Apply(m.Name, nil)
		default:
			s.Apply(m.Name, m.Data)
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { saw(o, false) },
		UpdateFunc: func(_, o any) { saw(o, false) },
		DeleteFunc: func(o any) {
			if missed, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = missed.Obj
			}
			saw(o, true)
		},
	})
	return err
}
