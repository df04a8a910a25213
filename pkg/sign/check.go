package sign

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/slipway-dev/slipway/pkg/provenance"
)

// checker asks cosign about single records, with one public key.
type checker struct {
	options *cosign.CheckOpts
}

func newChecker(key signature.Verifier) checker {
	return checker{&cosign.CheckOpts{SigVerifier: key, IgnoreTlog: true, Offline: true}}
}

// verdict is what the records of one kind add up to.
type verdict struct {
	// good says that a record is signed by the key and is about the image.
	good int
	// foreign counts the records that the key does not verify.
	foreign int
	// others counts the records that the key verifies and that are about
	// another image.
	others int
	// statements are the good ones' content: none of a plain signature.
	statements []provenance.Statement
}

// signatures judges cosign signatures of the image.
func (c checker) signatures(ctx context.Context, e *entity) (verdict, error) {
	all, err := records(e.digest.String(), e.signed.Signatures)
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	for _, sig := range all {
		switch {
		case c.foreignSignature(ctx, e, sig):
			v.foreign++
		case cosign.SimpleClaimVerifier(sig, e.hash, nil) != nil:
			v.others++
		default:
			v.good++
		}
	}
	return v, nil
}

func (c checker) foreignSignature(ctx context.Context, e *entity, sig oci.Signature) bool {
	_, err := cosign.VerifyImageSignature(ctx, sig, e.hash, c.options)
	return err != nil
}

// provenance judges the SLSA provenance among the attestations of the image, and
// passes over attestations of other kinds.
func (c checker) provenance(ctx context.Context, e *entity) (verdict, error) {
	all, err := records(e.digest.String(), e.signed.Attestations)
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	for _, att := range all {
		st, err := statement(att)
		if err != nil || st.PredicateType != provenance.PredicateType {
			continue
		}
		if _, err := cosign.VerifyBlobAttestation(ctx, att, e.hash, c.options); err != nil {
			v.foreign++
		} else if cosign.IntotoSubjectClaimVerifier(att, e.hash, nil) != nil {
			v.others++
		} else {
			v.good++
			v.statements = append(v.statements, st)
		}
	}
	return v, nil
}

// statement reads what an envelope says, without a judgement on whether it is true.
func statement(att oci.Signature) (provenance.Statement, error) {
	var st provenance.Statement
	payload, err := att.Payload()
	if err != nil {
		return st, err
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal(payload, &envelope); err != nil {
		return st, fmt.Errorf("envelope: %w", err)
	}
	text, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		return st, fmt.Errorf("envelope: %w", err)
	}
	return st, json.Unmarshal(text, &st)
}
