/* A compiler that is not one: it reads what to try from its input, tries it, and says on standard output whether it
 * could. Then it makes an "object", as a compiler would. The tests install it under a compiler's name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int connects(int type, int protocol, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, type, protocol);
    if (s < 0) return 0;
    if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) return 0;
    return type != SOCK_DGRAM || send(s, "x", 1, 0) == 1;
}

static int runs(char *const argv[]) {
    pid_t child = fork();
    if (child < 0) return 0;
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1), dup2(null, 2);
        execv(argv[0], argv);
        _exit(127);
    }
    int status = 0;
    if (waitpid(child, &status, 0) < 0) return 0;
    errno = EACCES;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Sleeps in a session of its own, under the argument as its name. */
static int stays(const char *marker) {
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, 0), dup2(null, 1), dup2(null, 2);
            signal(SIGTERM, SIG_IGN), signal(SIGHUP, SIG_IGN);
            for (int n = 0; n < 200; n++) {
                usleep(100000);
                int file = open(marker, O_WRONLY | O_CREAT | O_APPEND, 0666);
                if (file >= 0) write(file, "x", 1), close(file);
            }
            _exit(0);
        }
        _exit(0);
    }
    return child > 0 && waitpid(child, 0, 0) == child;
}

static int parent_of(const char *name) {
    char path[64], text[256] = "";
    for (int pid = getppid(); pid > 1;) {
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        int file = open(path, O_RDONLY);
        if (file < 0) return getppid();
        ssize_t n = read(file, text, sizeof text - 1);
        close(file);
        if (n <= 0) return getppid();
        if (strstr(text, name)) return pid;
        char *after = strrchr(text, ')');
        if (!after || sscanf(after + 1, " %*c %d", &pid) != 1) return getppid();
    }
    return getppid();
}

