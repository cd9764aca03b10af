package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

const nodesHelp = `List the nodes of an installation: the servers that share its database. Those that
ran and have not been removed are listed, too.

A node in maintenance mode takes no new work, ends what it runs, and answers
requests. The mode lasts over restarts.`

func newNodesCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nodes [flags]",
		Short: "List the nodes of an installation, and switch their maintenance mode",
		Long:  nodesHelp,
		Example: `syncline nodes --server https://backup.example:4443
syncline nodes maintenance on 3f2504e0-4f89-41d3-9a0c-0305e82c3301
syncline nodes remove 3f2504e0-4f89-41d3-9a0c-0305e82c3301`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withNodes(cmd, func(c *client.Client) error {
				all, err := c.Proxies(cmd.Context())
				if err != nil {
					return err
				}
				if env.json {
					return json.NewEncoder(env.stdout).Encode(all)
				}
				return printNodes(env.stdout, all)
			})
		},
	}
	cmd.AddCommand(newMaintenanceCommand(env), newRemoveNodeCommand(env))
	return cmd
}

// withNodes runs fn with a server of the installation.
func (e *environment) withNodes(cmd *cobra.Command, fn func(*client.Client) error) error {
	if e.server == "" {
		return usageError("please name a server with --server or SYNCLINE_SERVER: only a server knows the nodes")
	}
	return e.connected(cmd.Context(), fn)
}

func newMaintenanceCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:       "maintenance on|off nodeID",
		Short:     "Switch the maintenance mode of a node",
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"on", "off"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "on" && args[0] != "off" {
				return usageError("the maintenance mode is on or off, and not " + printable(args[0]))
			}
			id, err := syncline.ParseID(args[1])
			if err != nil {
				return err
			}
			return env.withNodes(cmd, func(c *client.Client) error {
				if err := c.SetMaintenance(cmd.Context(), id, args[0] == "on"); err != nil {
					return err
				}
				return env.printNode(cmd, c, id)
			})
		},
	}
}

// printNode shows one node after a change.
func (e *environment) printNode(cmd *cobra.Command, c *client.Client, id syncline.ID) error {
	n, err := c.Proxy(cmd.Context(), id)
	if err != nil {
		return err
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(n)
	}
	return printNodes(e.stdout, []client.Proxy{n})
}

func newRemoveNodeCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "remove nodeID",
		Short: "Forget a node that does not run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := syncline.ParseID(args[0])
			if err != nil {
				return err
			}
			return env.withNodes(cmd, func(c *client.Client) error { return c.RemoveProxy(cmd.Context(), id) })
		},
	}
}

func printNodes(out io.Writer, all []client.Proxy) error {
	header := table.Row{"ID", "Host", "State", "Address", "Version", "Sessions", "Restores", "Queued", "CPU", "Memory", "Last sign of life"}
	t := newTable(header, len(header)+1)
	for i := range all {
		n := &all[i]
		cpu, memory := "", ""
		if n.CPUUsagePercent != nil {
			cpu = strconv.Itoa(*n.CPUUsagePercent) + "%"
		}
		if n.MemoryBytes > 0 {
			memory = formatSize(uint64(n.MemoryBytes))
		}
		t.AppendRow(table.Row{
			n.ID, printable(n.HostName), nodeState(n), printable(n.Address), printable(n.Version),
			n.SessionsRunning, n.RestoresRunning, n.WorkQueued, cpu, memory, localTime(n.LastSeenTime),
		})
	}
	_, err := fmt.Fprintln(out, t.Render())
	return err
}

func nodeState(n *client.Proxy) string {
	switch n.MaintenanceModeState {
	case "Enabling":
		return n.Status + ", going into maintenance"
	case "Enabled":
		return n.Status + ", in maintenance"
	}
	return n.Status
}
