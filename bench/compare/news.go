package main

import (
	"context"
	"fmt"
)

// news measures commands in their default form, which look for new snapshots first,
// where there are none. Each runs by turns with its form that takes the catalog as it is.
func (c *comparison) news(ctx context.Context) error {
	type command struct {
		of   question
		name string
		args []string
	}
	list := []command{
		{findName, "`find` of a name", []string{"find", c.pick.name}},
		{listNewest, "`ls latest`", []string{"ls", "latest"}},
		{listSnapshots, "`snapshots`", []string{"snapshots"}},
		{unasked, "`history` of a file", []string{"history", c.pick.file}},
	}
	if n := len(c.snapshots); n > 1 {
		list = append(list, command{diffNewest, "`diff` of the last two snapshots", []string{"diff", c.snapshots[n-2], c.snapshots[n-1]}})
	}
	for _, q := range list {
		what := q.name + ", looking for news before"
		var plain []usage
		p, err := c.byTurns(what, func(s side) (usage, error) {
			if !s.release {
				u, err := stream(ctx, nil, nothing, s.program, c.plain(s, q.args...)...)
				if err != nil {
					return u, err
				}
				plain = append(plain, u)
			}
			return stream(ctx, nil, nothing, s.program, c.args(s, q.args...)...)
		})
		if err != nil {
			return err
		}
		u := c.pairedRow(what, nil, p)
		c.answer(q.of, columnSyncline, u)
		times := ratio(walls(p.this), walls(plain))
		c.bounds = append(c.bounds, bound{
			q.name + " with nothing new, against `--no-sync`", "", "1.5 ×",
			fmt.Sprintf("%.2f × (%.3f s, %.3f s)", times, u.wall.Seconds(), middle(plain).wall.Seconds()), unmeasured, judge(times < 1.5),
		})
		if restic, ok := c.answers[q.of][columnRestic]; ok && q.of == findName {
			c.faster("name search over all snapshots in its default form, with nothing new, against restic's `find`", restic, u, 0, 500)
		}
	}
	return nil
}
