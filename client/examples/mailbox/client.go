// Mailbox: go run client.go HOST PORT send ME TO TEXT, or go run client.go HOST PORT receive ME
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 5 {
		log.Fatal("expected HOST PORT send ME TO TEXT, or HOST PORT receive ME")
	}
	socket, err := net.Dial("udp", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	me := os.Args[4]
	if os.Args[3] == "send" && len(os.Args) == 7 {
		// nothing answers this: what must arrive is sent with `wirepost send`, or through a session
		fmt.Fprintf(socket, "F, %s, %s, %s", os.Args[5], me, os.Args[6])
		return
	}
	socket.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(socket, "R, %s", me)
	buffer := make([]byte, 65536)
	n, err := socket.Read(buffer)
	if err != nil {
		log.Fatal(err)
	}
	fields := strings.SplitN(strings.TrimRight(string(buffer[:n]), "\x00\r\n"), ", ", 4)
	if fields[0] == "X" {
		os.Exit(3)
	}
	fmt.Printf("%s: %s\n", fields[2], fields[3])
}
