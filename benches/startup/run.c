/* Runs programs and tells what their starts cost.
 * run t ROUNDS FILE: each line of FILE is a program, as fields that end with a tab: "a" and an argument, the
 * program first, or "e" and a variable. All are run in each round, in another order; for each run a
 * line tells which it was, from 0, the time in ns, page faults, peak memory in KiB, and the exit code. One
 * process starts them all, as distccd and make do.
 * run MODE PROGRAM [ARG...]:
 *   s  system calls until the last execve, those of its children among them
 *   i  instructions until the last execve, of the program alone; stops at a million, because each
 *      step takes two switches of context
 * Small and static, because a child begins with its parent's peak memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* The most instructions that are counted. */
#define MOST 1000000

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

#define PROGRAMS 64
#define WORDS 32

struct program {
	char *argv[WORDS];
	char *env[WORDS];
};

static int timed(const char *rounds, const char *file)
{
	static struct program all[PROGRAMS];
	static char line[8192];
	int count = 0, order[PROGRAMS];
	FILE *list = fopen(file, "r");
	posix_spawn_file_actions_t quiet;
	while (list && count < PROGRAMS && fgets(line, sizeof line, list)) {
		int args = 0, vars = 0;
		for (char *word = strtok(line, "\t\n"); word; word = strtok(NULL, "\t\n")) {
			if (args == WORDS - 1 || vars == WORDS - 1)
				return 1;
			if (*word == 'a')
				all[count].argv[args++] = strdup(word + 1);
			else
				all[count].env[vars++] = strdup(word + 1);
		}
		order[count] = count;
		count++;
	}
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&quiet, 1, 2);
	srandom(1);
	for (int round = 0; round < atoi(rounds); round++) {
		/* Who follows whom matters: what ran before has left its traces in the caches. */
		for (int last = count - 1; last > 0; last--) {
			int other = random() % (last + 1), kept = order[last];
			order[last] = order[other];
			order[other] = kept;
		}
		for (int at = 0; at < count; at++) {
			struct program *of = &all[order[at]];
			struct rusage usage;
			pid_t pid;
			int status;
			long long start = now();
			if (posix_spawn(&pid, of->argv[0], &quiet, NULL, of->argv, of->env))
				return 1;
			wait4(pid, &status, 0, &usage);
			printf("%d %lld %ld %ld %d\n", order[at], now() - start, usage.ru_minflt,
			       usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
		}
	}
	return 0;
}

static int counted(char **argv, int steps)
{
	int status, execs = 0, running = 1;
	long long count = 0, last = 0;
	cpu_set_t one;
	/* On two processors each switch between the two processes would wake a sleeping one. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
	pid_t child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(child, &status, 0);
	long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	if (!steps)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	ptrace(PTRACE_SETOPTIONS, child, 0, options);
	int how = PTRACE_SYSCALL;
	ptrace(how, child, 0, 0);
	while (running > 0) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			break;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			running--;
			continue;
		}
		int signal = WSTOPSIG(status), pass = 0;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			if (pid == child) {
				/* The first one is the program itself. */
				if (execs++ == 0)
					count = 0;
				last = count;
				if (steps)
					how = PTRACE_SINGLESTEP;
			}
		} else if (status >> 16) {
			running++;
		} else if (signal == (SIGTRAP | 0x80)) {
			if (!steps)
				count++;
		} else if (signal == SIGTRAP) {
			count++;
		} else if (signal != SIGSTOP) {
			pass = signal;
		}
		if (steps && count >= MOST) {
			kill(child, SIGKILL);
			execs = 0;
			break;
		}
		ptrace(how, pid, 0, pass);
	}
	if (execs < 2)
		last = count;
	/* A system call stops twice. */
	fprintf(stderr, "%lld\n", steps ? last : (last + 1) / 2);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	switch (argv[1][0]) {
	case 't':
		return argc == 4 ? timed(argv[2], argv[3]) : 2;
	case 's':
		return counted(argv + 2, 0);
	default:
		return counted(argv + 2, 1);
	}
}
