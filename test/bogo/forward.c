/*
 * The program that the runner starts for every case. It hands the case to one of the processes that wait for work ("lanes")
 * and gives back what that says: a byte, the exit code, then the text for standard error.
 *
 *   BOGO_LANES: a folder with one socket (N.sock) and one lock (N.lock) a lane, N from 0 on.
 *
 * The request: every argument with a zero byte after it, then the end of the stream in our direction.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* The first lane that nobody holds; a held lock goes with this process, however it ends. */
static int choose(const char *folder) {
  char path[256];
  for (;;) {
    int lane;
    for (lane = 0;; lane++) {
      snprintf(path, sizeof path, "%s/%d.lock", folder, lane);
      int lock = open(path, O_RDWR | O_CLOEXEC);
      if (lock < 0) break;
      if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lane;
      close(lock);
    }
    if (lane == 0) fail(path);
    usleep(2000);
  }
}

/* A lane that has just ended is started anew: it may take some seconds. */
static int join(const char *folder, int lane) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s/%d.sock", folder, lane);
  for (int tries = 0; tries < 1000; tries++) {
    int way = socket(AF_UNIX, SOCK_STREAM, 0);
    if (way >= 0 && connect(way, (struct sockaddr *)&to, sizeof to) == 0) return way;
    close(way);
    usleep(10000);
  }
  fail(to.sun_path);
  return -1;
}

int main(int count, char **words) {
  for (int i = 1; i < count; i++)
    if (strcmp(words[i], "-is-handshaker-supported") == 0) return puts("No") < 0;
  if (getenv("BOGO_LIST")) return 89; /* only the names are wanted */
  const char *folder = getenv("BOGO_LANES");
  if (!folder) {
    fputs("BOGO_LANES is not set: the suite's command starts this program\n", stderr);
    return 1;
  }
  int way = join(folder, choose(folder));
  for (int i = 1; i < count; i++) {
    const char *from = words[i], *end = from + strlen(from) + 1;
    while (from < end) {
      ssize_t n = write(way, from, end - from);
      if (n <= 0) fail("write");
      from += n;
    }
  }
  shutdown(way, SHUT_WR);
  unsigned char code;
  if (read(way, &code, 1) != 1) {
    fputs("the process that ran this case has ended without a result\n", stderr);
    return 1;
  }
  char text[4096];
  for (ssize_t n; (n = read(way, text, sizeof text)) > 0;) fwrite(text, 1, n, stderr);
  return code;
}
