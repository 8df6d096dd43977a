/*
 * The stand-in's client library: exports the MQI as IBM's libmqm_r does, so that the unmodified npm package `ibmmq` loads it,
 * and carries every call to the stand-in queue manager over the Unix socket $TIDEMARK_MQ_SOCKET. One socket is one
 * connection handle, so a client that dies is a socket that closes, and its unit of work is backed out.
 *
 * Request, integers little-endian: length of what follows, operation, eight arguments, MQMD version 2, payload.
 * Answer: length of what follows, completion code, reason, six results, MQMD version 2, payload. See wire.ts.
 * Compiled against the headers in the `ibmmq` package; nothing of them is copied here.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "cmqc.h"
#include "cmqxc.h"

#define CONNECTIONS 256
#define HANDLES 4096
#define ARGUMENTS 8
#define RESULTS 6

/* ---- connections ---- */

static struct connection {
  int fd, used, broken;
  pthread_mutex_t lock;
} connections[CONNECTIONS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

struct call {
  MQLONG a[ARGUMENTS];
  MQMD2 *md;
  const void *out;
  MQLONG outLength;
  /* The answer's payload: results[2] bytes of properties, kept in `properties`, then the body into `in`. */
  void *in;
  MQLONG inCapacity;
  char *properties;
  MQLONG results[RESULTS];
};

static void fail(PMQLONG cc, PMQLONG rc, MQLONG reason) {
  *cc = MQCC_FAILED;
  *rc = reason;
}

static int readAll(int fd, void *into, size_t length) {
  for (char *at = into; length > 0;) {
    ssize_t got = read(fd, at, length);
    if (got <= 0) return 0;
    at += got;
    length -= got;
  }
  return 1;
}

static int writeAll(int fd, struct iovec *parts, int count) {
  while (count > 0) {
    ssize_t sent = writev(fd, parts, count);
    if (sent <= 0) return 0;
    while (count > 0 && (size_t)sent >= parts->iov_len) {
      sent -= parts->iov_len;
      parts++;
      count--;
    }
    if (count > 0) {
      parts->iov_base = (char *)parts->iov_base + sent;
      parts->iov_len -= sent;
    }
  }
  return 1;
}

static int skip(int fd, MQLONG length) {
  char sink[4096];
  for (; length > 0; length -= (MQLONG)sizeof sink)
    if (!readAll(fd, sink, length < (MQLONG)sizeof sink ? (size_t)length : sizeof sink)) return 0;
  return 1;
}

static int exchange(int fd, MQLONG operation, struct call *c, PMQLONG cc, PMQLONG rc) {
  static const MQMD2 none = {0};
  MQLONG head[2 + ARGUMENTS], answer[3 + RESULTS];
  MQMD2 md;
  head[0] = (MQLONG)(sizeof head - 4 + sizeof none) + c->outLength;
  head[1] = operation;
  memcpy(head + 2, c->a, sizeof c->a);
  struct iovec parts[3] = {
    {head, sizeof head}, {(void *)(c->md ? c->md : &none), sizeof none}, {(void *)c->out, (size_t)c->outLength}};
  if (!writeAll(fd, parts, c->outLength > 0 ? 3 : 2)) return 0;
  if (!readAll(fd, answer, sizeof answer) || !readAll(fd, &md, sizeof md)) return 0;
  *cc = answer[1];
  *rc = answer[2];
  memcpy(c->results, answer + 3, sizeof c->results);
  MQLONG left = answer[0] - (MQLONG)(sizeof answer - 4) - (MQLONG)sizeof md;
  MQLONG properties = c->results[2];
  if (properties > 0 && properties <= left) {
    char *kept = malloc(properties);
    if (!kept || !readAll(fd, kept, properties)) { free(kept); return 0; }
    c->properties = kept;
    left -= properties;
  }
  MQLONG taken = left < c->inCapacity ? left : c->inCapacity;
  if (taken > 0 && !readAll(fd, c->in, taken)) return 0;
  if (c->md && *cc != MQCC_FAILED) *c->md = md;
  return skip(fd, left - taken);
}

static void perform(MQHCONN h, MQLONG operation, struct call *c, PMQLONG cc, PMQLONG rc) {
  if (h < 1 || h >= CONNECTIONS || !connections[h].used) { fail(cc, rc, MQRC_HCONN_ERROR); return; }
  struct connection *connection = &connections[h];
  pthread_mutex_lock(&connection->lock);
  if (connection->broken || !exchange(connection->fd, operation, c, cc, rc)) {
    connection->broken = 1;
    fail(cc, rc, MQRC_CONNECTION_BROKEN);
  }
  pthread_mutex_unlock(&connection->lock);
}

static void simple(MQHCONN h, MQLONG operation, MQLONG argument, PMQLONG cc, PMQLONG rc) {
  struct call c = {.a = {argument}};
  perform(h, operation, &c, cc, rc);
}

static int dial(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("TIDEMARK_MQ_SOCKET");
  if (!path || strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) { close(fd); fd = -1; }
  return fd;
}

static MQHCONN adopt(int fd) {
  MQHCONN h = 1;
  pthread_mutex_lock(&table);
  while (h < CONNECTIONS && connections[h].used) h++;
  if (h < CONNECTIONS) {
    connections[h].fd = fd;
    connections[h].used = 1;
    connections[h].broken = 0;
    pthread_mutex_init(&connections[h].lock, NULL);
  }
  pthread_mutex_unlock(&table);
  return h;
}

static void forget(MQHCONN h) {
  pthread_mutex_lock(&table);
  close(connections[h].fd);
  connections[h].used = 0;
  pthread_mutex_unlock(&table);
}

static void copyField(char *into, size_t width, const void *from, size_t length) {
  memset(into, ' ', width);
  if (from) memcpy(into, from, length < width ? length : width);
}

/* Payload of a connect: queue manager 48, channel 20, connection name 264, user 64, password 64. */
static void describeConnect(char *payload, PMQCHAR name, PMQCNO cno) {
  copyField(payload, 48, name, 48);
  memset(payload + 48, ' ', 412);
  if (cno->Version >= MQCNO_VERSION_2 && cno->ClientConnPtr) {
    PMQCD cd = cno->ClientConnPtr;
    copyField(payload + 48, 20, cd->ChannelName, sizeof cd->ChannelName);
    copyField(payload + 68, 264, cd->ConnectionName, sizeof cd->ConnectionName);
  }
  if (cno->Version >= MQCNO_VERSION_5 && cno->SecurityParmsPtr) {
    PMQCSP csp = cno->SecurityParmsPtr;
    copyField(payload + 332, 64, csp->CSPUserIdPtr, csp->CSPUserIdPtr ? (size_t)csp->CSPUserIdLength : 0);
    copyField(payload + 396, 64, csp->CSPPasswordPtr, csp->CSPPasswordPtr ? (size_t)csp->CSPPasswordLength : 0);
  }
}

void MQENTRY MQCONNX(PMQCHAR name, PMQCNO cno, PMQHCONN h, PMQLONG cc, PMQLONG rc) {
  char payload[460];
  int fd = dial();
  *h = MQHC_UNUSABLE_HCONN;
  if (fd < 0) { fail(cc, rc, MQRC_Q_MGR_NOT_AVAILABLE); return; }
  MQHCONN handle = adopt(fd);
  if (handle == CONNECTIONS) { close(fd); fail(cc, rc, MQRC_MAX_CONNS_LIMIT_REACHED); return; }
  describeConnect(payload, name, cno);
  struct call c = {.out = payload, .outLength = sizeof payload};
  perform(handle, 'N', &c, cc, rc);
  if (*cc == MQCC_FAILED) forget(handle);
  else *h = handle;
}

void MQENTRY MQCONN(PMQCHAR name, PMQHCONN h, PMQLONG cc, PMQLONG rc) {
  MQCNO cno = {MQCNO_DEFAULT};
  MQCONNX(name, &cno, h, cc, rc);
}

void MQENTRY MQDISC(PMQHCONN h, PMQLONG cc, PMQLONG rc) {
  simple(*h, 'D', 0, cc, rc);
  if (*rc != MQRC_HCONN_ERROR) forget(*h);
  *h = MQHC_UNUSABLE_HCONN;
}

/* ---- message handles: they live in the client, as with IBM's ---- */

struct property {
  MQLONG type, nameLength, valueLength;
  char *name, *value;
  struct property *next;
};
static struct handle {
  int used;
  struct property *first, *cursor;
} handles[HANDLES];
static pthread_mutex_t handleLock = PTHREAD_MUTEX_INITIALIZER;

static struct handle *handleOf(MQHMSG h) { return h > 0 && h < HANDLES && handles[h].used ? &handles[h] : NULL; }

static void freeProperty(struct property *p) {
  free(p->name);
  free(p->value);
  free(p);
}

static void clearHandle(struct handle *handle) {
  while (handle->first) {
    struct property *next = handle->first->next;
    freeProperty(handle->first);
    handle->first = next;
  }
  handle->cursor = NULL;
}

static int removeProperty(struct handle *handle, const char *name, MQLONG length) {
  for (struct property **at = &handle->first; *at; at = &(*at)->next) {
    struct property *p = *at;
    if (p->nameLength != length || memcmp(p->name, name, length) != 0) continue;
    *at = p->next;
    if (handle->cursor == p) handle->cursor = NULL;
    freeProperty(p);
    return 1;
  }
  return 0;
}

static void addProperty(struct handle *handle, MQLONG type, const char *name, MQLONG nameLength, const void *value, MQLONG length) {
  struct property *p = calloc(1, sizeof *p), **at = &handle->first;
  *p = (struct property){type, nameLength, length, malloc(nameLength + 1), malloc(length + 1), NULL};
  memcpy(p->name, name, nameLength);
  if (length > 0) memcpy(p->value, value, length);
  while (*at) at = &(*at)->next;
  *at = p;
}

/* As carried: type, length of name, length of value, name, value. */
static void fillHandle(struct handle *handle, const char *bytes, MQLONG length) {
  clearHandle(handle);
  for (MQLONG at = 0; at + 12 <= length;) {
    MQLONG head[3];
    memcpy(head, bytes + at, 12);
    addProperty(handle, head[0], bytes + at + 12, head[1], bytes + at + 12 + head[1], head[2]);
    at += 12 + head[1] + head[2];
  }
}

static char *propertyBytes(MQHMSG h, MQLONG body, MQLONG *total) {
  struct handle *handle = handleOf(h);
  MQLONG length = 0;
  for (struct property *p = handle ? handle->first : NULL; p; p = p->next) length += 12 + p->nameLength + p->valueLength;
  char *bytes = malloc(length + body + 1), *at = bytes;
  for (struct property *p = handle ? handle->first : NULL; p; p = p->next) {
    MQLONG head[3] = {p->type, p->nameLength, p->valueLength};
    memcpy(at, head, 12);
    memcpy(at + 12, p->name, p->nameLength);
    memcpy(at + 12 + p->nameLength, p->value, p->valueLength);
    at += 12 + p->nameLength + p->valueLength;
  }
  *total = length;
  return bytes;
}

static const char *textOf(PMQCHARV v) { return v->VSPtr ? v->VSPtr : (char *)v + v->VSOffset; }

static MQLONG lengthOf(PMQCHARV v) {
  return v->VSLength == MQVS_NULL_TERMINATED ? (MQLONG)strlen(textOf(v)) : v->VSLength;
}

void MQENTRY MQCRTMH(MQHCONN h, PMQVOID options, PMQHMSG message, PMQLONG cc, PMQLONG rc) {
  (void)h;
  (void)options;
  MQHMSG at = 1;
  pthread_mutex_lock(&handleLock);
  while (at < HANDLES && handles[at].used) at++;
  if (at < HANDLES) handles[at].used = 1;
  pthread_mutex_unlock(&handleLock);
  *cc = *rc = 0;
  if (at == HANDLES) fail(cc, rc, MQRC_HANDLE_NOT_AVAILABLE);
  else *message = at;
}

void MQENTRY MQDLTMH(MQHCONN h, PMQHMSG message, PMQVOID options, PMQLONG cc, PMQLONG rc) {
  (void)h;
  (void)options;
  struct handle *handle = handleOf(*message);
  if (!handle) { fail(cc, rc, MQRC_HMSG_ERROR); return; }
  clearHandle(handle);
  handle->used = 0;
  *message = MQHM_UNUSABLE_HMSG;
  *cc = *rc = 0;
}

void MQENTRY MQSETMP(MQHCONN h, MQHMSG message, PMQVOID options, PMQVOID name, PMQVOID descriptor, MQLONG type, MQLONG length,
                     PMQVOID value, PMQLONG cc, PMQLONG rc) {
  (void)h;
  (void)options;
  (void)descriptor;
  struct handle *handle = handleOf(message);
  if (!handle) { fail(cc, rc, MQRC_HMSG_ERROR); return; }
  removeProperty(handle, textOf(name), lengthOf(name));
  addProperty(handle, type, textOf(name), lengthOf(name), value, length);
  *cc = *rc = 0;
}

void MQENTRY MQDLTMP(MQHCONN h, MQHMSG message, PMQVOID options, PMQVOID name, PMQLONG cc, PMQLONG rc) {
  (void)h;
  (void)options;
  struct handle *handle = handleOf(message);
  if (!handle) { fail(cc, rc, MQRC_HMSG_ERROR); return; }
  *cc = *rc = 0;
  if (!removeProperty(handle, textOf(name), lengthOf(name))) fail(cc, rc, MQRC_PROPERTY_NOT_AVAILABLE);
}

static int nameMatches(struct property *p, const char *pattern, MQLONG length) {
  if (length > 0 && pattern[length - 1] == '%')
    return p->nameLength >= length - 1 && memcmp(p->name, pattern, length - 1) == 0;
  return p->nameLength == length && memcmp(p->name, pattern, length) == 0;
}

static void returnName(PMQIMPO impo, struct property *p) {
  PMQCHARV name = &impo->ReturnedName;
  impo->ReturnedEncoding = MQENC_NATIVE;
  impo->ReturnedCCSID = 1208;
  name->VSLength = p->nameLength;
  if (name->VSPtr && name->VSBufSize > 0)
    memcpy(name->VSPtr, p->name, p->nameLength < name->VSBufSize ? p->nameLength : name->VSBufSize);
}

void MQENTRY MQINQMP(MQHCONN h, MQHMSG message, PMQVOID options, PMQVOID name, PMQVOID descriptor, PMQLONG type, MQLONG capacity,
                     PMQVOID value, PMQLONG length, PMQLONG cc, PMQLONG rc) {
  (void)h;
  (void)descriptor;
  PMQIMPO impo = options;
  struct handle *handle = handleOf(message);
  if (!handle) { fail(cc, rc, MQRC_HMSG_ERROR); return; }
  int next = impo->Options & MQIMPO_INQ_NEXT;
  struct property *p = next && handle->cursor ? handle->cursor->next : next ? NULL : handle->first;
  if (next && !handle->cursor) p = handle->first;
  while (p && !nameMatches(p, textOf(name), lengthOf(name))) p = p->next;
  if (!p) { fail(cc, rc, MQRC_PROPERTY_NOT_AVAILABLE); return; }
  handle->cursor = p;
  *type = p->type;
  *length = p->valueLength;
  returnName(impo, p);
  if (p->valueLength > capacity) { fail(cc, rc, MQRC_PROPERTY_VALUE_TOO_BIG); return; }
  memcpy(value, p->value, p->valueLength);
  *cc = *rc = 0;
}

/* ---- queues ---- */

void MQENTRY MQOPEN(MQHCONN h, PMQVOID descriptor, MQLONG options, PMQHOBJ object, PMQLONG cc, PMQLONG rc) {
  PMQOD od = descriptor;
  struct call c = {.a = {options, od->ObjectType}, .out = od->ObjectName, .outLength = 48};
  perform(h, 'O', &c, cc, rc);
  *object = *cc == MQCC_FAILED ? MQHO_UNUSABLE_HOBJ : c.results[0];
}

void MQENTRY MQCLOSE(MQHCONN h, PMQHOBJ object, MQLONG options, PMQLONG cc, PMQLONG rc) {
  (void)options;
  simple(h, 'X', *object, cc, rc);
  *object = MQHO_UNUSABLE_HOBJ;
}

/* Payload of a put: properties, body; for MQPUT1 the queue's name before them. */
static void put(MQHCONN h, MQLONG operation, MQLONG object, const char *queue, PMQVOID md, PMQPMO pmo, MQLONG length, PMQVOID body,
                PMQLONG cc, PMQLONG rc) {
  MQLONG properties = 0, nameLength = queue ? 48 : 0;
  MQHMSG handle = pmo->Version >= MQPMO_VERSION_3 ? pmo->OriginalMsgHandle : 0;
  char *bytes = propertyBytes(handle, length + nameLength, &properties);
  memmove(bytes + nameLength, bytes, properties);
  if (queue) memcpy(bytes, queue, 48);
  if (length > 0) memcpy(bytes + nameLength + properties, body, length);
  struct call c = {.a = {object, pmo->Options, properties}, .md = md, .out = bytes, .outLength = nameLength + properties + length};
  perform(h, operation, &c, cc, rc);
  free(bytes);
}

void MQENTRY MQPUT(MQHCONN h, MQHOBJ object, PMQVOID md, PMQVOID pmo, MQLONG length, PMQVOID body, PMQLONG cc, PMQLONG rc) {
  put(h, 'P', object, NULL, md, pmo, length, body, cc, rc);
}

void MQENTRY MQPUT1(MQHCONN h, PMQVOID od, PMQVOID md, PMQVOID pmo, MQLONG length, PMQVOID body, PMQLONG cc, PMQLONG rc) {
  put(h, 'Q', 0, ((PMQOD)od)->ObjectName, md, pmo, length, body, cc, rc);
}

void MQENTRY MQGET(MQHCONN h, MQHOBJ object, PMQVOID md, PMQVOID options, MQLONG capacity, PMQVOID body, PMQLONG length, PMQLONG cc,
                   PMQLONG rc) {
  PMQGMO gmo = options;
  struct call c = {.a = {object, gmo->Options, gmo->WaitInterval, capacity, gmo->Version >= 2 ? gmo->MatchOptions : 3},
                   .md = md, .in = body, .inCapacity = capacity};
  perform(h, 'G', &c, cc, rc);
  *length = c.results[1];
  if (gmo->Version >= MQGMO_VERSION_2) gmo->GroupStatus = c.results[0] ? (MQCHAR)c.results[0] : MQGS_NOT_IN_GROUP;
  if (gmo->Version >= MQGMO_VERSION_3) gmo->ReturnedLength = c.results[1] < capacity ? c.results[1] : capacity;
  struct handle *handle = gmo->Version >= MQGMO_VERSION_4 ? handleOf(gmo->MsgHandle) : NULL;
  if (handle && *cc != MQCC_FAILED) fillHandle(handle, c.properties, c.properties ? c.results[2] : 0);
  free(c.properties);
}

void MQENTRY MQINQ(MQHCONN h, MQHOBJ object, MQLONG count, PMQLONG selectors, MQLONG intCount, PMQLONG ints, MQLONG charLength,
                   PMQCHAR chars, PMQLONG cc, PMQLONG rc) {
  MQLONG size = intCount * 4 + charLength;
  char *values = calloc(1, size + 1);
  struct call c = {.a = {object, count, intCount, charLength}, .out = selectors, .outLength = count * 4,
                   .in = values, .inCapacity = size};
  perform(h, 'I', &c, cc, rc);
  if (*cc != MQCC_FAILED && intCount > 0) memcpy(ints, values, intCount * 4);
  if (*cc != MQCC_FAILED && charLength > 0) memcpy(chars, values + intCount * 4, charLength);
  free(values);
}

void MQENTRY MQCMIT(MQHCONN h, PMQLONG cc, PMQLONG rc) { simple(h, 'C', 0, cc, rc); }
void MQENTRY MQBACK(MQHCONN h, PMQLONG cc, PMQLONG rc) { simple(h, 'B', 0, cc, rc); }

/* ---- not there: exported, since the package replaces a missing verb by one of another signature ---- */

#define NOT_HERE fail(cc, rc, MQRC_ENVIRONMENT_ERROR)
void MQENTRY MQBEGIN(MQHCONN h, PMQVOID o, PMQLONG cc, PMQLONG rc) { (void)h; (void)o; NOT_HERE; }
void MQENTRY MQSET(MQHCONN h, MQHOBJ o, MQLONG n, PMQLONG s, MQLONG ni, PMQLONG i, MQLONG nc, PMQCHAR c, PMQLONG cc, PMQLONG rc) {
  (void)h; (void)o; (void)n; (void)s; (void)ni; (void)i; (void)nc; (void)c; NOT_HERE;
}
void MQENTRY MQSUB(MQHCONN h, PMQVOID d, PMQHOBJ o, PMQHOBJ s, PMQLONG cc, PMQLONG rc) { (void)h; (void)d; (void)o; (void)s; NOT_HERE; }
void MQENTRY MQSUBRQ(MQHCONN h, MQHOBJ s, MQLONG a, PMQVOID o, PMQLONG cc, PMQLONG rc) { (void)h; (void)s; (void)a; (void)o; NOT_HERE; }
void MQENTRY MQSTAT(MQHCONN h, MQLONG t, PMQVOID s, PMQLONG cc, PMQLONG rc) { (void)h; (void)t; (void)s; NOT_HERE; }
void MQENTRY MQCB(MQHCONN h, MQLONG op, PMQVOID d, MQHOBJ o, PMQVOID md, PMQVOID g, PMQLONG cc, PMQLONG rc) {
  (void)h; (void)op; (void)d; (void)o; (void)md; (void)g; NOT_HERE;
}
void MQENTRY MQCTL(MQHCONN h, MQLONG op, PMQVOID o, PMQLONG cc, PMQLONG rc) { (void)h; (void)op; (void)o; NOT_HERE; }
void MQENTRY MQCALLBACK(void) {}
