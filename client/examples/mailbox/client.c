/* Mailbox: ./client HOST PORT send ME TO TEXT, or ./client HOST PORT receive ME */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *to;
  if (argc < 5 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) return 2;
  int s = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
  if (s < 0 || connect(s, to->ai_addr, to->ai_addrlen) < 0) return 1;
  char buffer[65536];
  if (argc == 7 && strcmp(argv[3], "send") == 0) {
    /* nothing answers this: what must arrive is sent with `wirepost send`, or through a session */
    int n = snprintf(buffer, sizeof buffer, "F, %s, %s, %s", argv[5], argv[4], argv[6]);
    return send(s, buffer, n, 0) == n ? 0 : 1;
  }
  struct timeval five_seconds = {.tv_sec = 5};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &five_seconds, sizeof five_seconds);
  int n = snprintf(buffer, sizeof buffer, "R, %s", argv[4]);
  if (send(s, buffer, n, 0) != n || (n = recv(s, buffer, sizeof buffer - 1, 0)) < 0) return 1;
  buffer[n] = 0;
  if (strcmp(buffer, "X") == 0) return 3;
  /* N, TIME, SENDER, TEXT */
  char *sender = strstr(buffer + 3, ", "), *text = sender ? strstr(sender + 2, ", ") : NULL;
  if (text == NULL) return 1;
  printf("%.*s: %s\n", (int)(text - sender - 2), sender + 2, text + 2);
  return 0;
}
