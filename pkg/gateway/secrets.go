package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

const (
	// secretTTL is how long a secret is believed without being read again.
	secretTTL = 30 * time.Second
	// secretDoubt is how old a secret must be that a wrong signature has it read again:
	// it may have been replaced, but whoever sends wrong signatures must not have the
	// API server asked each time.
	secretDoubt = 2 * time.Second
)

// at is where a secret is.
type at struct {
	namespace string
	key       v1alpha1.SecretKey
}

// secrets keeps webhook secrets for a short time.
type secrets struct {
	secret func(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	now    func() time.Time
	once   singleflight.Group
	mu     sync.Mutex
	known  map[at]known
}

// known is a secret, or why there is none.
type known struct {
	value []byte
	err   error
	read  time.Time
}

func newSecrets(secret func(ctx context.Context, namespace, name string) (*corev1.Secret, error), now func() time.Time) *secrets {
	return &secrets{secret: secret, now: now, known: map[at]known{}}
}

// try hands the secret to verify, and one that is read anew if verify refuses an
// older one.
func (s *secrets) try(ctx context.Context, place at, verify func([]byte) error) error {
	have, err := s.get(ctx, place, secretTTL)
	if err != nil {
		return err
	}
	err = verify(have.value)
	if err == nil || s.now().Sub(have.read) < secretDoubt {
		return err
	}
	if have, err = s.get(ctx, place, secretDoubt); err != nil {
		return err
	}
	return verify(have.value)
}

// get returns a secret that was read no longer than ttl ago.
func (s *secrets) get(ctx context.Context, place at, ttl time.Duration) (known, error) {
	s.mu.Lock()
	have, ok := s.known[place]
	s.mu.Unlock()
	if have.err != nil {
		ttl = min(ttl, secretDoubt)
	}
	if ok && s.now().Sub(have.read) < ttl {
		return have, have.err
	}
	read, err, _ := s.once.Do(fmt.Sprintf("%s/%s/%s", place.namespace, place.key.Name, place.key.Key), func() (any, error) {
		value, err := s.read(ctx, place)
		if err != nil && !errors.Is(err, forge.ErrSignature) {
			return nil, err
		}
		have := known{value, err, s.now()}
		s.mu.Lock()
		s.known[place] = have
		s.mu.Unlock()
		return have, nil
	})
	if err != nil {
		return known{}, err
	}
	have = read.(known)
	return have, have.err
}

// read returns the secret; the error is forge.ErrSignature where there is none.
func (s *secrets) read(ctx context.Context, place at) ([]byte, error) {
	found, err := s.secret(ctx, place.namespace, place.key.Name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: there is no secret %s", forge.ErrSignature, place.key.Name)
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("%w: the gateway may not read secret %s; `slipway repo check` says what role it needs", forge.ErrSignature, place.key.Name)
	case err != nil:
		return nil, err
	}
	key := cmp.Or(place.key.Key, v1alpha1.WebhookSecretKey)
	if len(found.Data[key]) == 0 {
		return nil, fmt.Errorf("%w: secret %s has no key %s", forge.ErrSignature, place.key.Name, key)
	}
	return found.Data[key], nil
}
