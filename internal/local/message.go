package local

import (
	"context"
	"errors"

	"syncline.dev/syncline"
)

// MessageOf returns the sentence for the user of a command. It shows the text of
// errors without a code, too, because the user owns the machine.
func MessageOf(err error) string {
	var domain *syncline.Error
	switch {
	case errors.As(err, &domain) && domain.Message != "":
		return domain.Message
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}
