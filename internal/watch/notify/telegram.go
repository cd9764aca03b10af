package notify

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"github.com/nicholas-fedor/shoutrrr/pkg/util/jsonclient"
)

// telegramBot sends to Telegram. The library's own Send takes a server that is out of
// reach, or answers with something else than JSON, for one that has taken the message.
type telegramBot struct {
	*telegram.Service
	client *http.Client
}

// Send implements types.Service.
func (b *telegramBot) Send(text string, _ *types.Params) error {
	config := b.GetConfig()
	if len(config.Chats) == 0 {
		return errors.New("the address names no chat of Telegram")
	}
	for _, chat := range config.Chats {
		to, thread, _ := strings.Cut(chat, ":")
		message := telegram.SendMessagePayload{Text: text, ID: to, DisablePreview: !config.Preview, DisableNotification: !config.Notification}
		if n, err := strconv.Atoi(thread); err == nil {
			message.MessageThreadID = &n
		}
		if config.ParseMode != telegram.ParseModes.None {
			message.ParseMode = config.ParseMode.String()
		}
		var answer struct {
			OK          bool   `json:"ok"`
			Description string `json:"description"`
		}
		client := jsonclient.NewWithHTTPClient(b.client)
		err := client.Post("https://api.telegram.org/bot"+config.Token+"/sendMessage", message, &answer)
		switch {
		case err != nil && client.ErrorResponse(err, &answer) && answer.Description != "":
			return fmt.Errorf("telegram answered: %s", answer.Description)
		case err != nil:
			return err
		case !answer.OK:
			return errors.New("telegram did not take the message: " + answer.Description)
		}
	}
	return nil
}
