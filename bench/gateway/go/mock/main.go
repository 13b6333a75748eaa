// mock is an OpenAI-compatible upstream that costs next to nothing, so that what is measured is the gateway before it.
// Marks in the request's body steer it, because they pass through any gateway:
//
//	"stream":true   server-sent events: 64 pieces of content, then the finish, the usage and [DONE]
//	@@chunks=N@@    N pieces instead
//	@@delay=MS@@    that long between two pieces
//	@@wait=MS@@     that long before the answer
//
// It ends when its standard input does: it does not outlive the program that started it.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const id = `"id":"chatcmpl-mock0123456789","created":1700000000,"model":"mock"`

var (
	answer  = jsonAnswer(`{` + id + `,"object":"chat.completion","system_fingerprint":"fp_mock","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("The parcel left the warehouse this morning. ", 12) + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":42,"completion_tokens":120,"total_tokens":162,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`)
	models  = jsonAnswer(`{"object":"list","data":[{"id":"mock","object":"model","created":1700000000,"owned_by":"mock"}]}`)
	healthy = jsonAnswer(`{"status":"ok"}`)

	opening = append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"), piece(`{"role":"assistant","content":""}`, "null")...)
	token   = piece(`{"content":" token"}`, "null")
	closing = bytes.Join([][]byte{
		piece(`{}`, `"stop"`),
		chunk(`data: {` + id + `,"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":42,"completion_tokens":64,"total_tokens":106}}` + "\n\n"),
		chunk("data: [DONE]\n\n"),
		[]byte("0\r\n\r\n"),
	}, nil)
)

func jsonAnswer(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func chunk(text string) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text) }

func piece(delta, finish string) []byte {
	return chunk(`data: {` + id + `,"object":"chat.completion.chunk","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}` + "\n\n")
}

// mark reads the number after `@@name=`, or answers the fallback.
func mark(body []byte, name string, fallback int) int {
	_, after, found := bytes.Cut(body, []byte("@@"+name+"="))
	if !found {
		return fallback
	}
	digits, _, _ := bytes.Cut(after, []byte("@@"))
	value, err := strconv.Atoi(string(digits))
	if err != nil {
		return fallback
	}
	return value
}

type request struct {
	method, path string
	body         []byte
	close        bool
}

// read takes one request off the connection; the body is valid until the next call with the same buffer.
func read(reader *bufio.Reader, writer io.Writer, buffer *[]byte) (request, error) {
	var asked request
	line, err := reader.ReadString('\n')
	if err != nil {
		return asked, err
	}
	asked.method, line, _ = strings.Cut(line, " ")
	asked.path, _, _ = strings.Cut(line, " ")
	length, chunked := 0, false
	for {
		header, err := reader.ReadSlice('\n')
		if err != nil {
			return asked, err
		}
		if len(header) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(header, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			length, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("connection")):
			asked.close = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("expect")):
			if _, err := io.WriteString(writer, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return asked, err
			}
		}
	}
	if chunked {
		asked.body, err = readChunks(reader, (*buffer)[:0])
	} else {
		if cap(*buffer) < length {
			*buffer = make([]byte, length)
		}
		asked.body = (*buffer)[:length]
		_, err = io.ReadFull(reader, asked.body)
	}
	return asked, err
}

func readChunks(reader *bufio.Reader, body []byte) ([]byte, error) {
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return body, err
		}
		size, err := strconv.ParseUint(strings.TrimSpace(line), 16, 32)
		if err != nil {
			return body, err
		}
		from := len(body)
		body = append(body, make([]byte, size+2)...)
		if _, err := io.ReadFull(reader, body[from:]); err != nil {
			return body, err
		}
		body = body[:from+int(size)]
		if size == 0 {
			return body, nil
		}
	}
}

func stream(connection net.Conn, body []byte) error {
	pieces := mark(body, "chunks", 64)
	delay := time.Duration(mark(body, "delay", 0)) * time.Millisecond
	if _, err := connection.Write(opening); err != nil {
		return err
	}
	next := time.Now()
	for range pieces - 1 {
		if delay > 0 {
			next = next.Add(delay)
			time.Sleep(time.Until(next))
		}
		if _, err := connection.Write(token); err != nil {
			return err
		}
	}
	_, err := connection.Write(closing)
	return err
}

func respond(connection net.Conn, asked request) error {
	if asked.method == "POST" {
		time.Sleep(time.Duration(mark(asked.body, "wait", 0)) * time.Millisecond)
		if bytes.Contains(asked.body, []byte(`"stream":true`)) || bytes.Contains(asked.body, []byte(`"stream": true`)) {
			return stream(connection, asked.body)
		}
		_, err := connection.Write(answer)
		return err
	}
	if strings.HasSuffix(asked.path, "/models") {
		_, err := connection.Write(models)
		return err
	}
	_, err := connection.Write(healthy)
	return err
}

func serve(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 16384)
	var buffer []byte
	for {
		asked, err := read(reader, connection, &buffer)
		if err != nil || respond(connection, asked) != nil || asked.close {
			return
		}
	}
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen; port 0 takes a free one")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("mock is ready at http://%s\n", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection)
	}
}
