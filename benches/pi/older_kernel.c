/* Runs a program as under an older kernel: some newer system calls do not exist. proot 5.1 does not
 * translate the paths in them, and qemu's and glibc's second choice works. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers that are the same on every machine since 5.0; not every libc's headers have them all. */
enum { CLONE3 = 435, OPENAT2 = 437, FACCESSAT2 = 439 };

#define ABSENT(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

int main(int argc, char **argv)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ABSENT(SYS_statx),
		ABSENT(CLONE3),
		ABSENT(OPENAT2),
		ABSENT(FACCESSAT2),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof rules / sizeof rules[0], rules };

	if (argc > 1 && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	    !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		execvp(argv[1], argv + 1);
	perror(argc > 1 ? argv[1] : "usage: older_kernel COMMAND");
	return 127;
}
