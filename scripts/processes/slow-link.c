/*
 * A link between two network namespaces with a rate and a delay each way, where the kernel has no netem: packets of a TUN device in one come
 * out of that in the other. Usage: slow-link NAMESPACE ADDRESS NAMESPACE ADDRESS BITS_PER_SECOND DELAY_MS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { packets = 4096, size = 2048 };
struct way {
  int from, to, first, count;
  double free_at;
  struct { double at; int length; char bytes[size]; } queue[packets];
};
static struct way ways[2];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int open_tun(const char *space, const char *address) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", space);
  int netns = open(path, O_RDONLY);
  if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) { perror(path); exit(1); }
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
  strcpy(request.ifr_name, "slow0");
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) { perror("tun"); exit(1); }
  char command[256];
  snprintf(command, sizeof command, "ip addr add %s/24 dev slow0 && ip link set slow0 up mtu 1500 txqueuelen 2000", address);
  if (system(command) != 0) exit(1);
  return tun;
}

int main(int count, char **words) {
  if (count != 7) return 2;
  double rate = atof(words[5]), delay = atof(words[6]) / 1000;
  int ends[2] = { open_tun(words[1], words[2]), open_tun(words[3], words[4]) };
  for (int k = 0; k < 2; k++) { ways[k].from = ends[k]; ways[k].to = ends[1 - k]; }
  puts("ready");
  fflush(stdout);
  for (;;) {
    double next = now() + 1;
    for (int k = 0; k < 2; k++) {
      struct way *way = &ways[k];
      while (way->count < packets) {
        int at = (way->first + way->count) % packets;
        int length = read(way->from, way->queue[at].bytes, size);
        if (length <= 0) break;
        double start = now() > way->free_at ? now() : way->free_at;
        way->free_at = start + length * 8 / rate;
        way->queue[at].at = way->free_at + delay;
        way->queue[at].length = length;
        way->count++;
      }
      while (way->count > 0 && way->queue[way->first].at <= now()) {
        if (write(way->to, way->queue[way->first].bytes, way->queue[way->first].length) < 0) { /* lost, as on a full link */ }
        way->first = (way->first + 1) % packets;
        way->count--;
      }
      if (way->count > 0 && way->queue[way->first].at < next) next = way->queue[way->first].at;
    }
    struct pollfd files[2] = {
      { ways[0].from, ways[0].count < packets ? POLLIN : 0, 0 },
      { ways[1].from, ways[1].count < packets ? POLLIN : 0, 0 },
    };
    double wait = next - now();
    struct timespec patience = { 0, wait > 0 ? (long)(wait < 1 ? wait * 1e9 : 999999999) : 0 };
    ppoll(files, 2, &patience, NULL);
  }
}
