package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Each reads a list page after page, as the header Link says where the next is, until
// see has enough. It asks the same path each time, whatever host the header names.
func Each[T any](ctx context.Context, c *Client, path string, query url.Values, see func(T) (enough bool)) error {
	for query != nil {
		var list []T
		header, err := c.Get(ctx, path, query, &list)
		if err != nil {
			return err
		}
		for _, one := range list {
			if see(one) {
				return nil
			}
		}
		query = next(header)
	}
	return nil
}

// next is the query of the next page; nil if there is none.
func next(h http.Header) url.Values {
	for link := range strings.SplitSeq(h.Get("Link"), ",") {
		address, params, _ := strings.Cut(link, ";")
		if !strings.Contains(params, `rel="next"`) {
			continue
		}
		if u, err := url.Parse(strings.Trim(strings.TrimSpace(address), "<>")); err == nil {
			return u.Query()
		}
	}
	return nil
}
