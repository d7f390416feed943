#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_READ 65536

enum protocol protocol;
int port, payload_bytes, keep_alive_s = 65535;

void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND_NS + time.tv_nsec;
}

/* Writes all; waits for a server that does not read. */
static void send_bytes(struct session *s, const char *bytes, ssize_t length) {
  while (length > 0) {
    ssize_t written = send(s->fd, bytes, length, MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd room = {.fd = s->fd, .events = POLLOUT};
      poll(&room, 1, -1);
    } else if (written < 0) {
      return; /* The server has closed the connection: the next read reports that. */
    } else {
      bytes += written;
      length -= written;
    }
  }
}

const char *session_id(const struct session *s) {
  static char id[64];
  sprintf(id, "load%d-%d-%d", getpid(), s->number, s->generation);
  return id;
}

void open_session(struct session *s) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  *s = (struct session){.number = s->number, .generation = s->generation + 1};
  if ((s->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("socket");
  if (connect(s->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(s->fd, F_SETFL, O_NONBLOCK);
  char hello[128];
  if (protocol == MQTT) {
    /* CONNECT: MQTT 3.1.1, clean session, keep-alive (the longest, if not set), client id of 12 bytes. */
    memcpy(hello, "\x10\x18\0\x04MQTT\x04\x02\xff\xff\0\x0c", 14);
    hello[10] = keep_alive_s >> 8;
    hello[11] = keep_alive_s;
    send_bytes(s, hello, 14 + sprintf(hello + 14, "load-%07d", s->number));
  } else {
    send_bytes(s, hello, sprintf(hello, "HELLO 1 %s {}\n", session_id(s)));
  }
}

void end_session(struct session *s) {
  if (protocol == PULSEWIRE) send_bytes(s, "TERMINATE done\n", 15);
  if (protocol == MQTT) send_bytes(s, "\xe0", 2);
}

static char *put_number(char *to, unsigned number) {
  char digits[10];
  int count = 0;
  do digits[count++] = '0' + number % 10;
  while (number /= 10);
  while (count > 0) *to++ = digits[--count];
  return to;
}

static char *put_message(char *to, unsigned number) {
  if (protocol == MQTT) return (char *)memcpy(to, "\xc0", 2) + 2;
  to = put_number((char *)memcpy(to, "DATA ", 5) + 5, number);
  *to++ = ' ';
  to = put_number(to, payload_bytes);
  *to++ = '\n';
  to = (char *)memset(to, 'x', payload_bytes) + payload_bytes;
  *to++ = '\n';
  return to;
}

void send_messages(struct session *s, int count) {
  static char batch[MAX_BATCH];
  char *end = batch;
  for (int i = 0; i < count; i++) end = put_message(end, ++s->sent);
  s->heartbeats_answered = 0;
  s->sent_ns = now_ns();
  send_bytes(s, batch, end - batch);
}

static void hear_heartbeat(struct session *s, const char *line, int length) {
  char reply[MAX_LINE + 8];
  if (s->dead) {
    if (s->ignored_ns == 0) s->ignored_ns = now_ns();
  } else {
    s->heartbeats_answered++;
    send_bytes(s, reply, sprintf(reply, "HEARTBEAT_REPLY%.*s\n", length - 9, line + 9));
  }
}

static void hear_line(struct session *s, const char *line, int length) {
  if (protocol == ECHO && s->open) s->answered = ++s->echoed_lines / 2;
  else if (protocol == ECHO) s->open = 1;
  else if (memcmp(line, "CONFIRM ", 8) == 0) s->answered = strtoul(line + 8, NULL, 10);
  else if (memcmp(line, "HEARTBEAT ", 10) == 0) hear_heartbeat(s, line, length);
  else if (memcmp(line, "WELCOME ", 8) == 0) s->open = 1;
  else if (!s->dead) fprintf(stderr, "load: session %d: %.*s\n", s->number, length, line);
}

int read_session(struct session *s) {
  static char bytes[MAX_LINE + MAX_READ];
  memcpy(bytes, s->line, s->held);
  ssize_t count = read(s->fd, bytes + s->held, MAX_READ);
  if (count < 0 && errno == EAGAIN) return 1;
  if (count <= 0) return 0;
  if (protocol == MQTT) {
    /* CONNACK is four bytes, PINGRESP two; loopback splits neither. */
    if (s->open) s->answered += count / 2;
    s->open = s->open || (count == 4 && bytes[3] == 0);
    return 1;
  }
  const char *line = bytes, *stop = bytes + s->held + count;
  for (const char *end; (end = memchr(line, '\n', stop - line)) != NULL; line = end + 1) {
    hear_line(s, line, end - line);
  }
  s->held = stop - line;
  memcpy(s->line, line, s->held);
  return 1;
}
