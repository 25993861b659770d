// Channels: go run client.go HOST PORT NAME CHANNEL; each line of standard input is a message
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
)

const frameBytes = 200

func say(connection net.Conn, text string) {
	if len(text) > frameBytes {
		log.Fatalf("a message has at most %d bytes", frameBytes)
	}
	io.WriteString(connection, text+strings.Repeat(" ", frameBytes-len(text)))
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("expected HOST PORT NAME CHANNEL")
	}
	connection, err := net.Dial("tcp", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	// if it exists, the answer says so, and nothing changes
	for _, text := range []string{os.Args[3], "/create " + os.Args[4], "/join " + os.Args[4]} {
		say(connection, text)
	}
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			say(connection, lines.Text())
		}
		connection.(*net.TCPConn).CloseWrite()
	}()
	for frame := make([]byte, frameBytes); ; {
		if _, err := io.ReadFull(connection, frame); err != nil {
			return
		}
		fmt.Println(strings.TrimRight(string(frame), "\x00 \t\r\n\v\f"))
	}
}
