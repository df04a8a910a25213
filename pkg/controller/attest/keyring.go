package attest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/slipway-dev/slipway/pkg/sign"
)

// ErrNoKey is wrapped by the error that says which Secret holds no usable key, and
// what makes one.
var ErrNoKey = errors.New("no signing key")

// Keyring hands out the signer of the key that a Secret holds, and notices when
// the key comes, changes or goes.
type Keyring struct {
	reader  client.Reader
	secret  types.NamespacedName
	options sign.Options
	now     func() time.Time

	mu      sync.Mutex
	loaded  bool
	version string
	signer  *sign.Signer
	since   time.Time
	err     error
}

// NewKeyring returns a Keyring over one Secret, which it reads at each use: reader
// should be a cache.
func NewKeyring(reader client.Reader, secret types.NamespacedName, o sign.Options, now func() time.Time) *Keyring {
	return &Keyring{reader: reader, secret: secret, options: o, now: now}
}

// Signer returns the signer and the time since which there is one. Without a key
// the error wraps ErrNoKey.
func (k *Keyring) Signer(ctx context.Context) (*sign.Signer, time.Time, error) {
	secret := &corev1.Secret{}
	err := k.reader.Get(ctx, k.secret, secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, time.Time{}, fmt.Errorf("secret %s: %w", k.secret, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded || k.version != secret.ResourceVersion {
		k.load(secret)
		k.tell(ctx)
	}
	return k.signer, k.since, k.err
}

// load takes the key over. Decrypting it is slow on purpose, so it is done once for
// each version of the Secret. An empty secret is one that does not exist.
func (k *Keyring) load(secret *corev1.Secret) {
	k.loaded, k.version, k.signer, k.since, k.err = true, secret.ResourceVersion, nil, time.Time{}, nil
	if secret.Name == "" {
		k.err = fmt.Errorf("%w: secret %s does not exist; make it with: cosign generate-key-pair k8s://%s", ErrNoKey, k.secret, k.secret)
		return
	}
	key, err := sign.KeyFromSecret(secret.Data)
	if err != nil {
		k.err = fmt.Errorf("%w: secret %s: %w; make it anew with: cosign generate-key-pair k8s://%s", ErrNoKey, k.secret, err, k.secret)
		return
	}
	k.signer, k.since = sign.NewSigner(key, k.options), k.now()
}

func (k *Keyring) tell(ctx context.Context) {
	if k.err != nil {
		log.FromContext(ctx).Info(k.err.Error() + "; finished runs wait unsigned until then")
		return
	}
	log.FromContext(ctx).Info("signing with the key of secret " + k.secret.String())
}

// Ready says whether there is a key; it satisfies healthz.Checker.
func (k *Keyring) Ready(req *http.Request) error {
	_, _, err := k.Signer(req.Context())
	return err
}
