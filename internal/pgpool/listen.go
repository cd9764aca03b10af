package pgpool

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// listenLook is how long nothing may be heard before the server is asked whether it
	// is there.
	listenLook = 15 * time.Second
	// The pause before another try to listen doubles from the first to the longest.
	firstPause, longestPause = 250 * time.Millisecond, 15 * time.Second
)

// Listen calls heard with each notification of a channel, until ctx ends, on a
// connection of its own. It connects again whenever the connection breaks. state is told
// when it begins to listen (nil), and why it does not.
func (p *Pool) Listen(ctx context.Context, channel string, heard func(payload string), state func(error)) {
	pause := firstPause
	for ctx.Err() == nil {
		begun, err := p.listen(ctx, channel, heard, state)
		if ctx.Err() != nil {
			return
		}
		state(p.Translate(err, "listen for wake-ups"))
		if begun {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, longestPause)
	}
}

func (p *Pool) listen(ctx context.Context, channel string, heard func(string), state func(error)) (begun bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, p.conns.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer conn.Close(closedAlready) //nolint:errcheck // there is nothing left to say to it
	if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{channel}.Sanitize()); err != nil {
		return false, err
	}
	state(nil)
	for {
		wait, cancel := context.WithTimeout(ctx, listenLook)
		n, err := conn.WaitForNotification(wait)
		late := wait.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			heard(n.Payload)
		case !late || conn.IsClosed():
			return true, err
		default:
			ping, cancel := context.WithTimeout(ctx, pingTime)
			err := conn.Ping(ping)
			cancel()
			if err != nil {
				return true, err
			}
		}
	}
}
