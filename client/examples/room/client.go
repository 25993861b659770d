// Room: go run client.go HOST PORT; each line of standard input goes to all others
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

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("expected HOST PORT")
	}
	connection, err := net.Dial("tcp", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		io.Copy(connection, os.Stdin)
		connection.(*net.TCPConn).CloseWrite()
	}()
	for lines := bufio.NewScanner(connection); lines.Scan(); {
		// a carriage return in front is for terminals: the line replaces what is being typed
		fmt.Println(strings.Trim(lines.Text(), "\r"))
	}
}
