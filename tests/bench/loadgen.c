/* loadgen.c - WebSocket room load generator; one thread, epoll, libc only.
 *
 * Opens R rooms of M members, runs a join script on every connection, lets S members of each
 * room speak, and checks at every receiver that each sender's messages arrive whole, once and
 * in order.  Prints one JSON line.  run.py shows how to use it.   gcc -O2 -o loadgen loadgen.c
 *
 * Every payload is B bytes of ASCII (so it fits binary and text frames alike):
 *   8 marker "@LGmark@" | 16 hex send time, monotonic ns | 4 hex sender | 8 hex sequence | filler
 * Receivers find it with memmem(marker), whatever the protocol put around it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
enum { HDR = 36, STEPS = 6, TEXT = 1, BINARY = 2 };
static const char MARK[] = "@LGmark@";

/* ---------------------------------------------------------------- protocol adapters
 * Templates: \r \n \0 \\ \xHH and %ROOM% (r0000) %NAME% (n00000) %ID% %SEQ% %SEQ16% %SEQ32% %LEVEL%
 * %CAP% (captured from a join reply; %CAP32%: as a big-endian number) %LEN% (encoded payload length) %VL:n% (MQTT varint of
 * LEN+n) and the payload itself as %PAYLOAD% (as it is), %B64% or %HEX%.                        */
struct adapter {
    const char *name, *path, *sub;
    int join_op, data_op;         /* frame types */
    int stream;                   /* messages may be split or merged across frames */
    int echo;                     /* the sender receives its own message too */
    const char *join[STEPS], *expect[STEPS]; /* send join[i], wait for a frame containing expect[i] */
    const char *head, *data;      /* head: a text frame sent before every data frame */
    const char *ping, *pong;      /* application-level ping and its answer */
};
static struct adapter table[] = {
    {"raw", "/", 0, TEXT, BINARY, 0, 0, {"JOIN %ROOM%"}, {"OK"}, 0, "%PAYLOAD%", 0, 0},
    {"sio", "/socket.io/?EIO=4&transport=websocket", 0, TEXT, BINARY, 0, 0,
     {"40", "420[\"join\",\"%ROOM%\"]"}, {"40{", "430"},
     "451-[\"voice\",{\"_placeholder\":true,\"num\":0}]", "%PAYLOAD%", "2", "3"},
    {"sio-text", "/socket.io/?EIO=4&transport=websocket", 0, TEXT, TEXT, 0, 0,
     {"40", "420[\"join\",\"%ROOM%\"]"}, {"40{", "430"}, 0, "42[\"voice\",\"%PAYLOAD%\"]", "2", "3"},
    {"nats", "/", 0, BINARY, BINARY, 1, 0,
     {"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\\r\\nPING\\r\\n",
      "SUB %ROOM% 1\\r\\nPING\\r\\n"}, {"PONG", "PONG"},
     0, "PUB %ROOM% %LEN%\\r\\n%PAYLOAD%\\r\\n", "PING\\r\\n", "PONG\\r\\n"},
    {"mqtt", "/mqtt", "mqtt", BINARY, BINARY, 1, 1,
     {"\\x10\\x12\\0\\x04MQTT\\x04\\x02\\0\\0\\0\\x06%NAME%", "\\x82\\x0a\\0\\x01\\0\\x05%ROOM%\\0"},
     {"\\x20\\x02\\0\\0", "\\x90\\x03\\0\\x01\\0"}, 0, "\\x30%VL:7%\\0\\x05%ROOM%%PAYLOAD%", 0, 0},
    {"stomp", "/ws", "v12.stomp", TEXT, TEXT, 0, 1,
     {"CONNECT\\naccept-version:1.2\\nhost:/\\nlogin:guest\\npasscode:guest\\n\\n\\0",
      "SUBSCRIBE\\nid:0\\ndestination:/topic/%ROOM%\\nreceipt:r\\n\\n\\0"}, {"CONNECTED", "RECEIPT"},
     0, "SEND\\ndestination:/topic/%ROOM%\\ncontent-length:%LEN%\\n\\n%PAYLOAD%\\0", "\\n", 0},
};

