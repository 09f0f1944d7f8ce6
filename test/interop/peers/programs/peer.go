// The peer "go": takes orders as peers/program.ts tells, and talks through crypto/tls.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

type order map[string]string

func (o order) number(key string) int { n, _ := strconv.Atoi(o[key]); return n }

const chunk = 16384

var (
	groups = map[string]tls.CurveID{
		"x25519": tls.X25519, "secp256r1": tls.CurveP256, "secp384r1": tls.CurveP384, "secp521r1": tls.CurveP521,
	}
	groupNames = map[tls.CurveID]string{
		tls.X25519: "X25519", tls.CurveP256: "P-256", tls.CurveP384: "P-384", tls.CurveP521: "P-521",
	}
	versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

	output    sync.Mutex
	listeners sync.Map
)

func say(id, word, text string) {
	output.Lock()
	defer output.Unlock()
	fmt.Println(id, word, strings.ReplaceAll(text, "\n", " "))
}

func config(o order) (*tls.Config, error) {
	pem, err := os.ReadFile(o["ca"])
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &tls.Config{
		MinVersion: versions[o["version"]], MaxVersion: versions[o["version"]],
		RootCAs: roots, ClientCAs: roots, ServerName: "localhost",
	}
	if o["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(o["cert"], o["key"])
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.Name == o["suite"] {
			c.CipherSuites = []uint16{suite.ID}
		}
	}
	if o["groups"] != "" {
		for _, name := range strings.Split(o["groups"], ",") {
			c.CurvePreferences = append(c.CurvePreferences, groups[name])
		}
	}
	if o["alpn"] != "" {
		c.NextProtos = []string{o["alpn"]}
	}
	if o["clientauth"] != "" {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// finish ends the conversation: nothing but a close_notify may come, and one is sent.
func finish(c *tls.Conn, weClose bool) error {
	if weClose {
		if err := c.CloseWrite(); err != nil {
			return err
		}
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 {
		return errors.New("bytes after the payload")
	} else if err != io.EOF { // a missing close_notify reads as io.ErrUnexpectedEOF
		return fmt.Errorf("at the end: %w", err)
	}
	return c.Close()
}

func report(id string, c *tls.Conn, o order, count int) {
	s := c.ConnectionState()
	seen := []string{
		"suite=" + tls.CipherSuiteName(s.CipherSuite), "clean=1", fmt.Sprint("bytes=", count),
		"version=" + map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}[s.Version],
		"resumed=" + map[bool]string{true: "1", false: "0"}[s.DidResume],
	}
	if o["alpn"] != "" {
		seen = append(seen, "alpn="+s.NegotiatedProtocol)
	}
	if name, known := groupNames[s.CurveID]; known {
		seen = append(seen, "group="+name)
	}
	if len(s.PeerCertificates) > 0 {
		seen = append(seen, "peerCertificate="+s.PeerCertificates[0].Subject.CommonName)
	}
	say(id, "report", strings.Join(seen, " "))
}

func echo(id string, c *tls.Conn, o order) error {
	defer c.NetConn().Close()
	buffer := make([]byte, chunk)
	received := 0
	for received < o.number("bytes") {
		n, err := c.Read(buffer)
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", received, err)
		}
		received += n
		if _, err := c.Write(buffer[:n]); err != nil {
			return err
		}
	}
	if err := finish(c, o["closes"] == "server"); err != nil {
		return err
	}
	report(id, c, o, received)
	return nil
}

func serve(id string, o order) error {
	c, err := config(o)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		return err
	}
	listeners.Store(id, listener)
	say(id, "port", fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil // stopped
		}
		if err := echo(id, conn.(*tls.Conn), o); err != nil {
			say(id, "error", err.Error())
		}
	}
}

func connect(id string, o order) error {
	config, err := config(o)
	if err != nil {
		return err
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	payload, err := os.ReadFile(o["payload"])
	if err != nil {
		return err
	}
	back := make([]byte, chunk)
	for i := 1; i <= o.number("connections"); i++ {
		c, err := tls.Dial("tcp", "127.0.0.1:"+o["port"], config)
		if err != nil {
			return err
		}
		defer c.NetConn().Close()
		for at := 0; at < len(payload); at += chunk {
			part := payload[at:min(at+chunk, len(payload))]
			if _, err := c.Write(part); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, back[:len(part)]); err != nil {
				return fmt.Errorf("after %d bytes: %w", at, err)
			}
			if !bytes.Equal(back[:len(part)], part) {
				return fmt.Errorf("bytes from %d on came back changed", at)
			}
		}
		if err := finish(c, o["closes"] == "client"); err != nil {
			return err
		}
		if i == o.number("connections") {
			report(id, c, o, len(payload))
		}
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		id, verb, o := words[0], words[1], order{}
		for _, word := range words[2:] {
			key, value, _ := strings.Cut(word, "=")
			o[key] = value
		}
		work := map[string]func(string, order) error{"serve": serve, "connect": connect}[verb]
		if work == nil {
			if listener, found := listeners.LoadAndDelete(id); found {
				listener.(net.Listener).Close()
			}
			continue
		}
		go func() {
			if err := work(id, o); err != nil {
				say(id, "error", err.Error())
			}
		}()
	}
}
