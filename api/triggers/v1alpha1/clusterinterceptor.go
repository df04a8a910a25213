package v1alpha1

import (
	"cmp"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterInterceptor is a server that checks, filters or extends requests. Those named cel,
// github, gitlab, bitbucket and slack are built in and need no object.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Cluster,shortName=ci,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterInterceptor struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says where the server is.
	Spec ClusterInterceptorSpec `json:"spec"`
}

// ClusterInterceptorList is a list of ClusterInterceptors.
// +kubebuilder:object:root=true
type ClusterInterceptorList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the ClusterInterceptors.
	Items []ClusterInterceptor `json:"items"`
}

// ClusterInterceptorSpec says where the server is.
type ClusterInterceptorSpec struct {
	// ClientConfig says where the server is.
	ClientConfig ClientConfig `json:"clientConfig"`
}

// ClientConfig says where a server is.
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.service)",message="give either url or service"
type ClientConfig struct {
	// CaBundle are PEM certificates that the server's is checked by; those of the
	// controller's image by default.
	// +optional
	CaBundle []byte `json:"caBundle,omitempty"`
	// URL is the address.
	// +kubebuilder:validation:Pattern=`^https?://[^/?#\s]+`
	// +optional
	URL string `json:"url,omitempty"`
	// Service is the address as that of a Service.
	// +optional
	Service *ServiceReference `json:"service,omitempty"`
}

// ServiceReference is the address of a Service.
type ServiceReference struct {
	// Name is that of the Service.
	Name string `json:"name"`
	// Namespace is that of the Service.
	Namespace string `json:"namespace"`
	// Path is that of the request.
	// +optional
	Path string `json:"path,omitempty"`
	// Port is 80 by default, and 8443 with a CaBundle.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
}

// Address is where the server is.
func (c *ClientConfig) Address() string {
	if c.Service == nil {
		return c.URL
	}
	scheme, port := "http", int32(80)
	if len(c.CaBundle) > 0 {
		scheme, port = "https", 8443
	}
	if c.Service.Port != nil {
		port = cmp.Or(*c.Service.Port, port)
	}
	path := c.Service.Path
	if path != "" && path[0] != '/' {
		path = "/" + path
	}
	return fmt.Sprintf("%s://%s.%s.svc:%d%s", scheme, c.Service.Name, c.Service.Namespace, port, path)
}