/* ---------------------------------------------------------------- state */
struct seen { uint32_t last; uint64_t mask; };  /* highest sequence, and which of the 64 up to it came */
struct conn {
    int fd, id, room, node, step;               /* step: -2 connecting, -1 HTTP, 0.. join, STEPS ready */
    u8 *in, *out, *carry;
    size_t in_n, in_cap, out_n, out_cap, carry_n;
    int want_out;
    struct seen *seen;                          /* one per speaker of the room */
    char cap[64];
};
struct speaker { struct conn *c; uint32_t seq; int64_t next; uint64_t got; };
struct hist { uint64_t n, max, b[64 * 64]; };   /* log buckets, 64 steps per power of two: 1.6 % */

static struct adapter A;
static const char *host = "127.0.0.1", *mode = "rate", *extra = "", *capture, *pids = "";
static int port = 8000, port2, rooms = 1, members = 50, speakers = 3, bytes = 120, window = 4, room_base, seed = 1;
static double fps = 50, secs = 6, warmup = 1, drain = 2;
static int ep, nconn, nready, nopen, nclosed, nspk, fan;
static struct conn *conns;
static struct speaker *spk;
static struct hist local_h, cross_h;
static uint64_t sent, expected, delivered, in_window, dups, reorder, gaps, misrouted, corrupt, blocked, pings;
static int64_t m0, m1, worst_lag;               /* measurement window; worst lateness of a send */
static char enc = 'P', *filler;                 /* payload encoding: P, B or H; encoded constant tail */
static u8 marker[32];
static size_t mark_n, hdr_n, rec_n;             /* encoded lengths: marker, header, whole payload */

static int64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static void die(const char *f, ...) { va_list a; va_start(a, f); fputs("loadgen: ", stderr); vfprintf(stderr, f, a); fputc('\n', stderr); exit(1); }
static uint64_t rnd(void) { static uint64_t x; if (!x) x = 88172645463325252ULL * seed; x ^= x << 13; x ^= x >> 7; return x ^= x << 17; }

static void hist_add(struct hist *h, uint64_t v) {
    int e = v < 64 ? 0 : 58 - __builtin_clzll(v);   /* v >> e fits 6 bits */
    h->b[e * 64 + (v >> e)]++; h->n++;
    if (v > h->max) h->max = v;
}
static double hist_us(struct hist *h, double q) {
    uint64_t want = h->n * q, acc = 0;
    for (int i = 0; i < 64 * 64; i++) if ((acc += h->b[i]) > want) return ((double)(i % 64) + 0.5) * (1ULL << (i / 64)) / 1e3;
    return h->max / 1e3;
}

/* ---------------------------------------------------------------- payload encodings and templates */
static size_t encode(const u8 *s, size_t n, char *d) {
    static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t o = 0;
    if (enc == 'P') { memcpy(d, s, n); return n; }
    if (enc == 'H') { for (size_t i = 0; i < n; i++) o += sprintf(d + o, "%02x", s[i]); return o; }
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = s[i] << 16 | (i + 1 < n ? s[i + 1] << 8 : 0) | (i + 2 < n ? s[i + 2] : 0);
        d[o++] = b64[v >> 18]; d[o++] = b64[v >> 12 & 63];
        d[o++] = i + 1 < n ? b64[v >> 6 & 63] : '='; d[o++] = i + 2 < n ? b64[v & 63] : '=';
    }
    return o;
}
static int b64v(int c) { return c >= 'a' ? c - 71 : c >= 'A' ? c - 65 : c >= '0' ? c + 4 : c == '+' ? 62 : 63; }
static int hexv(int c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }
static const u8 *decode_header(const u8 *s, u8 *d) {
    if (enc == 'P') return s;
    if (enc == 'H') for (int i = 0; i < HDR; i++) d[i] = hexv(s[2 * i]) << 4 | hexv(s[2 * i + 1]);
    else for (int i = 0, j = 0; i < HDR; i += 3, j += 4) {
        uint32_t v = b64v(s[j]) << 18 | b64v(s[j + 1]) << 12 | b64v(s[j + 2]) << 6 | b64v(s[j + 3]);
        d[i] = v >> 16; d[i + 1] = v >> 8; d[i + 2] = v;
    }
    return d;
}
static uint64_t hex(const u8 *s, int n) { uint64_t v = 0; while (n--) v = v << 4 | hexv(*s++); return v; }

