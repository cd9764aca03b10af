package api

import (
	"context"

	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// storageKinds tells the tables of the kinds of object storage.
type storageKinds struct{ kinds place.Kinds }

// ListStorageKinds answers GET /v6/StorageKinds.
func (h *storageKinds) ListStorageKinds(context.Context, v6.ListStorageKindsRequestObject) (v6.ListStorageKindsResponseObject, error) {
	answer := v6.ListStorageKinds200JSONResponse{}
	for _, s := range h.kinds.AllStored() {
		answer = append(answer, v6.StorageKind{
			Name: string(s.Kind), AccountType: s.AccountType, StorageType: s.StorageType, Title: s.Title, Help: s.Help, AddressExample: s.Example,
			IsExtension: isExtension(s.Kind), HasBuckets: h.kinds.HasBuckets(s.Kind),
			Methods: convert(s.Methods, methodJSON), Settings: convert(s.Fields, fieldJSON),
		})
	}
	return answer, nil
}

func methodJSON(m place.Method) v6.StorageMethod {
	told := v6.StorageMethod{
		Name: m.Name, Title: m.Title, Help: m.Help, Settings: convert(m.Fields, fieldJSON), Secrets: convert(m.Secrets, fieldJSON),
	}
	if m.UserName.Title != "" {
		user := fieldJSON(m.UserName)
		told.UserName = &user
	}
	return told
}

func fieldJSON(f place.Field) v6.StorageField {
	return v6.StorageField{
		Name: f.Name, Title: f.Title, Help: f.Help, Example: present(f.Example),
		IsRequired: f.Required, IsMultiline: f.Multiline, Choices: presentList(f.Choices),
	}
}
