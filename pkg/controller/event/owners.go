package event

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/trigger/owners"
)

// owns says whether a user is in the file OWNERS of the default branch, which nobody changes
// who may not push to it. A file that cannot be read names nobody. It costs two calls of the
// forge, and a third where the file names others than the user.
func (j *job) owns(ctx context.Context, user string) (bool, error) {
	branch, err := j.defaultBranch(ctx)
	if err != nil {
		return false, err
	}
	tip, err := j.forge.Tip(ctx, forge.BranchRef(branch))
	if errors.Is(err, forge.ErrNotFound) { // it has no commit yet
		return false, nil
	} else if err != nil {
		return false, err
	}
	names, err := readOwners(ctx, j, tip.Commit, owners.File, owners.Read)
	if err != nil || len(names) == 0 {
		return false, err
	}
	aliases, err := readOwners(ctx, j, tip.Commit, owners.AliasesFile, owners.Aliases)
	return owners.Has(owners.Expand(names, aliases), user), err
}

// readOwners reads one of the files; nothing if it is not there or not right.
func readOwners[T any](ctx context.Context, j *job, commit, file string, parse func([]byte) (T, error)) (none T, err error) {
	text, err := j.forge.File(ctx, commit, file)
	if errors.Is(err, forge.ErrNotFound) {
		return none, nil
	} else if err != nil {
		return none, err
	}
	found, err := parse(text)
	if err != nil {
		log.FromContext(ctx).Info("owners are not known", "repository", j.repository.Name, "commit", commit, "error", err.Error())
		return none, nil
	}
	return found, nil
}
