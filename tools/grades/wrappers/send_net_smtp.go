// Send with net/smtp of Go, as its example shows: Mail, Rcpt, Data.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	err := send()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 400 && reply.Code < 500 {
		os.Exit(75)
	}
	os.Exit(1)
}

func send() error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if user := os.Getenv("SMTP_USERNAME"); user != "" {
		auth := smtp.PlainAuth("", user, os.Getenv("SMTP_PASSWORD"), os.Getenv("SMTP_HOST"))
		if err := client.Auth(auth); err != nil {
			return err
		}
	}
	for _, file := range strings.Fields(os.Getenv("SMTP_MESSAGES")) {
		if err := sendFile(client, file); err != nil {
			return err
		}
	}
	return client.Quit()
}

func connect() (*smtp.Client, error) {
	host := os.Getenv("SMTP_HOST")
	address := net.JoinHostPort(host, os.Getenv("SMTP_PORT"))
	seconds, err := strconv.ParseFloat(os.Getenv("SMTP_TIMEOUT"), 64)
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(seconds * float64(time.Second))
	config := &tls.Config{ServerName: host, RootCAs: x509.NewCertPool()}
	security := os.Getenv("SMTP_SECURITY")
	if security != "none" {
		pem, err := os.ReadFile(os.Getenv("SMTP_CA_FILE"))
		if err != nil {
			return nil, err
		}
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	conn, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	if security == "implicit" {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, err
	}
	if security == "starttls" {
		if err := client.StartTLS(config); err != nil {
			return nil, err
		}
	}
	return client, nil
}

func sendFile(client *smtp.Client, file string) error {
	message, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := client.Mail(os.Getenv("SMTP_SENDER")); err != nil {
		return err
	}
	for _, recipient := range strings.Fields(os.Getenv("SMTP_RECIPIENTS")) {
		if err := client.Rcpt(recipient); err != nil {
			return err
		}
	}
	writer, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := writer.Write(message); err != nil {
		return err
	}
	return writer.Close()
}
