/* relay.c - the least a WebSocket room relay can do: the practical limit to compare peers with.
 * One thread, epoll.  First text frame "JOIN <room>" (answered "OK"), then every frame goes to the
 * other members of the room.      relay PORT [each | batch | hold USEC]
 *   each   one send() per delivery (what any server does that writes each message out at once)
 *   batch  frames collect per connection during one epoll turn, then one send() per connection
 *   hold   as batch, but flush only every USEC microseconds (trades latency for system calls)
 * It copies frames into one contiguous buffer: at 120 B that is cheaper than writev's iovecs.
 * No fragmentation, no TLS, no timeouts: not a server, a yardstick.   gcc -O2 -o relay relay.c  */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
enum { MAXFD = 20000, MAXROOM = 4096, BUF = 65536 };
struct conn { int fd, room, open, want_out, dirty; u8 *in, *out; size_t in_n, out_n, out_cap; };
struct room { char name[64]; struct conn **m; int n, cap; };
static struct conn *conns[MAXFD], *dirty[MAXFD];
static struct room rooms[MAXROOM];
static int ep, nrooms, ndirty, batch;

static uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }
static void sha1(const u8 *s, size_t n, u8 *out) {      /* n < 120 */
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
    u8 m[128] = {0};
    size_t len = n < 56 ? 64 : 128;
    memcpy(m, s, n); m[n] = 0x80; m[len - 1] = n * 8; m[len - 2] = n * 8 >> 8;
    for (u8 *b = m; b < m + len; b += 64) {
        for (int i = 0; i < 16; i++) w[i] = b[4 * i] << 24 | b[4 * i + 1] << 16 | b[4 * i + 2] << 8 | b[4 * i + 3];
        for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], b2 = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (b2 & c) | (~b2 & d) : i < 40 ? b2 ^ c ^ d : i < 60 ? (b2 & c) | (b2 & d) | (c & d) : b2 ^ c ^ d;
            static const uint32_t K[] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
            uint32_t t = rol(a, 5) + f + e + K[i / 20] + w[i];
            e = d; d = c; c = rol(b2, 30); b2 = a; a = t;
        }
        h[0] += a; h[1] += b2; h[2] += c; h[3] += d; h[4] += e;
    }
    for (int i = 0; i < 20; i++) out[i] = h[i / 4] >> (24 - 8 * (i % 4));
}
static void accept_key(const char *key, char *o) {
    static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char s[128]; u8 d[21] = {0};
    sha1((u8 *)s, sprintf(s, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key), d);
    for (int i = 0; i < 21; i += 3, o += 4) {
        uint32_t v = d[i] << 16 | d[i + 1] << 8 | d[i + 2];
        o[0] = b64[v >> 18]; o[1] = b64[v >> 12 & 63]; o[2] = b64[v >> 6 & 63]; o[3] = b64[v & 63];
    }
    o[-1] = '='; *o = 0;
}
static void watch(struct conn *c, int want) {
    struct epoll_event e = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.fd = c->fd};
    if (c->want_out != want) { c->want_out = want; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); }
}
static void leave(struct conn *c) {
    struct room *r = c->room >= 0 ? rooms + c->room : 0;
    for (int i = 0; r && i < r->n; i++) if (r->m[i] == c) r->m[i--] = r->m[--r->n];
    close(c->fd); conns[c->fd] = 0; c->fd = -1;
    if (!c->dirty) { free(c->in); free(c->out); free(c); }
}
static void append(struct conn *c, const u8 *s, size_t n) {
    if (c->out_n + n > c->out_cap) c->out = realloc(c->out, c->out_cap = (c->out_n + n) * 2);
    memcpy(c->out + c->out_n, s, n); c->out_n += n;
}
static void flush_out(struct conn *c) {
    ssize_t k = send(c->fd, c->out, c->out_n, MSG_NOSIGNAL);
    if (k > 0 && (c->out_n -= k)) memmove(c->out, c->out + k, c->out_n);
    watch(c, c->out_n > 0);
}
static void put(struct conn *c, const u8 *s, size_t n) {
    if (batch) { append(c, s, n); if (!c->dirty) { c->dirty = 1; dirty[ndirty++] = c; } return; }
    ssize_t k = c->out_n ? 0 : send(c->fd, s, n, MSG_NOSIGNAL);
    if (k < 0) k = 0;
    if ((size_t)k < n) { append(c, s + k, n - k); watch(c, 1); }
}
static void flush_dirty(void) {
    for (int i = 0; i < ndirty; i++) {
        struct conn *c = dirty[i];
        c->dirty = 0;
        if (c->fd < 0) { free(c->in); free(c->out); free(c); }
        else if (!c->want_out) flush_out(c);
    }
    ndirty = 0;
}
static int on_frame(struct conn *c, int op, u8 *p, size_t n) {   /* 4 bytes before p are free for the header */
    if (op == 8) return 0;
    if (op > 8) return 1;
    if (c->room < 0) {
        int i = 0;
        if (n < 6 || n > 60) return 0;
        while (i < nrooms && (strncmp(rooms[i].name, (char *)p + 5, n - 5) || rooms[i].name[n - 5])) i++;
        if (i == nrooms) { if (nrooms == MAXROOM) return 0; memcpy(rooms[nrooms++].name, p + 5, n - 5); }
        struct room *r = rooms + (c->room = i);
        if (r->n == r->cap) r->m = realloc(r->m, (r->cap = r->cap * 2 + 8) * sizeof *r->m);
        r->m[r->n++] = c;
        put(c, (u8 *)"\x81\x02OK", 4);
        return 1;
    }
    u8 *f = p - (n < 126 ? 2 : 4);
    f[0] = 0x80 | op;
    if (n < 126) f[1] = n; else { f[1] = 126; f[2] = n >> 8; f[3] = n; }
    struct room *r = rooms + c->room;
    for (int i = 0; i < r->n; i++) if (r->m[i] != c) put(r->m[i], f, p + n - f);
    return 1;
}
static void on_readable(struct conn *c) {
    if (!c->in) c->in = malloc(BUF);
    ssize_t k = recv(c->fd, c->in + c->in_n, BUF - 1 - c->in_n, 0);
    if (k < 0 && errno == EAGAIN) return;
    if (k <= 0) { leave(c); return; }
    u8 *p = c->in, *end = c->in + (c->in_n += k);
    if (!c->open) {
        *end = 0;
        char *e = strstr((char *)p, "\r\n\r\n"), *key = strcasestr((char *)p, "sec-websocket-key: "), a[32], r[256];
        if (!e) return;
        if (!key) { leave(c); return; }
        accept_key(key + 19, a);
        put(c, (u8 *)r, sprintf(r, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", a));
        c->open = 1; p = (u8 *)e + 4;
    }
    while (end - p >= 6) {
        size_t n = p[1] & 127, h = 6;
        if (n == 126) { h = 8; if (end - p < 8) break; n = p[2] << 8 | p[3]; }
        if (n == 127 || h + n > BUF - 1) { leave(c); return; }
        if ((size_t)(end - p) < h + n) break;
        u8 *d = p + h, key[4]; memcpy(key, d - 4, 4);
        for (size_t i = 0; i < n; i++) d[i] ^= key[i & 3];
        if (!on_frame(c, p[0] & 15, d, n)) { leave(c); return; }
        p = d + n;
    }
    c->in_n = end - p;
    if (c->in_n) memmove(c->in, p, c->in_n);
    else { free(c->in); c->in = 0; }                      /* idle connections hold no buffer */
}
static int64_t now_us(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000LL + t.tv_nsec / 1000; }

int main(int argc, char **argv) {
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int64_t hold = argc > 3 && !strcmp(argv[2], "hold") ? atoi(argv[3]) : 0, next = 0;
    batch = hold || (argc > 2 && !strcmp(argv[2], "batch"));
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(ls, (void *)&a, sizeof a) || listen(ls, 1024)) { perror("relay"); return 1; }
    ep = epoll_create1(0);
    struct epoll_event ev[256], e = {.events = EPOLLIN, .data.fd = ls};
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
    for (;;) {
        int64_t w = ndirty ? next - now_us() : -1;
        struct timespec ts = {0, w > 0 ? w * 1000 : 0};
        int n = epoll_pwait2(ep, ev, 256, w == -1 && !ndirty ? 0 : &ts, 0);
        for (int i = 0; i < n; i++) {
            int fd = ev[i].data.fd;
            if (fd == ls) {
                while ((fd = accept4(ls, 0, 0, SOCK_NONBLOCK)) >= 0) {
                    if (fd >= MAXFD) { close(fd); continue; }
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    struct conn *c = conns[fd] = calloc(1, sizeof *c);
                    c->fd = fd; c->room = -1;
                    e.events = EPOLLIN; e.data.fd = fd;
                    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
                }
                continue;
            }
            if (conns[fd] && ev[i].events & EPOLLOUT) flush_out(conns[fd]);
            if (conns[fd] && ev[i].events & ~EPOLLOUT) on_readable(conns[fd]);
        }
        if (ndirty && (!hold || now_us() >= next)) { flush_dirty(); next = now_us() + hold; }
    }
}
