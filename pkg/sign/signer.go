package sign

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/slipway-dev/slipway/pkg/provenance"
)

// Signer writes signatures and attestations with one key. It may be used by many
// at once; one Signer at a time may write with a key, since a registry has no
// compare-and-swap: each write replaces the whole list beside an image.
type Signer struct {
	key     *Key
	check   checker
	options Options
	seed    maphash.Seed
	// locks are shared out among the images, so that their number stays fixed.
	locks [64]sync.Mutex
}

// NewSigner returns a Signer.
func NewSigner(key *Key, o Options) *Signer {
	return &Signer{key: key, check: newChecker(key.pair), options: o, seed: maphash.MakeSeed()}
}

// Sign puts a signature beside the image, REPOSITORY@DIGEST, unless one by the
// same key is there. It reports whether it wrote.
func (s *Signer) Sign(ctx context.Context, image string) (bool, error) {
	e, unlock, err := s.open(ctx, image)
	if err != nil {
		return false, err
	}
	defer unlock()
	found, err := s.check.signatures(ctx, e)
	if err != nil || found.good > 0 {
		return false, err
	}
	sig, err := s.signature(ctx, e)
	if err != nil {
		return false, fmt.Errorf("signing %s: %w", image, err)
	}
	after, err := mutate.AttachSignatureToEntity(e.signed, sig)
	if err != nil {
		return false, err
	}
	if err := ociremote.WriteSignatures(e.digest.Repository, after, e.options...); err != nil {
		return false, explain(image, err)
	}
	return true, nil
}

// Attest puts the statement beside the image, unless one by the same key about the
// same invocation is there. It reports whether it wrote.
func (s *Signer) Attest(ctx context.Context, image string, st provenance.Statement) (bool, error) {
	e, unlock, err := s.open(ctx, image)
	if err != nil {
		return false, err
	}
	defer unlock()
	found, err := s.check.provenance(ctx, e)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(found.statements, func(f provenance.Statement) bool { return f.InvocationID() == st.InvocationID() }) {
		return false, nil
	}
	att, err := s.attestation(ctx, st)
	if err != nil {
		return false, fmt.Errorf("attesting %s: %w", image, err)
	}
	after, err := mutate.AttachAttestationToEntity(e.signed, att)
	if err != nil {
		return false, err
	}
	if err := ociremote.WriteAttestations(e.digest.Repository, after, e.options...); err != nil {
		return false, explain(image, err)
	}
	return true, nil
}

// open finds the image and holds its lock until unlock is called: what is read
// beside it stays true until it is written.
func (s *Signer) open(ctx context.Context, image string) (e *entity, unlock func(), err error) {
	e, err = s.options.find(ctx, image)
	if err != nil {
		return nil, nil, err
	}
	lock := &s.locks[maphash.String(s.seed, e.digest.String())%uint64(len(s.locks))]
	lock.Lock()
	return e, lock.Unlock, nil
}

func (s *Signer) signature(ctx context.Context, e *entity) (oci.Signature, error) {
	claim, err := payload.Cosign{Image: e.digest}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	raw, err := s.key.pair.SignMessage(bytes.NewReader(claim), options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	return static.NewSignature(claim, base64.StdEncoding.EncodeToString(raw))
}

func (s *Signer) attestation(ctx context.Context, st provenance.Statement) (oci.Signature, error) {
	text, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	envelope, err := dsse.WrapSigner(s.key.pair, types.IntotoPayloadType).SignMessage(bytes.NewReader(text), options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	return static.NewAttestation(envelope, static.WithLayerMediaType(types.DssePayloadType),
		static.WithAnnotations(map[string]string{"predicateType": st.PredicateType}))
}
