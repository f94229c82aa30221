/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program that uses the ABI from C, and the system calls that it makes: with a C library or
 * without one.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

struct pollfd;

/* Prints TAP, and returns the exit status. */
int scenario(void);

/* System calls. Each returns minus the error number if it fails. */
long sys_open(const char *path, int flags);
long sys_ioctl(int fd, unsigned int request, void *argument);
long sys_poll(struct pollfd *files, unsigned int number, int timeout_ms);
long sys_read(int fd, void *buffer, unsigned int size);
long sys_write(int fd, const void *buffer, unsigned int size);
long sys_close(int fd);

/* Maps pages of a file, shared, or returns NULL. */
#define SYS_PAGE_SIZE	4096
void *sys_map(int fd, unsigned int first, unsigned int number, int is_written);

#endif
