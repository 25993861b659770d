/* Room: ./client HOST PORT; each line of standard input goes to all others */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *to;
  if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) return 2;
  int s = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
  if (s < 0 || connect(s, to->ai_addr, to->ai_addrlen) < 0) return 1;
  struct pollfd fds[2] = {{.fd = s, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  char buffer[4096];
  while (poll(fds, 2, -1) > 0) {
    int from = fds[0].revents ? s : 0;
    ssize_t n = read(from, buffer, sizeof buffer);
    if (n <= 0 && from == s) return 0;
    if (n <= 0) {
      shutdown(s, SHUT_WR);
      fds[1].fd = -1;
    } else if (from == s) {
      /* a carriage return in front is for terminals: the line replaces what is being typed */
      for (ssize_t i = 0; i < n; i++) if (buffer[i] != '\r') putchar(buffer[i]);
      fflush(stdout);
    } else if (send(s, buffer, n, MSG_NOSIGNAL) != n) return 1;
  }
  return 1;
}
