package provenance

// Annotations by which a run says what became of its signing. The first is the one
// that Tekton Chains writes, so that what waits for Chains waits for us.
const (
	// AnnotationSigned is SignedTrue, SignedFailed, or not there: the run made
	// no image, has not ended well, or is still to be signed.
	AnnotationSigned = "chains.tekton.dev/signed"
	// AnnotationSigningMessage says in one line why signing was given up.
	AnnotationSigningMessage = "slipway.dev/signing-message"
)

// Values of AnnotationSigned. Taking the annotation away has the run signed anew.
const (
	SignedTrue   = "true"
	SignedFailed = "failed"
)
