/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the benchmark asks for calls of the kernel's timers. Nobody else does:
 * this may change with any commit.
 */
#ifndef SLEEPTIMER_FLOOR_H
#define SLEEPTIMER_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Most entries of a batch. */
#define FLOOR_BATCH	128

/* What is called when a timer is due. */
enum floor_kind {
	/* A function in softirq. */
	FLOOR_HRTIMER		= 0,
	/* One work, for all that an hrtimer each has put into a list. */
	FLOOR_LLIST		= 1,
	/* A delayed work each. */
	FLOOR_DELAYED_WORK	= 2
};

enum floor_operation {
	/* Allocates and sets up. */
	FLOOR_CREATE		= 0,
	/* For a time of CLOCK_MONOTONIC, in ns. */
	FLOOR_ARM		= 1,
	/* For so many ns from now. */
	FLOOR_ARM_IN		= 2,
	/* Again and again, so many ns apart; for FLOOR_HRTIMER only. */
	FLOOR_ARM_PERIODIC	= 3,
	FLOOR_CANCEL		= 4,
	/* Cancels, and frees. */
	FLOOR_DESTROY		= 5
};

struct floor_setup {
	__u32 kind;
	__u32 nr_slots;
};

struct floor_entry {
	__u64 time;
	__u32 slot;
	__u32 reserved;
};

/*
 * @entries: address of @count &struct floor_entry, whose slots differ
 * @busy_ns: output: how long all calls have taken so far, without what is
 *	around them
 */
struct floor_batch {
	__u64 entries;
	__u32 count;
	__u32 operation;
	__u64 busy_ns;
};

#define FLOOR_IOC_SETUP	_IOW(0xDB, 0x00, struct floor_setup)
#define FLOOR_IOC_RUN	_IOWR(0xDB, 0x01, struct floor_batch)
/* Waits until so many more have expired. */
#define FLOOR_IOC_TAKE	_IOW(0xDB, 0x02, __u64)

#endif
