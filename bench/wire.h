/*
 * The wire formats of the load generator: PW/1, an echo of the same bytes, or MQTT 3.1.1 keep-alive.
 */
#include <stdint.h>

#define MAX_LINE 1024
#define MAX_BATCH 1048576
#define SECOND_NS 1000000000ull

enum protocol { PULSEWIRE, ECHO, MQTT };

struct session {
  int fd;
  int number;              /* its index among the sessions */
  int generation;          /* how often it has been opened */
  int open;                /* the greeting has been answered */
  int dead;                /* sends nothing any more */
  int silent_turns;        /* how many turns it skips */
  int heartbeats_answered; /* since the last message */
  unsigned sent;           /* messages */
  unsigned answered;       /* messages */
  unsigned echoed_lines;   /* echo: two make a message */
  uint64_t sent_ns;        /* when the last message was sent */
  uint64_t ignored_ns;     /* when the first unanswered heartbeat came */
  int held;                /* bytes of an unfinished line */
  char line[MAX_LINE];
};

/* Set these first. */
extern enum protocol protocol;
extern int port, payload_bytes, keep_alive_s;

uint64_t now_ns(void);
_Noreturn void fail(const char *what);

/* The session's id, unique to each opening and each process. */
const char *session_id(const struct session *s);
/* Opens a connection, or reopens it, and sends the greeting. */
void open_session(struct session *s);
/* Sends the protocol's closing message, if it has one. */
void end_session(struct session *s);
/* Sends so many messages in one write. */
void send_messages(struct session *s, int count);
/* Reads, and answers heartbeats; 0 when the server has closed the connection. */
int read_session(struct session *s);