/* Expands a template for connection c; hdr is the plain payload header, if there is a payload. */
static size_t expand(const char *t, struct conn *c, const u8 *hdr, uint32_t seq, char *d) {
    char *o = d;
    while (*t) {
        const char *e;
        if (*t == '\\' && t[1]) {
            t++;
            if (*t == 'x') { *o++ = hexv(t[1]) << 4 | hexv(t[2]); t += 3; }
            else { *o++ = *t == 'n' ? '\n' : *t == 'r' ? '\r' : *t == '0' ? 0 : *t; t++; }
        } else if (*t == '%' && (e = strchr(t + 1, '%')) && e - t < 12) {
            size_t n = e - t - 1; t++;
#define IS(k) (n == sizeof k - 1 && !memcmp(t, k, n))
            if (IS("ROOM")) o += sprintf(o, "r%04d", c->room + room_base);
            else if (IS("NAME")) o += sprintf(o, "n%05d", c->id + room_base * members);
            else if (IS("ID")) o += sprintf(o, "%d", c->id + room_base * members);
            else if (IS("SEQ")) o += sprintf(o, "%u", seq);
            else if (IS("SEQ16")) { *o++ = seq >> 8; *o++ = seq; }
            else if (IS("LEVEL")) *o++ = 0x80 | (18 + seq / 4 * 11 % 40); /* speech, its loudness changing every 80 ms */
            else if (IS("SEQ32")) { *o++ = seq >> 24; *o++ = seq >> 16; *o++ = seq >> 8; *o++ = seq; }
            else if (IS("CAP32")) { unsigned v = strtoul(c->cap, 0, 10); *o++ = v >> 24; *o++ = v >> 16; *o++ = v >> 8; *o++ = v; }
            else if (IS("CAP")) o += sprintf(o, "%s", c->cap);
            else if (IS("LEN")) o += sprintf(o, "%zu", rec_n);
            else if (n > 3 && !memcmp(t, "VL:", 3)) { size_t v = rec_n + atoi(t + 3); do { *o++ = (v & 127) | (v > 127 ? 128 : 0); v >>= 7; } while (v); }
            else if ((IS("PAYLOAD") || IS("B64") || IS("HEX")) && hdr) { o += encode(hdr, HDR, o); memcpy(o, filler, rec_n - hdr_n); o += rec_n - hdr_n; }
            else { *o++ = '%'; continue; }
            t = e + 1;
        } else *o++ = *t++;
    }
    *o = 0;
    return o - d;
}

