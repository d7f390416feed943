/*
 * The load generator: one thread, one epoll, any number of sessions with a server on 127.0.0.1.
 * It writes what happens to stdout, each event as a line of JSON, and ends with who started it.
 *
 * Usage: load PORT PROTOCOL SESSIONS MODE
 *
 * PROTOCOL  pulsewire   PW/1
 *           echo        the same bytes, to a server that sends back what it gets
 *           mqtt        MQTT 3.1.1 keep-alive: PINGREQ where the others send data
 *
 * MODE      flood WINDOW SECONDS BYTES   as many messages as it can, WINDOW of them in flight
 *           hold EVERY_MS                each session sends a message every EVERY_MS; 0: none
 *           die KEEP_ALIVE_S             one message in every session, then no sign of life, until the
 *                                        server has closed them all, which is told at the end: a line
 *                                        for each would delay the next; mqtt: with this keep-alive
 *           soak EVERY_MS SEED           as hold, but sessions fall silent, die and break at random
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define MAX_RTTS 4000000
#define OPENING_AT_ONCE 64
#define WARM_UP_NS (SECOND_NS / 2)

static enum { FLOOD, HOLD, DIE, SOAK } mode;
static struct session *all;
static int poller, sessions, ever_opened, opening, closed, window;
static uint64_t every_ns, measure_ns, begin_ns, end_ns, turns, tick_ns, random_state;
static uint64_t messages, answers;
static uint32_t *rtts_ns;
static size_t rtt_count;
static double *dead_after_ms;

/* xorshift64: the same numbers from the same seed, everywhere. */
static unsigned random_below(unsigned limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 32) % limit;
}

static void tell(const struct session *s, const char *event) {
  printf("{\"event\":\"%s\",\"session\":\"%s\"}\n", event, session_id(s));
}

static void start_session(struct session *s) {
  open_session(s);
  opening++;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
  epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event);
}

static void restart_session(struct session *s) {
  if (!s->open) opening--;
  close(s->fd);
  start_session(s);
}

static void message(struct session *s, int count) {
  messages += count;
  send_messages(s, count);
}

/* All sessions are open: the work begins. */
static void begin(void) {
  printf("{\"event\":\"open\",\"sessions\":%d}\n", sessions);
  tick_ns = now_ns() + SECOND_NS;
  begin_ns = now_ns() + (mode == FLOOD ? WARM_UP_NS : 0);
  end_ns = begin_ns + measure_ns;
  for (int i = 0; i < sessions; i++) {
    if (mode == FLOOD) message(&all[i], window);
    if (mode == DIE) message(&all[i], 1);
    all[i].dead = mode == DIE;
  }
}

/* How long the server took to close the connection of a dead session, since its last data. */
static double since_data_ms(const struct session *s) { return (now_ns() - s->sent_ns) / 1e6; }

/* The server has closed the connection of a dead session of a soak: tells how long that took. */
static void bury(const struct session *s) {
  int since_heartbeat = s->heartbeats_answered > 0 && s->ignored_ns > 0;
  double after_ms = since_heartbeat ? (now_ns() - s->ignored_ns) / 1e6 : since_data_ms(s);
  printf("{\"event\":\"dead_closed\",\"session\":\"%s\",\"since\":\"%s\",\"after_ms\":%.3f}\n",
         session_id(s), since_heartbeat ? "heartbeat" : "data", after_ms);
}

/* The server has closed the connections of all: tells how long each took. */
static void tell_deaths(void) {
  printf("{\"event\":\"all_closed\",\"after_ms\":[");
  for (int i = 0; i < sessions; i++) printf("%s%.3f", i > 0 ? "," : "", dead_after_ms[i]);
  printf("]}\n");
}

/* The server has closed a connection: right if the session is dead, wrong otherwise. */
static void closed_by_server(struct session *s) {
  if (!s->dead) tell(s, "live_closed");
  if (mode == SOAK) {
    if (s->dead) bury(s);
    return restart_session(s);
  }
  if (!s->dead) exit(1);
  dead_after_ms[closed++] = since_data_ms(s);
  close(s->fd);
  if (closed < sessions) return;
  tell_deaths();
  exit(0);
}

static void hear(struct session *s) {
  int was_open = s->open;
  unsigned before = s->answered;
  if (!read_session(s)) return closed_by_server(s);
  if (s->open && !was_open) {
    s->sent_ns = now_ns();
    if (--opening == 0 && ever_opened == sessions && begin_ns == 0) begin();
  }
  unsigned count = s->answered - before;
  if (count == 0) return;
  answers += count;
  if (mode != FLOOD) return;
  uint64_t now = now_ns();
  if (window == 1 && now >= begin_ns && rtt_count < MAX_RTTS) rtts_ns[rtt_count++] = now - s->sent_ns;
  if (now < end_ns) message(s, count);
}

