package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"
)

// client is what every line sends and expects.
type client struct {
	host    string
	request []byte
	events  int
}

func newClient(address string, extra headers, body []byte, events int) (*client, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: loadgen/1\r\n", target.RequestURI(), target.Host)
	for _, header := range extra {
		request = fmt.Appendf(request, "%s\r\n", header)
	}
	request = fmt.Appendf(request, "Content-Length: %d\r\n\r\n", len(body))
	return &client{host: target.Host, request: append(request, body...), events: events}, nil
}

// exchange is one request with its answer. Times in milliseconds since the request was written: to the first byte of the body, and in all.
type exchange struct {
	first, total float64
	events       int
}

// line is one keep-alive connection, made when it is needed.
type line struct {
	client     *client
	connection net.Conn
	reader     *bufio.Reader
	buffer     []byte
}

func (l *line) hangUp() {
	if l.connection != nil {
		l.connection.Close()
		l.connection = nil
	}
}

func (l *line) exchange() (exchange, error) {
	if l.connection == nil {
		connection, err := net.DialTimeout("tcp", l.client.host, 5*time.Second)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			return exchange{}, err
		}
		l.connection, l.reader = connection, bufio.NewReaderSize(connection, 32768)
	}
	answered, last, err := l.ask()
	if err != nil || last {
		l.hangUp()
	}
	return answered, err
}

// ask sends the request and reads its answer; last tells that the server closes the connection.
func (l *line) ask() (done exchange, last bool, err error) {
	begun := time.Now()
	if err = l.connection.SetDeadline(begun.Add(30 * time.Second)); err != nil {
		return
	}
	if _, err = l.connection.Write(l.client.request); err != nil {
		return
	}
	status, length, last, err := l.head()
	if err != nil {
		return
	}
	seen := reading{keep: status != 200}
	err = l.body(length, func(part []byte) {
		if done.first == 0 {
			done.first = milliseconds(begun)
		}
		seen.add(part)
	})
	if err != nil {
		return
	}
	done.total = milliseconds(begun)
	done.events = seen.events
	switch {
	case status != 200:
		err = fmt.Errorf("status %d: %.600s", status, seen.kept)
	case !seen.usage:
		err = fmt.Errorf("an answer without usage")
	case l.client.events > 0 && (seen.events < l.client.events || !seen.done):
		err = fmt.Errorf("a stream with %d of %d events, [DONE]: %t", seen.events, l.client.events, seen.done)
	}
	return
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1e6 }

const (
	chunked   = -1
	untilEnds = -2
)

func (l *line) head() (status, length int, last bool, err error) {
	first, err := l.reader.ReadSlice('\n')
	if err != nil {
		return
	}
	if len(first) > 12 {
		status, _ = strconv.Atoi(string(first[9:12]))
	}
	length = untilEnds
	for {
		var header []byte
		if header, err = l.reader.ReadSlice('\n'); err != nil || len(header) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(header, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			length, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			length = chunked
		case bytes.EqualFold(name, []byte("connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	return status, length, last || length == untilEnds, err
}

func (l *line) body(length int, take func([]byte)) error {
	switch length {
	case untilEnds:
		whole, err := io.ReadAll(l.reader)
		take(whole)
		return err
	case chunked:
		for {
			text, err := l.reader.ReadSlice('\n')
			if err != nil {
				return err
			}
			size, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 16, 31)
			if err != nil {
				return err
			}
			part, err := l.read(int(size) + 2)
			if err != nil || size == 0 {
				return err
			}
			take(part[:size])
		}
	default:
		part, err := l.read(length)
		if err == nil {
			take(part)
		}
		return err
	}
}

func (l *line) read(size int) ([]byte, error) {
	if cap(l.buffer) < size {
		l.buffer = make([]byte, size)
	}
	_, err := io.ReadFull(l.reader, l.buffer[:size])
	return l.buffer[:size], err
}

var (
	eventStart = []byte("data: {")
	usageField = []byte(`"usage"`)
	streamEnd  = []byte("data: [DONE]")
)

// reading counts what is in an answer, also where it is cut in the middle of a mark.
type reading struct {
	keep        bool
	kept, tail  []byte
	events      int
	usage, done bool
}

func (r *reading) add(part []byte) {
	if r.keep {
		r.kept = append(r.kept, part...)
	}
	// a mark that is whole in the tail was counted with it
	text := append(r.tail, part...)
	r.events += bytes.Count(text, eventStart) - bytes.Count(r.tail, eventStart)
	r.usage = r.usage || bytes.Contains(text, usageField)
	r.done = r.done || bytes.Contains(text, streamEnd)
	r.tail = append(r.tail[:0], text[max(0, len(text)-len(streamEnd)+1):]...)
}
