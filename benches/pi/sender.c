/* What can be had by hand in twenty lines: sends a compile under its full name, macros unexpanded
 * (-DEXPANDED: expanded); runs everything else at once. The yardstick for ccroute on the client. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *words[argc + 4], *base = strrchr(argv[0], '/'), path[64] = "/usr/bin/";
	int compiles = 0, assembles = 0, n = 0;

	base = base ? base + 1 : argv[0];
	for (int i = 1; i < argc; i++) {
		char *dot = strrchr(argv[i], '.');
		compiles |= !strcmp(argv[i], "-c");
		assembles |= !strcmp(argv[i], "-E") || (dot && (!strcmp(dot, ".S") || !strcmp(dot, ".s")));
	}
	if (!compiles || assembles || getenv("_DISTCC_SAFEGUARD")) {
		argv[0] = strncat(path, strstr(base, "g++") || strstr(base, "c++") ? "g++" : "gcc", 8);
		return execv(path, argv), 127;
	}
	words[n++] = "distcc";
	words[n++] = strstr(base, "+") ? "arm-linux-gnueabihf-g++" : "arm-linux-gnueabihf-gcc";
#ifndef EXPANDED
	words[n++] = "-fdirectives-only";
#endif
	memcpy(words + n, argv + 1, argc * sizeof *argv);
	return execv("/usr/bin/distcc", words), 127;
}
