package azure

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// page is one page of a listing.
type page struct {
	whole bool // it is a listing of this container
	next  *string
	each  func() error // passes on the items of the page
}

// pages asks for all pages of a listing. A marker that repeats is an error,
// because it would make the listing endless. An answer that is no listing is an
// error as well, because the library takes an empty answer for an empty page.
func pages[T any](ctx context.Context, c *Client, pager *runtime.Pager[T], op operation, read func(T) page) error {
	seen := map[string]bool{}
	for pager.More() {
		callCtx, call := objects.Document(ctx)
		answer, err := pager.NextPage(callCtx)
		if err != nil {
			return c.translate(ctx, call, err, op)
		}
		p := read(answer)
		switch {
		case !c.speaksAzure(call):
			return c.notAzure(nil)
		case !p.whole:
			return storage.Incomplete(op.dir, "has a page without its content")
		}
		if err := p.each(); err != nil {
			return err
		}
		if p.next == nil || *p.next == "" {
			break
		}
		if seen[*p.next] {
			return storage.Incomplete(op.dir, "repeats a page")
		}
		seen[*p.next] = true
	}
	return ctx.Err()
}

// listBlobs calls fn with every blob below prefix and its full name.
func (c *Client) listBlobs(ctx context.Context, name, prefix string, fn func(name string, size int64) error) error {
	pager := c.service.NewContainerClient(name).NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix})
	op := operation{container: name, dir: prefix, list: true}
	return pages(ctx, c, pager, op, func(r container.ListBlobsFlatResponse) page {
		return page{whole: r.ServiceEndpoint != nil && r.Segment != nil, next: r.NextMarker, each: func() error {
			for _, b := range r.Segment.BlobItems {
				if err := ctx.Err(); err != nil {
					return err
				}
				if b == nil || b.Name == nil || b.Properties == nil || b.Properties.ContentLength == nil ||
					*b.Properties.ContentLength < 0 || !strings.HasPrefix(*b.Name, prefix) {
					return storage.Incomplete(prefix, "gives files that were not asked for")
				}
				if isFolder(b) {
					continue
				}
				if err := fn(*b.Name, *b.Properties.ContentLength); err != nil {
					return err
				}
			}
			return nil
		}}
	})
}

// isFolder recognizes folders of accounts with a hierarchical name space, and
// the empty blobs with which some tools mark a folder.
func isFolder(b *container.BlobItem) bool {
	kind := b.Properties.ResourceType
	return kind != nil && *kind == "directory" || strings.HasSuffix(*b.Name, "/")
}

// ListContainers returns the names of the account's containers.
func (c *Client) ListContainers(ctx context.Context) ([]string, error) {
	var names []string
	pager := c.service.NewListContainersPager(&service.ListContainersOptions{})
	err := pages(ctx, c, pager, operation{list: true}, func(r service.ListContainersResponse) page {
		return page{whole: r.ServiceEndpoint != nil, next: r.NextMarker, each: func() error {
			for _, item := range r.ContainerItems {
				if item == nil || item.Name == nil {
					return storage.Incomplete("", "gives containers without a name")
				}
				if len(names) == objects.MaxFolders {
					return objects.TooManyFolders()
				}
				names = append(names, *item.Name)
			}
			return nil
		}}
	})
	return names, err
}

// ContainerExists reports whether the container exists. It asks for one page of
// its listing, so missing rights show.
func (c *Client) ContainerExists(ctx context.Context, name string) (bool, error) {
	one := int32(1)
	pager := c.service.NewContainerClient(name).NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: &one})
	err := pages(ctx, c, pager, operation{container: name, list: true}, func(r container.ListBlobsFlatResponse) page {
		return page{whole: r.ServiceEndpoint != nil && r.Segment != nil, each: func() error { return nil }}
	})
	if syncline.CodeOf(err) == syncline.CodeNoRepository {
		return false, nil
	}
	return err == nil, err
}

// ListFolders returns the names of the folders directly below prefix, relative
// to it.
func (c *Client) ListFolders(ctx context.Context, name, prefix string) ([]string, error) {
	prefix, err := storage.CleanPrefix(prefix)
	if err != nil {
		return nil, err
	}
	var folders []string
	pager := c.service.NewContainerClient(name).NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: &prefix})
	op := operation{container: name, dir: prefix, list: true}
	err = pages(ctx, c, pager, op, func(r container.ListBlobsHierarchyResponse) page {
		return page{whole: r.ServiceEndpoint != nil && r.Segment != nil, next: r.NextMarker, each: func() error {
			for _, p := range r.Segment.BlobPrefixes {
				if p == nil || p.Name == nil || !strings.HasPrefix(*p.Name, prefix) {
					return storage.Incomplete(prefix, "gives folders that were not asked for")
				}
				folder := strings.TrimSuffix((*p.Name)[len(prefix):], "/")
				if folder == "" {
					continue
				}
				if len(folders) == objects.MaxFolders {
					return objects.TooManyFolders()
				}
				folders = append(folders, folder)
			}
			return nil
		}}
	})
	return folders, err
}