static int attempt(const char *what, const char *arg, const char *private) {
    char path[4096];
    if (!strcmp(what, "read")) {
        char byte;
        int file = open(arg, O_RDONLY);
        return file >= 0 && read(file, &byte, 1) == 1;
    }
    if (!strcmp(what, "list")) {
        DIR *dir = opendir(arg);
        int names = 0;
        if (!dir) return 0;
        while (readdir(dir)) names++;
        return names > 2;
    }
    if (!strcmp(what, "write")) {
        int file = open(arg, O_WRONLY | O_CREAT | O_APPEND, 0666);
        return file >= 0 && write(file, "int hostile;\n", 13) == 13;
    }
    if (!strcmp(what, "truncate")) return truncate(arg, 1) == 0;
    if (!strcmp(what, "unlink")) return unlink(arg) == 0;
    if (!strcmp(what, "mode")) return chmod(arg, 0777) == 0;
    if (!strcmp(what, "times")) return utimes(arg, NULL) == 0;
    if (!strcmp(what, "tcp")) return connects(SOCK_STREAM, 0, atoi(arg));
    if (!strcmp(what, "mptcp")) return connects(SOCK_STREAM, IPPROTO_MPTCP, atoi(arg));
    if (!strcmp(what, "udp")) return connects(SOCK_DGRAM, 0, atoi(arg));
    if (!strcmp(what, "unix")) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        strncpy(to.sun_path, arg, sizeof to.sun_path - 1);
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        return s >= 0 && connect(s, (struct sockaddr *)&to, sizeof to) == 0;
    }
    if (!strcmp(what, "inotify")) {
        int watch = inotify_init1(0);
        return watch >= 0 && inotify_add_watch(watch, arg, IN_CREATE) >= 0;
    }
    if (!strcmp(what, "ptrace")) {
        pid_t child = fork();
        int status = 1;
        if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) ? 1 : 0);
        waitpid(child, &status, 0);
        return status == 0;
    }
    if (!strcmp(what, "namespace")) {
        pid_t child = fork();
        int status = 0;
        if (child == 0) _exit(unshare(CLONE_NEWUSER) ? errno : 0);
        waitpid(child, &status, 0);
        errno = WEXITSTATUS(status);
        return status == 0;
    }
    if (!strcmp(what, "io_uring")) {
        char params[256] = {0};
        return syscall(SYS_io_uring_setup, 4, params) >= 0;
    }
    if (!strcmp(what, "keys"))
        return syscall(SYS_add_key, "user", "ccroute", "x", 1, KEY_SPEC_PROCESS_KEYRING) >= 0;
    if (!strcmp(what, "memfd")) return syscall(SYS_memfd_create, "x", 0) >= 0;
    if (!strcmp(what, "shm")) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        if (id >= 0) shmctl(id, IPC_RMID, NULL);
        return id >= 0;
    }
    if (!strcmp(what, "nice")) return setpriority(PRIO_PROCESS, getppid(), 19) == 0;
    if (!strcmp(what, "signal")) return kill(parent_of("(distccd)"), 0) == 0;
    if (!strcmp(what, "session")) return setpgid(0, getpid()) == 0 || setsid() >= 0;
    if (!strcmp(what, "directory") || !strcmp(what, "link") || !strcmp(what, "fifo")) {
        snprintf(path, sizeof path, "%s/made-%s", private, what);
        if (what[0] == 'd') return mkdir(path, 0700) == 0;
        if (what[0] == 'l') return symlink("/etc/passwd", path) == 0;
        return mkfifo(path, 0600) == 0;
    }
    if (!strcmp(what, "run")) return runs((char *[]){(char *)arg, NULL});
    if (!strcmp(what, "loader")) {
        char *argv[] = {"/lib64/ld-linux-x86-64.so.2", (char *)arg, NULL};
        return runs(argv);
    }
    if (!strcmp(what, "stay")) return stays(arg);
    if (!strcmp(what, "variable")) return getenv(arg) != NULL;
    if (!strcmp(what, "burn")) {
        for (;;) (void)getppid();
    }
    if (!strcmp(what, "sleep")) return sleep(atoi(arg)) == 0;
    if (!strcmp(what, "memory")) {
        size_t size = (size_t)atoi(arg) << 20;
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
    }
    if (!strcmp(what, "bomb")) {
        int made = 0;
        for (; made < atoi(arg); made++) {
            pid_t child = fork();
            if (child < 0) break;
            if (child == 0) pause(), _exit(0);
        }
        return made == atoi(arg);
    }
    if (!strcmp(what, "huge")) {
        snprintf(path, sizeof path, "%s/huge", private);
        int file = open(path, O_WRONLY | O_CREAT, 0600);
        return file >= 0 && ftruncate(file, (off_t)atoi(arg) << 20) == 0;
    }
    errno = EINVAL;
    return 0;
}

int main(int argc, char **argv) {
    const char *input = NULL, *output = NULL, *list = NULL;
    char directory[4096] = ".", line[4096], what[64], arg[4000];
    for (int n = 1; n < argc; n++) {
        if (!strcmp(argv[n], "-o") && n + 1 < argc) output = argv[++n];
        else if (!strcmp(argv[n], "-MF") && n + 1 < argc) list = argv[++n];
        else if (!strcmp(argv[n], "-MT") && n + 1 < argc) n++;
        else if (argv[n][0] != '-') input = argv[n];
    }
    if (!input || !output) return 3;
    strncpy(directory, output, sizeof directory - 1);
    if (strrchr(directory, '/')) *strrchr(directory, '/') = 0;
    FILE *file = fopen(input, "r");
    if (!file) return 4;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "try %63s %3999s", what, arg) != 2) continue;
        errno = 0;
        int could = attempt(what, arg, directory);
        printf("%s %s\n", what, could ? "yes" : "no");
        fflush(stdout);
    }
    file = fopen(output, "w");
    if (!file) return 5;
    fputs("object", file);
    fclose(file);
    if (list && (file = fopen(list, "w"))) {
        fprintf(file, "x.o: x.c\n");
        fclose(file);
    }
    return 0;
}
