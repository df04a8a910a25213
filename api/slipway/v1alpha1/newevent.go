package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxNamePrefix leaves room in a name for the digits that tell events apart.
const maxNamePrefix = 200

// NewEvent makes an event of the repository that is deleted with it. Its name is made
// of the identity, so that what is stored twice is stored once.
func NewEvent(of *Repository, origin Origin, identity []byte, received time.Time) *RepositoryEvent {
	sum := sha256.Sum256(identity)
	prefix := strings.TrimRight(of.Name[:min(len(of.Name), maxNamePrefix)], ".-")
	return &RepositoryEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: of.Namespace, Name: prefix + "-" + hex.EncodeToString(sum[:10]),
			OwnerReferences: []metav1.OwnerReference{*OwnerReference(of)},
		},
		Spec: RepositoryEventSpec{Repository: of.Name, Origin: origin, Received: metav1.NewMicroTime(received)},
	}
}

// OwnerReference has an object deleted with the repository. The repository's own
// deletion does not wait for it.
func OwnerReference(of *Repository) *metav1.OwnerReference {
	return &metav1.OwnerReference{APIVersion: SchemeGroupVersion.String(), Kind: KindRepository, Name: of.Name, UID: of.UID}
}

// OwnedBy is the name of the Repository that owns an object; empty if none does.
func OwnedBy(o metav1.Object) string {
	for _, owner := range o.GetOwnerReferences() {
		if owner.Kind == KindRepository && strings.HasPrefix(owner.APIVersion, GroupName+"/") {
			return owner.Name
		}
	}
	return ""
}
