package sign

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/pkg/provenance"
)

// Reason is the kind of a Refusal.
type Reason string

// Reasons to refuse an image.
const (
	// Unsigned: nothing is signed, or signatures belong to another build of it.
	Unsigned Reason = "unsigned"
	// WrongKey: there are signatures, and the key verifies none.
	WrongKey Reason = "wrong-key"
	// Tampered: the key's signature is there and is of other content, or the
	// registry serves content that is not what the digest says.
	Tampered Reason = "tampered"
	// NoProvenance: it is signed, without provenance by the same key.
	NoProvenance Reason = "no-provenance"
	// OtherSubject: the provenance beside the image is that of another.
	OtherSubject Reason = "other-subject"
)

// Refusal is the answer about an image that must not be trusted. Every other error
// means that no answer was found, such as that the registry cannot be reached.
type Refusal struct {
	Reason Reason
	// Image is REPOSITORY@DIGEST, or what was asked for where no digest was found.
	Image  string
	Detail string
}

func (r *Refusal) Error() string { return r.Image + ": " + r.Detail }

// Report is what is known of an image that was accepted.
type Report struct {
	// Image is REPOSITORY@DIGEST.
	Image string
	// Signatures is how many signatures of the image the key verifies.
	Signatures int
	// Provenance holds the statements about the image that the key verifies, in
	// the order in which they were attached. There is at least one.
	Provenance []provenance.Statement
}

// Verify checks that an image, by tag or digest, carries a signature and SLSA
// provenance that both were made for it with the private half of publicKey (PEM).
// An image that does not is a *Refusal.
func Verify(ctx context.Context, image string, publicKey []byte, o Options) (Report, error) {
	key, err := loadPublic(publicKey)
	if err != nil {
		return Report{}, err
	}
	e, err := o.find(ctx, image)
	if err != nil {
		return Report{}, err
	}
	check, ref := newChecker(key), e.digest.String()
	signatures, err := check.signatures(ctx, e)
	if err != nil {
		return Report{}, err
	}
	if r := refuseSignatures(signatures); r != nil {
		r.Image = ref
		return Report{}, r
	}
	attestations, err := check.provenance(ctx, e)
	if err != nil {
		return Report{}, err
	}
	if r := refuseProvenance(attestations); r != nil {
		r.Image = ref
		return Report{}, r
	}
	return Report{Image: ref, Signatures: signatures.good, Provenance: attestations.statements}, nil
}

func refuseSignatures(v verdict) *Refusal {
	switch {
	case v.good > 0:
		return nil
	case v.others > 0:
		return &Refusal{Reason: Tampered, Detail: "the signature beside it was made for other content; the image was changed after it was signed"}
	case v.foreign > 0:
		return &Refusal{Reason: WrongKey, Detail: fmt.Sprintf("%s that this key does not verify: another key made it, or it was changed", count(v.foreign, "signature"))}
	}
	return &Refusal{Reason: Unsigned, Detail: "no signature stands beside this digest"}
}

func refuseProvenance(v verdict) *Refusal {
	switch {
	case v.good > 0:
		return nil
	case v.others > 0:
		return &Refusal{Reason: OtherSubject, Detail: "the provenance beside it is about another image"}
	case v.foreign > 0:
		return &Refusal{Reason: NoProvenance, Detail: fmt.Sprintf("signed, but this key does not verify the %s of provenance beside it", count(v.foreign, "statement"))}
	}
	return &Refusal{Reason: NoProvenance, Detail: "signed, but without SLSA provenance v1"}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