/* ---------------------------------------------------------------- sockets and frames */
static void watch(struct conn *c, int op) {
    struct epoll_event e = {.events = EPOLLIN | (c->want_out ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(ep, op, c->fd, &e)) die("epoll_ctl: %s", strerror(errno));
}
static void drop(struct conn *c, const char *why) {
    if (c->fd < 0) return;
    if (nclosed++ < 3) fprintf(stderr, "loadgen: connection %d lost: %s\n", c->id, why);
    close(c->fd); c->fd = -1;
}
static void flush_out(struct conn *c) {
    size_t off = 0;
    while (off < c->out_n) {
        ssize_t k = send(c->fd, c->out + off, c->out_n - off, MSG_NOSIGNAL);
        if (k < 0 && errno == EAGAIN) break;
        if (k < 0) { drop(c, strerror(errno)); return; }
        off += k;
    }
    c->out_n -= off;
    if (off && c->out_n) memmove(c->out, c->out + off, c->out_n);
    if (c->want_out != (c->out_n > 0)) { c->want_out = c->out_n > 0; watch(c, EPOLL_CTL_MOD); }
}
static void room_for(u8 **p, size_t *cap, size_t need) {
    if (need <= *cap) return;
    *cap = need * 2;
    if (!(*p = realloc(*p, *cap))) die("out of memory");
}
static void put_frame(struct conn *c, int op, const char *s, size_t n) {  /* masked, FIN set */
    room_for(&c->out, &c->out_cap, c->out_n + n + 14);
    u8 *o = c->out + c->out_n, key[4];
    uint32_t r = rnd() | 1; memcpy(key, &r, 4);
    *o++ = 0x80 | op;
    if (n < 126) *o++ = 0x80 | n;
    else if (n < 65536) { *o++ = 0x80 | 126; *o++ = n >> 8; *o++ = n; }
    else { *o++ = 0x80 | 127; for (int i = 56; i >= 0; i -= 8) *o++ = (uint64_t)n >> i; }
    memcpy(o, key, 4); o += 4;
    for (size_t i = 0; i < n; i++) o[i] = s[i] ^ key[i & 3];
    c->out_n = o + n - c->out;
}
static char scratch[1 << 20];
static void send_join(struct conn *c) {
    if (c->step < STEPS && A.join[c->step]) {
        put_frame(c, A.join_op, scratch, expand(A.join[c->step], c, 0, 0, scratch));
        flush_out(c);
        if (A.expect[c->step]) return;
        c->step++; send_join(c);                       /* nothing to wait for */
    } else { c->step = STEPS; nready++; }
}
static void speak(struct speaker *s) {
    u8 h[HDR + 1];
    struct conn *c = s->c;
    if (c->fd < 0 || c->out_n > (1 << 18)) { blocked++; return; }   /* the server does not read: skip */
    int64_t t = now_ns();
    sprintf((char *)h, "%s%016lx%04x%08x", MARK, (unsigned long)t, (unsigned)(s - spk), ++s->seq);
    if (A.head) put_frame(c, TEXT, scratch, expand(A.head, c, 0, s->seq, scratch));
    put_frame(c, A.data_op, scratch, expand(A.data, c, h, s->seq, scratch));
    if (t >= m0 && t < m1) { sent++; expected += fan; }
    flush_out(c);
}

/* ---------------------------------------------------------------- receiving */
static void on_record(struct conn *c, const u8 *r, int64_t now) {
    u8 tmp[HDR];
    const u8 *h = decode_header(r, tmp);
    int64_t t = hex(h + 8, 16);
    unsigned id = hex(h + 24, 4);
    uint32_t seq = hex(h + 28, 8);
    if (id >= (unsigned)nspk || memcmp(r + hdr_n, filler, rec_n - hdr_n)) { corrupt++; return; }
    if (spk[id].c->room != c->room || (!A.echo && spk[id].c == c)) { misrouted++; return; }
    struct seen *s = &c->seen[id / rooms];
    int32_t d = seq - s->last;
    if (d > 0) {
        gaps += d - 1;
        s->mask = d < 64 ? s->mask << d | 1 : 1; s->last = seq;
    } else if (d > -64 && !(s->mask >> -d & 1)) { s->mask |= 1ULL << -d; reorder++; gaps--; }
    else { dups++; return; }
    spk[id].got++;
    int arrived = now >= m0 && now < m1, counted = t >= m0 && t < m1;
    in_window += arrived;                           /* rate and CPU: by arrival; loss: by sending time */
    delivered += counted;
    if (arrived || counted) hist_add(c->node == spk[id].c->node ? &local_h : &cross_h, now - t);
}
/* Handles every whole payload in p..p+n; returns where the rest begins (stream protocols keep it). */
static size_t scan(struct conn *c, const u8 *p, size_t n, int64_t now) {
    const u8 *q = p, *end = p + n, *m;
    while ((m = memmem(q, end - q, marker, mark_n))) {
        if (m + rec_n > end) { if (!A.stream) corrupt++; return m - p; }
        on_record(c, m, now);
        q = m + rec_n;
    }
    return (size_t)(end - q) < mark_n ? q - p : end - (mark_n - 1) - p;
}
static void on_frame(struct conn *c, int op, u8 *p, size_t n, int64_t now) {
    static char want[4096];
    if (op == 9) { pings++; put_frame(c, 10, (char *)p, n); flush_out(c); return; }
    if (op == 8) { drop(c, "server sent close"); return; }
    if (op == 10) return;
    size_t k;
    if (A.ping && (k = expand(A.ping, c, 0, 0, want)) && n == k && !memcmp(p, want, k)) {
        pings++;
        if (A.pong) { put_frame(c, A.join_op, want, expand(A.pong, c, 0, 0, want)); flush_out(c); }
        return;
    }
    if (c->step < STEPS) {
        char *cap = capture ? memmem(p, n, capture, strlen(capture)) : 0;
        if (cap) {
            cap += strlen(capture);
            for (k = 0; k < sizeof c->cap - 1 && cap + k < (char *)p + n && (cap[k] == '-' || cap[k] == '_' || (cap[k] >= '0' && b64v(cap[k]) < 63)); k++) c->cap[k] = cap[k];
        }
        k = expand(A.expect[c->step], c, 0, 0, want);
        if (memmem(p, n, want, k)) { c->step++; send_join(c); }
        return;
    }
    if (!A.stream) { scan(c, p, n, now); return; }
    static u8 *buf; static size_t cap;
    if (c->carry_n) {                               /* prepend what the last frame left over */
        room_for(&buf, &cap, c->carry_n + n);
        memcpy(buf, c->carry, c->carry_n); memcpy(buf + c->carry_n, p, n);
        p = buf; n += c->carry_n;
    }
    k = scan(c, p, n, now);
    if (!c->carry) c->carry = malloc(rec_n + mark_n);
    c->carry_n = n - k;
    memcpy(c->carry, p + k, c->carry_n);
}
static void on_readable(struct conn *c) {
    room_for(&c->in, &c->in_cap, 8192);
    ssize_t k = recv(c->fd, c->in + c->in_n, c->in_cap - c->in_n, 0);
    if (k < 0 && errno == EAGAIN) return;
    if (k <= 0) { drop(c, k ? strerror(errno) : "closed by server"); return; }
    c->in_n += k;
    int64_t now = now_ns();
    u8 *p = c->in, *end = c->in + c->in_n;
    if (c->step == -1) {
        u8 *e = memmem(p, end - p, "\r\n\r\n", 4);
        if (!e) return;
        if (memcmp(p, "HTTP/1.1 101", 12)) die("handshake refused: %.*s", (int)(e - p), p);
        p = e + 4; c->step = 0; send_join(c);
    }
    while (end - p >= 2 && c->fd >= 0) {
        size_t h = 2, n = p[1] & 127;
        if (n == 126) { h = 4; if (end - p < 4) break; n = p[2] << 8 | p[3]; }
        else if (n == 127) { h = 10; if (end - p < 10) break; n = 0; for (int i = 2; i < 10; i++) n = n << 8 | p[i]; }
        if ((size_t)(end - p) < h + n) { if (h + n > c->in_cap) { size_t off = p - c->in; room_for(&c->in, &c->in_cap, h + n); p = c->in + off; end = c->in + c->in_n; } break; }
        on_frame(c, p[0] & 15, p + h, n, now);
        p += h + n;
    }
    c->in_n = end - p;
    if (c->in_n && p != c->in) memmove(c->in, p, c->in_n);
}
static void on_connected(struct conn *c) {
    char path[2048];
    int err = 0; socklen_t l = sizeof err;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
    if (err) die("connect: %s", strerror(err));
    c->step = -1;
    expand(A.path, c, 0, 0, path);
    room_for(&c->out, &c->out_cap, 4096);
    c->out_n = sprintf((char *)c->out, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n", path, host, c->node ? port2 : port,
        A.sub ? "Sec-WebSocket-Protocol: " : "", A.sub ? A.sub : "", A.sub ? "\r\n" : "", extra);
    flush_out(c);
}
static void poll_once(int64_t wait) {
    struct epoll_event ev[256];
    struct timespec ts = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
    int n = epoll_pwait2(ep, ev, 256, &ts, 0);
    for (int i = 0; i < n; i++) {
        struct conn *c = ev[i].data.ptr;
        if (c->fd < 0) continue;
        if (c->step == -2) { on_connected(c); continue; }
        if (ev[i].events & EPOLLOUT) flush_out(c);
        if (c->fd >= 0 && ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    }
}
static void open_one(struct conn *c) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(c->node ? port2 : port), .sin_addr.s_addr = inet_addr(host)};
    int one = 1;
    if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0) die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) die("connect: %s", strerror(errno));
    c->step = -2; c->want_out = 1; watch(c, EPOLL_CTL_ADD);
}

