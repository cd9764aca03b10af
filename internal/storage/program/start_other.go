//go:build !unix

package program

import "os/exec"

// start starts a program. Groups of processes are Unix's alone.
func start(cmd *exec.Cmd, _ bool) (background func(), err error) { return func() {}, cmd.Start() }

func killGroup(int) {}
