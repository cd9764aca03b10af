package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// growthRow prints the costs of one repository. label is the row's first cells.
func (c *comparison) growthRow(ctx context.Context, label string) error {
	floor, err := median(c.runs, func() (usage, error) { return measure(ctx, nil, c.floor, "-r", c.repo, "-json") })
	if err != nil {
		return err
	}
	if err := json.Unmarshal(floor.out, &c.floorSaid); err != nil {
		return err
	}
	first, firstLeft, err := c.withoutKey(ctx, c.runs, func() (u usage, err error) {
		u, c.firstSaid, err = c.syncAnew(ctx, nil, c.repo, c.ours())
		return u, err
	})
	if err != nil {
		return err
	}
	_, againLeft, err := c.withoutKey(ctx, 5, func() (u usage, err error) {
		u, _, err = c.sync(ctx, nil, c.repo, c.ours())
		return u, err
	})
	if err != nil {
		return err
	}
	if err := c.choose(ctx); err != nil {
		return err
	}
	find, err := median(5, func() (usage, error) {
		return measure(ctx, nil, c.syncline, c.plain(c.ours(), "find", c.pick.name)...)
	})
	if err != nil {
		return err
	}
	disk, err := size(c.synclineCache())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "| %s | %d | %d | %.0f | %.2f | %.2f | %.1f | %.0f | %.0f | %.0f | %.3f, %.0f |\n", label,
		c.floorSaid.Trees, c.firstSaid.Entries, mb(c.floorSaid.Bytes), c.floorSaid.Index+c.floorSaid.Time,
		firstLeft.Seconds(), 1e6*firstLeft.Seconds()/float64(c.floorSaid.Trees), mb(first.peak), mb(disk),
		ms(againLeft), find.wall.Seconds(), mb(find.peak))
	return err
}