/* Decides what a session of a soak does at its turn; true if it sends a message as usual. */
static int fate(struct session *s) {
  if (!s->open || s->dead) return 0;
  if (s->silent_turns > 0) return s->silent_turns-- == 1;
  unsigned draw = random_below(1000);
  if (draw < 10) {
    s->silent_turns = 1 + random_below(30);
    tell(s, "silent");
  } else if (draw < 15) {
    s->dead = 1;
    tell(s, "dies");
  } else if (draw == 15) {
    struct linger reset = {.l_onoff = 1};
    if (random_below(2)) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    tell(s, "breaks");
    restart_session(s);
  } else {
    return 1;
  }
  return 0;
}

/* Gives every due session its turn: one after the other, spread evenly over EVERY_MS. */
static void take_turns(void) {
  uint64_t now = now_ns();
  for (; every_ns > 0 && begin_ns + turns * every_ns / sessions <= now; turns++) {
    struct session *s = &all[turns % sessions];
    if (mode != SOAK || fate(s)) message(s, 1);
  }
  if (now < tick_ns) return;
  printf("{\"event\":\"tick\",\"messages\":%lu,\"answers\":%lu}\n", messages, answers);
  tick_ns += SECOND_NS;
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void print_result(uint64_t count, double seconds, double processor_s) {
  printf("{\"event\":\"result\",\"per_second\":%.1f,\"messages\":%lu,\"busy\":%.3f", count / seconds,
         messages, processor_s / seconds);
  if (rtt_count > 0) {
    qsort(rtts_ns, rtt_count, sizeof *rtts_ns, compare);
    printf(",\"p50_ms\":%.4f,\"p99_ms\":%.4f", rtts_ns[rtt_count / 2] / 1e6,
           rtts_ns[rtt_count * 99 / 100] / 1e6);
  }
  printf("}\n");
}

/* A flood: counts after the warm-up, prints the result, and exits when all is answered. */
static void measure(void) {
  static uint64_t from, from_ns;
  static clock_t processor;
  static int told;
  uint64_t now = now_ns();
  if (from_ns == 0 && now >= begin_ns) {
    from = answers;
    from_ns = now;
    processor = clock();
  }
  if (now < end_ns) return;
  if (!told++) {
    print_result(answers - from, (now - from_ns) / 1e9, (double)(clock() - processor) / CLOCKS_PER_SEC);
  }
  if (answers < messages && now < end_ns + SECOND_NS) return;
  for (int i = 0; i < sessions; i++) end_session(&all[i]);
  exit(0);
}

static void run(void) {
  struct epoll_event events[256];
  for (;;) {
    while (opening < OPENING_AT_ONCE && ever_opened < sessions) start_session(&all[ever_opened++]);
    int count = epoll_wait(poller, events, 256, begin_ns > 0 && every_ns > 0 ? 1 : 100);
    for (int i = 0; i < count; i++) hear(events[i].data.ptr);
    if (begin_ns == 0) continue;
    if (mode == FLOOD) measure();
    else take_turns();
  }
}

static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: see the head of load.c\n"), 2;
  port = atoi(argv[1]);
  protocol = is(argv[2], "echo") ? ECHO : is(argv[2], "mqtt") ? MQTT : PULSEWIRE;
  sessions = atoi(argv[3]);
  mode = is(argv[4], "flood") ? FLOOD : is(argv[4], "die") ? DIE : is(argv[4], "soak") ? SOAK : HOLD;
  const double first = argc > 5 ? atof(argv[5]) : 0, second = argc > 6 ? atof(argv[6]) : 0;
  window = first;
  measure_ns = second * SECOND_NS;
  payload_bytes = argc > 7 ? atoi(argv[7]) : 32;
  if (mode == HOLD || mode == SOAK) every_ns = first * 1e6;
  if (mode == DIE) keep_alive_s = first;
  random_state = second + 1;
  if (mode == FLOOD && (long)window * (payload_bytes + 32) > MAX_BATCH) fail("WINDOW");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  setvbuf(stdout, NULL, _IOLBF, 0);
  rtts_ns = malloc(MAX_RTTS * sizeof *rtts_ns);
  dead_after_ms = calloc(sessions, sizeof *dead_after_ms);
  all = calloc(sessions, sizeof *all);
  for (int i = 0; i < sessions; i++) all[i].number = i;
  poller = epoll_create1(0);
  run();
}
