package main

import (
	"fmt"
	"time"

	"syncline.dev/syncline"
)

// plainInterval is the time between two lines where there is no terminal.
const plainInterval = 5 * time.Second

// progressInterval is the time between two lines of progress: what the user
// asked for, else drawn on a terminal.
func (e *environment) progressInterval(terminal bool, drawn time.Duration) time.Duration {
	switch {
	case e.progressEvery > 0:
		return e.progressEvery
	case terminal:
		return drawn
	}
	return plainInterval
}

// progressView shows a synchronization on standard error. It is the
// synchronization's Reporter.
type progressView struct {
	env      *environment
	terminal bool
	begun    time.Time
	last     time.Time
	drawn    bool
}

func newProgress(e *environment) *progressView {
	_, terminal := isTerminal(e.stderr)
	now := time.Now()
	return &progressView{env: e, terminal: terminal, begun: now, last: now}
}

// Progress implements syncer.Reporter.
func (p *progressView) Progress(percent int, stats syncline.SessionStatistics) {
	now := time.Now()
	if p.env.quiet || p.env.json || now.Sub(p.last) < p.env.progressInterval(p.terminal, 0) {
		return
	}
	p.last = now
	elapsed := now.Sub(p.begun)
	rate := float64(stats.BytesFetched) / max(elapsed.Seconds(), 0.001)
	left := "?"
	if percent > 0 {
		left = (elapsed * time.Duration(100-percent) / time.Duration(percent)).Round(time.Second).String()
	}
	line := fmt.Sprintf("synchronizing: %3d %%, %s, %s/s, %s left", percent, formatSize(uint64(stats.BytesFetched)), formatSize(uint64(rate)), left)
	if !p.terminal {
		fmt.Fprintln(p.env.stderr, line)
		return
	}
	const width = 20
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = "-#"[btoi(i*100 < percent*width)]
	}
	fmt.Fprintf(p.env.stderr, "\r\x1b[K[%s] %s", bar, line)
	p.drawn = true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Log implements syncer.Reporter.
func (p *progressView) Log(level syncline.LogLevel, message string) {
	bad := level == syncline.LogWarning || level == syncline.LogError
	if !bad && p.env.verbose == 0 {
		return
	}
	p.end()
	p.env.note("%s", message)
}

// Behind implements syncer.Reporter.
func (*progressView) Behind() {}

// end clears the bar.
func (p *progressView) end() {
	if p.drawn {
		fmt.Fprint(p.env.stderr, "\r\x1b[K")
		p.drawn = false
	}
}

// formatSize writes a size as restic does.
func formatSize(n uint64) string {
	b := float64(n)
	switch {
	case n >= 1<<40:
		return fmt.Sprintf("%.3f TiB", b/(1<<40))
	case n >= 1<<30:
		return fmt.Sprintf("%.3f GiB", b/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.3f MiB", b/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.3f KiB", b/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
