/*
 * What is said by a session of the load generator, and what it has heard: PW/1, an echo of the same
 * bytes, or MQTT 3.1.1 keep-alive. Knows nothing of why and when.
 */
#include <stdint.h>

#define MAX_LINE 1024
#define MAX_BATCH 1048576
#define SECOND_NS 1000000000ull

enum protocol { PULSEWIRE, ECHO, MQTT };

struct session {
  int fd;
  int number;              /* its place among the sessions */
  int generation;          /* how often it has been opened */
  int open;                /* the greeting has been answered */
  int dead;                /* gives no sign of life any more */
  int silent_turns;        /* sends nothing at so many of its turns */
  int heartbeats_answered; /* since the last message */
  unsigned sent;           /* messages */
  unsigned answered;       /* messages */
  unsigned echoed_lines;   /* echo: two make a message */
  uint64_t sent_ns;        /* when the last message was sent */
  uint64_t ignored_ns;     /* when the first heartbeat came that was left unanswered */
  int held;                /* bytes of an unfinished line */
  char line[MAX_LINE];
};

/* To be set before anything else. */
extern enum protocol protocol;
extern int port, payload_bytes, keep_alive_s;

uint64_t now_ns(void);
_Noreturn void fail(const char *what);

/* The session's id: another one each time that it is opened, and in each process. */
const char *session_id(const struct session *s);
/* Opens a connection, not for the first time perhaps, and sends the greeting. */
void open_session(struct session *s);
/* Says goodbye where the protocol has a word for it. */
void end_session(struct session *s);
/* Sends so many messages in one write. */
void send_messages(struct session *s, int count);
/* Reads what has come, and answers heartbeats; 0 when the server has closed the connection. */
int read_session(struct session *s);
