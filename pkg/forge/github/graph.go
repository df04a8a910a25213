package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// objects reads what is selected of at most a hundred git objects, by their ids, in one call. One
// that is not there is nil.
func objects[T any](ctx context.Context, c *Client, ids []string, selection string) ([]*T, error) {
	var query strings.Builder
	query.WriteString("query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {")
	for i, id := range ids {
		fmt.Fprintf(&query, " o%d: object(oid: %q) { %s }", i, id, selection)
	}
	query.WriteString(" } }")
	var answer struct {
		Data struct {
			Repository map[string]*T
		}
		Errors []struct{ Type, Message string }
	}
	body := map[string]any{"query": query.String(), "variables": map[string]string{"owner": c.owner, "name": c.name}}
	if _, err := c.graph.Do(ctx, rest.Call{Method: http.MethodPost, Path: "/graphql", Body: body, Out: &answer}); err != nil {
		return nil, err
	}
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		err := fmt.Errorf("POST %s/graphql: %s", c.graph.Base, e.Message)
		switch e.Type {
		case "NOT_FOUND":
			err = fmt.Errorf("%w: %w", forge.ErrNotFound, err)
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			err = fmt.Errorf("%w: %w", forge.ErrDenied, err)
		}
		return nil, err
	}
	list := make([]*T, len(ids))
	for i := range ids {
		list[i] = answer.Data.Repository[fmt.Sprintf("o%d", i)]
	}
	return list, nil
}
