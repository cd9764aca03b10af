//go:build windows

package catalog_test

import (
	"context"
	"errors"

	"syncline.dev/syncline/internal/catalog"
)

func inDatabase(context.Context, string, func(*catalog.Catalog) error) error {
	return errors.New("there is no PostgreSQL here")
}
