// Run go-smtp, which reads each mail and discards it: serve_go_smtp PORT.
package main

import (
	"io"
	"log"
	"os"
	"time"

	"github.com/emersion/go-smtp"
)

type backend struct{}

func (backend) Login(*smtp.ConnectionState, string, string) (smtp.Session, error) {
	return nil, smtp.ErrAuthUnsupported
}

func (backend) AnonymousLogin(*smtp.ConnectionState) (smtp.Session, error) {
	return session{}, nil
}

type session struct{}

func (session) Reset()                              {}
func (session) Logout() error                       { return nil }
func (session) Mail(string, smtp.MailOptions) error { return nil }
func (session) Rcpt(string) error                   { return nil }

func (session) Data(content io.Reader) error {
	_, err := io.Copy(io.Discard, content)
	return err
}

func main() {
	server := smtp.NewServer(backend{})
	server.Addr = "127.0.0.1:" + os.Args[1]
	server.Domain = "localhost"
	server.AuthDisabled = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.ReadTimeout = 5 * time.Minute
	server.WriteTimeout = 5 * time.Minute
	log.Fatal(server.ListenAndServe())
}
