package main

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/secret"
)

func TestAmazonEndpoints(t *testing.T) {
	c := &clouds{denyPrivate: true, ca: []byte("ca")}
	by := api.Access{Account: syncline.Account{UserName: "AKIA"}, Secret: secret.NewString("secret")}
	for want, s := range map[string]syncline.ObjectStorage{
		"s3.amazonaws.com":                   {Kind: syncline.KindS3, Cloud: syncline.CloudGlobal, Region: "eu-central-1"},
		"s3.cn-north-1.amazonaws.com.cn":     {Kind: syncline.KindS3, Cloud: syncline.CloudChina},
		"s3.cn-northwest-1.amazonaws.com.cn": {Kind: syncline.KindS3, Cloud: syncline.CloudChina, Region: "cn-northwest-1"},
		"s3.us-gov-west-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment},
		"s3.us-gov-east-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment, Region: "us-gov-east-1"},
		"http://host:9000":                   {Kind: syncline.KindS3Compatible, Endpoint: "http://host:9000"},
	} {
		s.Bucket, s.Folder = "bucket", "folder"
		got := c.s3Config(s, by)
		if got.Endpoint != want || got.Region != s.Region || got.Bucket != "bucket" || got.Prefix != "folder" {
			t.Errorf("%+v: got %+v", s, got)
		}
		if got.AccessKey != "AKIA" || got.SecretKey != "secret" || !got.DenyPrivate || string(got.CA) != "ca" {
			t.Errorf("got %+v", got)
		}
		if got.UseProfile || got.InstanceRole || got.Profile != "" {
			t.Error("what the server's own user may do is used for somebody else")
		}
	}
}

func TestAzureEndpoints(t *testing.T) {
	c := &clouds{denyPrivate: true}
	for world, suffix := range map[syncline.Cloud]string{
		syncline.CloudGlobal: "core.windows.net", syncline.CloudChina: "core.chinacloudapi.cn",
		syncline.CloudGermany: "core.cloudapi.de", syncline.CloudGovernment: "core.usgovcloudapi.net",
	} {
		for text, sas := range map[string]bool{"a2V5": false, "?sv=1&sig=x": true, "sv=1&sig=x": true} {
			by := api.Access{Account: syncline.Account{UserName: "account"}, Secret: secret.NewString(text)}
			got, err := c.azureConfig(syncline.ObjectStorage{Kind: syncline.KindAzure, Cloud: world, Bucket: "c", Folder: "f"}, by)
			if err != nil || got.EndpointSuffix != suffix || got.Account != "account" || !got.DenyPrivate || got.Container != "c" || got.Prefix != "f" {
				t.Errorf("got %+v, %v", got, err)
			}
			if (got.SAS == text) != sas || (got.Key == text) == sas {
				t.Errorf("%q was taken for something else: %+v", text, got)
			}
		}
	}
}

// TestUnknownKind is what a database of a later version may hold.
func TestUnknownKind(t *testing.T) {
	_, err := (&clouds{}).place(t.Context(), api.Place{Storage: syncline.ObjectStorage{Kind: "swift"}})
	if syncline.CodeOf(err) != syncline.CodeUnsupported {
		t.Errorf("got %v", err)
	}
}
