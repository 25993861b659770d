/* Channels: ./client HOST PORT NAME CHANNEL; each line of standard input is a message */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME = 200 };

static int say(int s, const char *word, const char *text) {
  char frame[2 * FRAME];
  int n = snprintf(frame, sizeof frame, "%s%s", word, text);
  if (n > FRAME) return fprintf(stderr, "a message has at most %d bytes\n", FRAME), -1;
  memset(frame + n, ' ', FRAME - n);
  return send(s, frame, FRAME, MSG_NOSIGNAL) == FRAME ? 0 : -1;
}

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *to;
  if (argc != 5 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) return 2;
  int s = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
  if (s < 0 || connect(s, to->ai_addr, to->ai_addrlen) < 0) return 1;
  /* if it exists, the answer says so, and nothing changes */
  if (say(s, "", argv[3]) || say(s, "/create ", argv[4]) || say(s, "/join ", argv[4])) return 1;
  setvbuf(stdin, NULL, _IONBF, 0); /* poll sees what stdio has not read yet */
  struct pollfd fds[2] = {{.fd = s, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  for (char frame[FRAME], line[4096]; poll(fds, 2, -1) > 0;) {
    if (fds[0].revents) {
      if (recv(s, frame, FRAME, MSG_WAITALL) < FRAME) return 0;
      int n = FRAME;
      while (n > 0 && strchr(" \t\r\n\v\f", frame[n - 1])) n--; /* finds the NUL too */
      printf("%.*s\n", n, frame);
      fflush(stdout);
    } else if (fds[1].revents) {
      if (fgets(line, sizeof line, stdin) == NULL) {
        shutdown(s, SHUT_WR);
        fds[1].fd = -1;
      } else if (line[strcspn(line, "\n")] = 0, say(s, "", line)) return 1;
    }
  }
  return 1;
}
