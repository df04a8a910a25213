package registry

import (
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

// hook takes what each recorded webhook says of base/go, and one thing twice.
var hook = Hook{v1alpha1.ImageWebhook{Images: []v1alpha1.ImageSource{
	{Name: "*/base/go", Tags: []string{"0.*", "1.*"}, Branch: "next", Pipeline: "rebuild"}, {Name: "registry.example.com/base/node"}}}}

func TestParse(t *testing.T) {
	forgetest.Parse(t, hook, []forgetest.Delivery{
		{Body: "distribution"},
		{Body: "azure"},
		{Body: "harbor"},
		{Body: "harbor-cloudevent"},
		{Body: "harbor-deleted", NotOurs: "no image was pushed"},
		{Body: "quay"},
		{Body: "docker-hub"},
		{Body: "words"},
		{Body: "another", NotOurs: "spec.imageWebhook.images names"},
	})
}

func TestParseOfWhatIsWrong(t *testing.T) {
	forgetest.Refuse(t, hook, map[string]forgetest.Wrong{
		"no JSON":         {Body: "{", Want: "not JSON"},
		"a list":          {Body: "[]", Want: "not JSON that a registry sends"},
		"nobody's":        {Body: `{"zen": "Design for failure."}`, Want: `{"name": "HOST/REPOSITORY"`},
		"no repository":   {Body: `{"push_data": {"tag": "1"}}`, Want: "repository.repo_name"},
		"another's words": {Body: `{"push_data": {"tag": "1"}, "repository": "base/go"}`, Want: "repository.repo_name"},
	})
	wrong := Hook{v1alpha1.ImageWebhook{Images: []v1alpha1.ImageSource{{Name: "registry/{a"}}}}
	forgetest.Refuse(t, wrong, map[string]forgetest.Wrong{"a glob": {Body: `{"name": "registry/a", "tag": "1"}`, Want: "spec.imageWebhook.images[0]"}})
}

func TestVerify(t *testing.T) {
	forgetest.Verify(t, hook, "{}", map[string]forgetest.Signature{
		"a bearer":      {Header: http.Header{"Authorization": {"Bearer s3cret"}}, Secret: "s3cret"},
		"as it is":      {Header: http.Header{"Authorization": {"s3cret"}}, Secret: "s3cret"},
		"from a file":   {Header: http.Header{"Authorization": {"s3cret"}}, Secret: "s3cret\n"},
		"another token": {Header: http.Header{"Authorization": {"Bearer s3cre"}}, Secret: "s3cret", Want: "another token"},
		"none":          {Header: http.Header{}, Secret: "s3cret", Want: "?token=TOKEN"},
		"no secret":     {Header: http.Header{"Authorization": {"Bearer "}}, Secret: "", Want: "imageWebhook.secret"},
	})
}
