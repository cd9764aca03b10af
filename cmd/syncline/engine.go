package main

import (
	"context"
	"os"
	"path/filepath"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/local"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/syncer"
)

// opened returns the engine that answers about the repository that is named.
func (e *environment) opened(ctx context.Context) (*local.Engine, error) {
	at, err := e.location(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := e.catalogDir()
	if err != nil {
		return nil, err
	}
	e.engine = &local.Engine{
		Place: at, Network: func() (place.Network, error) { return e.network(ctx) }, Stall: e.stuckTimeout, Dir: dir,
		Password: e.givenPassword, PasswordAtHand: e.passwordAtHand, AskPassword: e.askPassword, KeyHint: e.keyHint,
		NoSync: e.noSync, RetryLock: e.retryLock, Note: e.note, Logger: e.logger(),
		Reporter: func() (syncer.Reporter, func()) {
			shown := newProgress(e)
			return shown, shown.end
		},
	}
	return e.engine, nil
}

// withCatalog runs fn with the repository's catalog.
func (e *environment) withCatalog(ctx context.Context, fn func(*catalog.Catalog) error) error {
	engine, err := e.opened(ctx)
	if err != nil {
		return err
	}
	return engine.Catalog(ctx, fn)
}

// withSession is withCatalog for a command that is about the session itself.
func (e *environment) withSession(ctx context.Context, fn func(c *catalog.Catalog, stats syncline.SessionStatistics, damage error) error) error {
	engine, err := e.opened(ctx)
	if err != nil {
		return err
	}
	return engine.Session(ctx, fn)
}

// withContents runs fn with the catalog and the contents in the repository.
func (e *environment) withContents(ctx context.Context, fn func(*catalog.View, *content.Source) error) error {
	engine, err := e.opened(ctx)
	if err != nil {
		return err
	}
	return engine.Contents(ctx, fn)
}

// location reads which repository is meant.
func (e *environment) location(ctx context.Context) (place.Named, error) {
	text := e.repo
	switch {
	case e.repo == "" && e.repositoryFile == "":
		return place.Named{}, usageError("Please specify repository location (-r or --repository-file)")
	case e.repo != "" && e.repositoryFile != "":
		return place.Named{}, usageError("Options -r and --repository-file are mutually exclusive, please specify only one")
	case e.repo == "":
		var err error
		if text, err = given.File(ctx, e.repositoryFile); err != nil {
			return place.Named{}, err
		}
	}
	return local.Name(text, e.options, place.User{Getenv: e.getenv, Say: e.say, BytesPerSecond: e.limitDownload << 10})
}

// catalogDir returns the directory of the catalogs.
func (e *environment) catalogDir() (string, error) {
	if e.cacheDir != "" {
		return e.cacheDir, nil
	}
	if dir := e.getenv("SYNCLINE_CACHE_DIR"); dir != "" {
		return dir, nil
	}
	if dir := e.getenv("RESTIC_CACHE_DIR"); dir != "" { // restic leaves alone what has no repository's name
		return filepath.Join(dir, "syncline"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "there is no cache directory to keep the catalog in; name one with --cache-dir or SYNCLINE_CACHE_DIR")
	}
	return filepath.Join(dir, "syncline"), nil
}
