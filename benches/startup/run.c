/* Runs a program and tells what the start cost: run MODE PROGRAM [ARG...]
 *   t  time in ns, page faults, peak memory in KiB
 *   s  system calls until the last execve, those of its children among them
 *   i  instructions until the last execve, of the program alone; stops at a million, because each
 *      step takes two switches of context
 * Small and static, because a child begins with its parent's peak memory. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
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

static int timed(char **argv)
{
	struct rusage usage;
	pid_t pid;
	int status;
	long long start = now();
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
		return 1;
	wait4(pid, &status, 0, &usage);
	long long end = now();
	fprintf(stderr, "%lld %ld %ld %d\n", end - start, usage.ru_minflt, usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : -1);
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
		return timed(argv + 2);
	case 's':
		return counted(argv + 2, 0);
	default:
		return counted(argv + 2, 1);
	}
}