/* ---------------------------------------------------------------- running */
static double cpu_of(clockid_t id) { struct timespec t; return clock_gettime(id, &t) ? 0 : t.tv_sec + t.tv_nsec / 1e9; }
/* user+system time of each server process, all its threads, exact to ns; returns how many processes */
static int server_cpu(double *out) {
    char *b = strdup(pids), *save, *p = strtok_r(b, ",", &save); clockid_t id; int n = 0;
    for (; p && n < 16; p = strtok_r(0, ",", &save)) out[n++] = clock_getcpuclockid(atoi(p), &id) ? 0 : cpu_of(id);
    free(b);
    return n;
}
static double own_wait(void) {                      /* seconds this process was runnable but not running */
    unsigned long run = 0, wait = 0; FILE *f = fopen("/proc/self/schedstat", "r");
    if (f) { if (fscanf(f, "%lu %lu", &run, &wait) != 2) wait = 0; fclose(f); }
    return wait / 1e9;
}
static int by_phase(const void *a, const void *b) { int64_t d = ((struct speaker *)a)->next - ((struct speaker *)b)->next; return d < 0 ? -1 : d > 0; }
static void run(void) {
    int flood = !strcmp(mode, "flood"), i = 0;
    int64_t period = 1e9 / fps, t0 = now_ns() + 300000000, now, stuck = t0;
    uint64_t before = 0;
    struct speaker **order = malloc(nspk * sizeof *order);
    for (int k = 0; k < nspk; k++) { spk[k].next = t0 + rnd() % period; order[k] = spk + k; }
    for (int a = 1; a < nspk; a++)                  /* insertion sort by phase */
        for (int b = a; b && by_phase(order[b - 1], order[b]) > 0; b--) { struct speaker *x = order[b]; order[b] = order[b - 1]; order[b - 1] = x; }
    m0 = t0 + warmup * 1e9; m1 = m0 + secs * 1e9;
    double cpu0[16] = {0}, cpu[16] = {0}, own = 0, wait = 0, total = 0; int started = 0, np;
    while ((now = now_ns()) < m1) {
        if (!started && now >= m0) { started = 1; stuck = now; server_cpu(cpu0); own = cpu_of(CLOCK_PROCESS_CPUTIME_ID); wait = own_wait(); }
        if (flood) {
            for (int k = 0; k < nspk && now >= t0; k++)
                while ((uint64_t)spk[k].seq * fan < spk[k].got + (uint64_t)window * fan && spk[k].c->fd >= 0 && spk[k].c->out_n < 4096) speak(spk + k);
            poll_once(10000000);
            if (in_window + delivered != before) { before = in_window + delivered; stuck = now; }
            else if (started && now - stuck > 3000000000) die("flood stalled: messages were lost");
            continue;
        }
        struct speaker *s = order[i];
        if (s->next <= now) {
            if (now >= m0 && now - s->next > worst_lag) worst_lag = now - s->next;
            speak(s); s->next += period; i = (i + 1) % nspk;
            if (order[i]->next <= now) continue;
        }
        now = now_ns();
        poll_once((order[i]->next < m1 ? order[i]->next : m1) - now);
    }
    np = server_cpu(cpu); own = cpu_of(CLOCK_PROCESS_CPUTIME_ID) - own; wait = own_wait() - wait;
    for (int k = 0; k < np; k++) total += cpu[k] -= cpu0[k];
    while (now_ns() < m1 + (int64_t)(drain * 1e9) && delivered < expected) poll_once(20000000);

    struct hist all = local_h;
    for (int k = 0; k < 64 * 64; k++) all.b[k] += cross_h.b[k];
    all.n += cross_h.n; if (cross_h.max > all.max) all.max = cross_h.max;
    printf("{\"mode\":\"%s\",\"proto\":\"%s\",\"conns\":%d,\"rooms\":%d,\"members\":%d,\"speakers\":%d,\"bytes\":%d,\"secs\":%g,"
           "\"sent\":%lu,\"expected\":%lu,\"delivered\":%lu,\"undelivered\":%ld,\"gaps\":%ld,\"dups\":%lu,\"reorder\":%lu,"
           "\"corrupt\":%lu,\"misrouted\":%lu,\"send_blocked\":%lu,\"closed\":%d,\"pings\":%lu,\"rate\":%.1f,",
           mode, A.name, nconn, rooms, members, speakers, bytes, secs, sent, expected, delivered, (long)(expected - delivered), (long)gaps,
           dups, reorder, corrupt, misrouted, blocked, nclosed, pings, in_window / secs);
    struct { const char *n; struct hist *h; } hs[] = {{"lat_us", &all}, {"cross_us", &cross_h}};
    for (int k = 0; k < (port2 ? 2 : 1); k++)
        printf("\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},", hs[k].n,
               hist_us(hs[k].h, .5), hist_us(hs[k].h, .9), hist_us(hs[k].h, .99), hist_us(hs[k].h, .999), hs[k].h->max / 1e3);
    printf("\"server_cpu_s\":[");
    for (int k = 0; k < np; k++) printf("%s%.4f", k ? "," : "", cpu[k]);
    printf("],\"server_us_per_delivery\":%.3f,\"loadgen_us_per_delivery\":%.3f,\"loadgen_cpu_pct\":%.1f,\"loadgen_wait_pct\":%.1f,\"send_lag_max_us\":%.1f}\n",
           in_window ? total * 1e6 / in_window : 0, in_window ? own * 1e6 / in_window : 0, own / secs * 100, wait / secs * 100, worst_lag / 1e3);
}

