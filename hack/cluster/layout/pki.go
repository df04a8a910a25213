package layout

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"time"
)

// identity is a certificate to be issued: what its holder is called, and where
// it serves (nothing for clients).
type identity struct {
	file   string
	name   string
	groups []string
	hosts  []string
	addrs  []netip.Addr
}

// identities lists every certificate of the cluster. Each component has a name
// of its own, so that the audit log tells them apart.
func (l *Layout) identities() []identity {
	return []identity{
		{file: "apiserver", name: "kube-apiserver",
			hosts: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + DNSDomain},
			addrs: []netip.Addr{l.Node(), l.APIService(), netip.MustParseAddr("127.0.0.1")}},
		{file: "kubelet-server", name: NodeName, hosts: []string{NodeName}, addrs: []netip.Addr{l.Node()}},
		{file: "apiserver-kubelet-client", name: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{file: "admin", name: "slipway-admin", groups: []string{"system:masters"}},
		{file: "kubelet", name: "system:node:" + NodeName, groups: []string{"system:nodes"}},
		{file: "kube-controller-manager", name: "system:kube-controller-manager"},
		{file: "kube-scheduler", name: "system:kube-scheduler"},
		{file: "kube-proxy", name: "system:kube-proxy"},
		{file: "coredns", name: "coredns", groups: []string{"system:masters"}},
		{file: "local-path-provisioner", name: "local-path-provisioner", groups: []string{"system:masters"}},
	}
}

// authority signs the certificates of one cluster.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// WritePKI issues every certificate once; a complete folder is left as it is.
func (l *Layout) WritePKI(now time.Time) error {
	if _, err := os.Stat(l.Path("pki", "complete")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ca, err := l.newAuthority(now)
	if err != nil {
		return err
	}
	for _, id := range l.identities() {
		if err := l.issue(ca, id, now); err != nil {
			return err
		}
	}
	signing, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := l.writeKey("service-account", signing); err != nil {
		return err
	}
	return WriteFile(l.Path("pki", "complete"), nil, 0o600)
}

func (l *Layout) newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificate("slipway-cluster-ca", nil, now)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, l.writePair("ca", der, key)
}

func (l *Layout) issue(ca *authority, id identity, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := certificate(id.name, id.groups, now)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	template.DNSNames = id.hosts
	for _, a := range id.addrs {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return err
	}
	return l.writePair(id.file, der, key)
}

func certificate(name string, groups []string, now time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails since Go 1.24
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func (l *Layout) writePair(name string, der []byte, key *ecdsa.PrivateKey) error {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := WriteFile(l.Path("pki", name+".crt"), block, 0o644); err != nil {
		return err
	}
	return l.writeKey(name, key)
}

func (l *Layout) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return WriteFile(l.Path("pki", name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
