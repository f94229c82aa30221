/* SPDX-License-Identifier: GPL-2.0 */
/* The scenario with a C library, for 64 bits. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scenario.h"

static long result_of(long result)
{
	return result < 0 ? -errno : result;
}

long sys_open(const char *path, int flags)
{
	return result_of(open(path, flags));
}

long sys_ioctl(int fd, unsigned int request, void *argument)
{
	return result_of(ioctl(fd, request, argument));
}

long sys_poll(struct pollfd *files, unsigned int number, int timeout_ms)
{
	return result_of(poll(files, number, timeout_ms));
}

long sys_read(int fd, void *buffer, unsigned int size)
{
	return result_of(read(fd, buffer, size));
}

long sys_write(int fd, const void *buffer, unsigned int size)
{
	return result_of(write(fd, buffer, size));
}

long sys_close(int fd)
{
	return result_of(close(fd));
}

void *sys_map(int fd, unsigned int first, unsigned int number, int is_written)
{
	void *address = mmap(NULL, number * SYS_PAGE_SIZE,
			     is_written ? PROT_READ | PROT_WRITE : PROT_READ,
			     MAP_SHARED, fd, (long)first * SYS_PAGE_SIZE);

	return address == MAP_FAILED ? NULL : address;
}

int main(void)
{
	return scenario();
}