int main(int argc, char **argv) {
    enum { PROTO = 1, MODE, HOST, PORT, PORT2, PATH, SUB, HEADER, ROOMS, MEMBERS, SPEAKERS, FPS, BYTES, SECS, WARMUP, DRAIN, WINDOW, BASE, SEED,
           PIDS, JOIN, EXPECT, JOINKIND, KIND, HEAD, DATA, ECHO_, STREAM, CAPTURE, PING, PONG };
#define O(n, v) {n, 1, 0, v}
    static struct option opts[] = { O("proto", PROTO), O("mode", MODE), O("host", HOST), O("port", PORT), O("port2", PORT2), O("path", PATH),
        O("subprotocol", SUB), O("header", HEADER), O("rooms", ROOMS), O("members", MEMBERS), O("speakers", SPEAKERS), O("fps", FPS),
        O("bytes", BYTES), O("secs", SECS), O("warmup", WARMUP), O("drain", DRAIN), O("window", WINDOW), O("room-base", BASE), O("seed", SEED),
        O("pids", PIDS), O("join", JOIN), O("expect", EXPECT), O("join-kind", JOINKIND), O("data-kind", KIND), O("head", HEAD), O("data", DATA),
        O("echo", ECHO_), O("stream", STREAM), O("capture", CAPTURE), O("ping", PING), O("pong", PONG), {0} };
    int o, nj = 0, ne = 0;
    A = table[0];
    while ((o = getopt_long(argc, argv, "", opts, 0)) != -1) switch (o) {
        case PROTO: {
            size_t i = 0, n = sizeof table / sizeof *table;
            while (i < n && strcmp(table[i].name, optarg)) i++;
            if (i == n) die("unknown --proto %s", optarg);
            A = table[i];
            break;
        }
        case MODE: mode = optarg; break;          case HOST: host = optarg; break;
        case PORT: port = atoi(optarg); break;    case PORT2: port2 = atoi(optarg); break;
        case PATH: A.path = optarg; break;        case SUB: A.sub = *optarg ? optarg : 0; break;
        case HEADER: { char *h; if (asprintf(&h, "%s%s\r\n", extra, optarg) < 0) die("memory"); extra = h; break; }
        case ROOMS: rooms = atoi(optarg); break;  case MEMBERS: members = atoi(optarg); break;
        case SPEAKERS: speakers = atoi(optarg); break; case FPS: fps = atof(optarg); break;
        case BYTES: bytes = atoi(optarg); break;  case SECS: secs = atof(optarg); break;
        case WARMUP: warmup = atof(optarg); break; case DRAIN: drain = atof(optarg); break;
        case WINDOW: window = atoi(optarg); break; case BASE: room_base = atoi(optarg); break;
        case SEED: seed = atoi(optarg); break;    case PIDS: pids = optarg; break;
        case JOIN: if (!nj) { memset(A.join, 0, sizeof A.join); memset(A.expect, 0, sizeof A.expect); }
                   if (nj == STEPS) die("too many --join");
                   A.join[nj++] = optarg; break;
        case EXPECT: if (ne == STEPS) die("too many --expect"); A.expect[ne++] = *optarg ? optarg : 0; break;
        case JOINKIND: A.join_op = *optarg == 't' ? TEXT : BINARY; break;
        case KIND: A.data_op = *optarg == 't' ? TEXT : BINARY; break;
        case HEAD: A.head = *optarg ? optarg : 0; break; case DATA: A.data = optarg; break;
        case ECHO_: A.echo = atoi(optarg); break; case STREAM: A.stream = atoi(optarg); break;
        case CAPTURE: capture = optarg; break;    case PING: A.ping = optarg; break;
        case PONG: A.pong = optarg; break;
        default: exit(2);
    }
    if (speakers > members / (port2 ? 2 : 1) || bytes < HDR + 4 || rooms * speakers > 65535 || bytes > 60000) die("bad sizes");
    signal(SIGPIPE, SIG_IGN);
    nconn = rooms * members; nspk = rooms * speakers; fan = members - 1 + A.echo;
    conns = calloc(nconn, sizeof *conns); spk = calloc(nspk, sizeof *spk);
    for (int i = 0; i < nconn; i++) {               /* member m of a room; with two nodes even m is on node 0 */
        struct conn *c = conns + i; int m = i % members;
        c->id = i; c->room = i / members; c->node = port2 ? m & 1 : 0; c->fd = -1;
        c->seen = malloc(speakers * sizeof *c->seen);
        for (int s = 0; s < speakers; s++) c->seen[s] = (struct seen){0, ~0ULL};
        int s = port2 ? (m & 1 ? speakers : m / 2) : m;  /* speakers all sit on node 0 */
        if (s < speakers) spk[s * rooms + c->room].c = c;
    }
    /* the encoded marker, and the encoded filler that follows the header in every payload */
    enc = strstr(A.data, "%B64%") ? 'B' : strstr(A.data, "%HEX%") ? 'H' : 'P';
    char *fill = malloc(bytes), *tmp = malloc(bytes * 2 + 64);
    for (int i = 0; i < bytes; i++) fill[i] = 'a' + i % 26;
    hdr_n = encode((u8 *)fill, HDR, tmp);
    filler = malloc(bytes * 2 + 64);
    rec_n = hdr_n + encode((u8 *)fill, bytes - HDR, filler);
    mark_n = encode((u8 *)MARK, enc == 'B' ? 6 : 8, (char *)marker);
    ep = epoll_create1(0);
    int64_t deadline = now_ns() + 120000000000LL;
    while (nready < nconn) {
        while (nopen < nconn && nopen - nready < 100) open_one(conns + nopen++);
        poll_once(100000000);
        if (nclosed) die("lost connections while joining");
        if (now_ns() > deadline) die("only %d of %d connections joined", nready, nconn);
    }
    if (strcmp(mode, "idle")) run();
    else {
        printf("{\"mode\":\"idle\",\"ready\":%d}\n", nready); fflush(stdout);
        for (int64_t end = now_ns() + secs * 1e9; now_ns() < end;) poll_once(100000000);
        printf("{\"mode\":\"idle\",\"conns\":%d,\"closed\":%d,\"pings\":%lu}\n", nconn, nclosed, pings);
    }
    return 0;
}
