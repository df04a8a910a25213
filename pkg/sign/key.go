package sign

import (
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Names of the entries of a Secret that holds a key pair, as
// `cosign generate-key-pair k8s://NAMESPACE/NAME` makes it.
const (
	SecretKey      = "cosign.key"
	SecretPassword = "cosign.password"
	SecretPublic   = "cosign.pub"
)

// Key is a private key that is ready to sign.
type Key struct {
	pair signature.SignerVerifier
}

// KeyFromSecret decrypts the private key among the entries of a Secret. It takes
// some tenths of a second: the encryption is meant to be slow.
func KeyFromSecret(data map[string][]byte) (*Key, error) {
	private, ok := data[SecretKey]
	if !ok {
		return nil, fmt.Errorf("it has no entry %q", SecretKey)
	}
	pair, err := cosign.LoadPrivateKey(private, data[SecretPassword], nil)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read with %s: %w", SecretKey, SecretPassword, err)
	}
	return &Key{pair: pair}, nil
}

// loadPublic reads a public key from PEM, with which signatures are checked.
func loadPublic(pem []byte) (signature.Verifier, error) {
	key, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return signature.LoadDefaultVerifier(key, *cosign.GetDefaultLoadOptions(nil)...)
}
