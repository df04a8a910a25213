// Package certificate keeps the certificate that the admission server shows: it
// makes one, renews it, and tells the API server whom to trust.
package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

// How long each lives. Two thirds into its life it is made anew.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	servingLife   = 365 * 24 * time.Hour
	// skew is how far the clocks of the cluster may be apart.
	skew = time.Hour
)

// The keys of the Secret. All values are PEM.
const (
	keyAuthority    = "ca.crt"
	keyAuthorityKey = "ca.key"
	keyServing      = "tls.crt"
	keyServingKey   = "tls.key"
)

// pair is a certificate with its key.
type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// bundle is what the Secret holds, parsed. The authority signs for this server
// and nothing else; as it outlives many serving certificates, nobody needs to be
// told when one of those is made.
type bundle struct {
	authority, serving pair
}

// renewed returns the bundle with what is due made anew; the same one when nothing
// is. Call it with nil for the first.
func renewed(b *bundle, name string, now time.Time) (*bundle, error) {
	if b != nil && fresh(b.authority.certificate, now) && fresh(b.serving.certificate, now) && b.serves(name, now) {
		return b, nil
	}
	next := &bundle{}
	var err error
	if b != nil && fresh(b.authority.certificate, now) {
		next.authority = b.authority
	} else if next.authority, err = newAuthority(now); err != nil {
		return nil, err
	}
	next.serving, err = newServing(name, next.authority, now)
	return next, err
}

// serves reports whether whoever trusts the authority takes the serving certificate for name.
func (b *bundle) serves(name string, now time.Time) bool {
	roots := x509.NewCertPool()
	roots.AddCert(b.authority.certificate)
	_, err := b.serving.certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
	return err == nil
}

// renewal is when something in the bundle is due.
func (b *bundle) renewal() time.Time {
	first := due(b.authority.certificate)
	if next := due(b.serving.certificate); next.Before(first) {
		first = next
	}
	return first
}

func due(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)
}

func fresh(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && now.Before(due(c))
}

func newAuthority(now time.Time) (pair, error) {
	return issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "slipway admission"}, NotBefore: now.Add(-skew), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}, nil)
}

func newServing(name string, authority pair, now time.Time) (pair, error) {
	return issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now.Add(-skew), NotAfter: now.Add(servingLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &authority)
}

// issue makes a key and has the certificate signed by the issuer; by itself when that is nil.
func issue(template *x509.Certificate, issuer *pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return pair{}, err
	}
	if issuer == nil {
		issuer = &pair{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		return pair{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return pair{certificate, key}, err
}

// parse reads what encode wrote.
func parse(data map[string][]byte) (*bundle, error) {
	authority, err := parsePair(data[keyAuthority], data[keyAuthorityKey])
	if err != nil {
		return nil, err
	}
	serving, err := parsePair(data[keyServing], data[keyServingKey])
	if err != nil {
		return nil, err
	}
	return &bundle{authority, serving}, nil
}

func parsePair(certificate, key []byte) (pair, error) {
	both, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return pair{}, err
	}
	signer, ok := both.PrivateKey.(crypto.Signer)
	if !ok {
		return pair{}, errors.New("the key cannot sign")
	}
	return pair{both.Leaf, signer}, nil
}

func (b *bundle) encode() (map[string][]byte, error) {
	data := map[string][]byte{}
	for _, p := range []struct {
		pair
		certificateAt, keyAt string
	}{{b.authority, keyAuthority, keyAuthorityKey}, {b.serving, keyServing, keyServingKey}} {
		key, err := x509.MarshalPKCS8PrivateKey(p.key)
		if err != nil {
			return nil, err
		}
		data[p.certificateAt] = encodeCertificate(p.certificate)
		data[p.keyAt] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	}
	return data, nil
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// forTLS is the serving certificate as a TLS server shows it.
func (b *bundle) forTLS() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{b.serving.certificate.Raw}, PrivateKey: b.serving.key, Leaf: b.serving.certificate}
}
