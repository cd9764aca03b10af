package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// The headers of a webhook. The signature is v1= and, in hexadecimal, the HMAC-SHA256 by
// the channel's secret of the timestamp, a full stop and the body.
const (
	headerDelivery  = "Syncline-Delivery"
	headerRepeat    = "Idempotency-Key" // the id of the delivery as well, by the name that receivers know
	headerTimestamp = "Syncline-Timestamp"
	headerSignature = "Syncline-Signature"
)

// webhookBody is what a webhook gets. docs/alarms.md describes it.
type webhookBody struct {
	Version int                    `json:"version"` // 1
	ID      syncline.ID            `json:"id"`      // of the delivery, the same at every attempt
	Kind    syncline.DeliveryKind  `json:"kind"`
	Time    time.Time              `json:"time"`
	Subject string                 `json:"subject"`
	Text    string                 `json:"text"`
	Alarms  []syncline.Notice      `json:"alarms"`
	More    int                    `json:"more"`
	Digest  *syncline.DigestReport `json:"digest,omitempty"`
}

func (n *Network) sendWebhook(ctx context.Context, t target, m Message) error {
	alarms := m.Notices
	if alarms == nil {
		alarms = []syncline.Notice{}
	}
	body, err := json.Marshal(webhookBody{
		Version: 1, ID: m.ID, Kind: m.Kind, Time: m.CreatedAt.UTC(), Subject: m.Subject, Text: m.Text,
		Alarms: alarms, More: m.More, Digest: m.Digest,
	})
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "the message cannot be encoded")
	}
	stamp := strconv.FormatInt(t.now.Unix(), 10)
	return n.post(ctx, t.Settings.URL, body, func(h http.Header) {
		h.Set(headerDelivery, string(m.ID))
		h.Set(headerRepeat, string(m.ID))
		h.Set(headerTimestamp, stamp)
		h.Set(headerSignature, "v1="+sign(t.secret, stamp, body))
	})
}

// sign returns the signature of a body that is sent at a time.
func sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// post sends a JSON body.
func (n *Network) post(ctx context.Context, address string, body []byte, headers func(http.Header)) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "the receiver's address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	headers(req.Header)
	return exchange(client, req)
}

// call sends the request of a heartbeat.
func (n *Network) call(ctx context.Context, address string) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return syncline.Errorf(syncline.CodeInvalid, "the address of the heartbeat cannot be used")
	}
	return exchange(client, req)
}
