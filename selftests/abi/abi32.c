/* SPDX-License-Identifier: GPL-2.0 */
/* The scenario without a C library, for 32 bits: the compatible system calls of a 64-bit kernel. */
#include <stddef.h>

#include <linux/mman.h>

#include "scenario.h"

/* Numbers of i386, which no header gives beside those of x86-64. */
#define NR_EXIT		1
#define NR_READ		3
#define NR_WRITE	4
#define NR_OPEN		5
#define NR_CLOSE	6
#define NR_IOCTL	54
#define NR_MMAP		90
#define NR_POLL		168

static long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ __volatile__("int $0x80"
			     : "=a" (result)
			     : "0" (number), "b" (a), "c" (b), "d" (c)
			     : "memory");
	return result;
}

long sys_open(const char *path, int flags)
{
	return system_call(NR_OPEN, (long)path, flags, 0);
}

long sys_ioctl(int fd, unsigned int request, void *argument)
{
	return system_call(NR_IOCTL, fd, request, (long)argument);
}

long sys_poll(struct pollfd *files, unsigned int number, int timeout_ms)
{
	return system_call(NR_POLL, (long)files, number, timeout_ms);
}

long sys_read(int fd, void *buffer, unsigned int size)
{
	return system_call(NR_READ, fd, (long)buffer, size);
}

long sys_write(int fd, const void *buffer, unsigned int size)
{
	return system_call(NR_WRITE, fd, (long)buffer, size);
}

long sys_close(int fd)
{
	return system_call(NR_CLOSE, fd, 0, 0);
}

void *sys_map(int fd, unsigned int first, unsigned int number, int is_written)
{
	unsigned long arguments[6], address;

	arguments[0] = 0;
	arguments[1] = number * SYS_PAGE_SIZE;
	arguments[2] = is_written ? PROT_READ | PROT_WRITE : PROT_READ;
	arguments[3] = MAP_SHARED;
	arguments[4] = fd;
	arguments[5] = first * SYS_PAGE_SIZE;
	address = system_call(NR_MMAP, (long)arguments, 0, 0);
	/* The last page of all has no addresses, but error numbers. */
	return address > -(unsigned long)SYS_PAGE_SIZE ? NULL : (void *)address;
}

/* The stack is aligned here as the kernel leaves it, not as a function expects it. */
__attribute__((force_align_arg_pointer, noreturn)) void _start(void)
{
	system_call(NR_EXIT, scenario(), 0, 0);
	for (;;)
		;
}
