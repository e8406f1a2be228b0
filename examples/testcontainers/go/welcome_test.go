// Package mail tests the mails of an application, caught in a container:
// go get github.com/testcontainers/testcontainers-go && go test ./...
package mail

import (
	"context"
	"encoding/json"
	"net/http"
	"net/smtp"
	"net/url"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	smtpPort = "1025/tcp"
	httpPort = "8025/tcp"
)

// signup is your application.
func signup(smtpAddress, address string) error {
	message := []byte("To: " + address + "\r\nSubject: Welcome\r\n\r\nYour code is 123456\r\n")
	return smtp.SendMail(smtpAddress, nil, "app@example.com", []string{address}, message)
}

func TestWelcome(t *testing.T) {
	ctx := context.Background()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        "smtptest",
			Env:          map[string]string{"SMTPTEST_SERVE_DATABASE": "memory:"},
			ExposedPorts: []string{smtpPort, httpPort},
			WaitingFor:   wait.ForHTTP("/readyz").WithPort(httpPort),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, container)
	if err != nil {
		t.Fatal(err)
	}
	smtpAddress, err := container.PortEndpoint(ctx, smtpPort, "")
	if err != nil {
		t.Fatal(err)
	}
	api, err := container.PortEndpoint(ctx, httpPort, "http")
	if err != nil {
		t.Fatal(err)
	}

	if err := signup(smtpAddress, "ann@example.com"); err != nil {
		t.Fatal(err)
	}

	// The server answers when the mail is there, or with 404 after 10 seconds and the reason.
	query := url.Values{"query": {"to:=ann@example.com"}, "timeout": {"10"}}
	response, err := http.Get(api + "/api/v1/wait?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found struct {
		Messages []struct{ Subject string } `json:"messages"`
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || found.Messages[0].Subject != "Welcome" {
		t.Errorf("got %s with %v", response.Status, found)
	}
}
