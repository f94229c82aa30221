/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Sleepable timers: the ioctl interface of /dev/sleeptimer.
 */
#ifndef _UAPI_LINUX_SLEEPTIMER_H
#define _UAPI_LINUX_SLEEPTIMER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: extension contract
 *
 * - Structures have fixed-width fields, no implicit padding and a size that is
 *   a multiple of 8 bytes; they are the same for 32-bit and 64-bit programs.
 * - Structures never change their size. A new field takes the place of a
 *   reserved one, and zero in it means what happened before the field existed.
 * - The kernel checks that reserved fields are zero and that no unknown flag is
 *   set, and answers EINVAL otherwise. An unknown request is ENOTTY.
 * - What a kernel offers beyond the first version is a bit of
 *   &struct sleeptimer_info.features; a bit never changes its meaning.
 * - Output fields stand last. They are written on success only.
 * - Times are nanoseconds.
 *
 * One open of /dev/sleeptimer is a *map*: it owns timers, programs and a queue
 * of events. Its last close cancels, waits for and frees all of them.
 */

/* Limits that the ABI itself sets; a kernel may set lower ones (GET_INFO). */
#define SLEEPTIMER_MAX_TIMERS		(1U << 24)
#define SLEEPTIMER_MAX_PROGRAMS		4095U
#define SLEEPTIMER_MAX_EVENTS		(1U << 20)
#define SLEEPTIMER_MAX_STEPS		16U

/**
 * struct sleeptimer_info - what this kernel offers
 * @features: bitmap of optional features; none are defined yet, so zero
 * @resolution_ns: resolution of the timers, in ns
 * @max_sleep_ns: longest %SLEEPTIMER_STEP_SLEEP, in ns
 * @max_timers: largest &struct sleeptimer_setup.max_timers
 * @max_programs: largest &struct sleeptimer_setup.max_programs
 * @max_events: largest &struct sleeptimer_setup.max_events
 * @max_steps: most steps of one program
 * @event_size: size of one &struct sleeptimer_event, in bytes
 * @timer_size: kernel memory of one timer object, in bytes
 * @reserved: zero
 */
struct sleeptimer_info {
	__u64 features;
	__u64 resolution_ns;
	__u64 max_sleep_ns;
	__u32 max_timers;
	__u32 max_programs;
	__u32 max_events;
	__u32 max_steps;
	__u32 event_size;
	__u32 timer_size;
	__u64 reserved[2];
};

/**
 * struct sleeptimer_setup - sizes of a map, fixed for its lifetime
 * @max_timers: most timers at a time, 1 to %SLEEPTIMER_MAX_TIMERS
 * @max_programs: most programs, 1 to %SLEEPTIMER_MAX_PROGRAMS
 * @max_events: undelivered events that are kept one by one, 1 to
 *	%SLEEPTIMER_MAX_EVENTS; beyond them expirations are counted per timer
 *	and delivered as one event each
 * @flags: must be zero
 * @reserved: must be zero
 */
struct sleeptimer_setup {
	__u32 max_timers;
	__u32 max_programs;
	__u32 max_events;
	__u32 flags;
	__u64 reserved[2];
};

/**
 * enum sleeptimer_step_op - what a step of a program does
 * @SLEEPTIMER_STEP_EVENT: deliver a &struct sleeptimer_event; may run in softirq
 * @SLEEPTIMER_STEP_SLEEP: sleep for &struct sleeptimer_step.arg ns; makes the
 *	program sleepable. A cancel or the close ends the sleep early, and the
 *	steps behind it run at once.
 */
enum sleeptimer_step_op {
	SLEEPTIMER_STEP_EVENT	= 1,
	SLEEPTIMER_STEP_SLEEP	= 2,
};

/**
 * struct sleeptimer_step - one step of a program
 * @op: one of &enum sleeptimer_step_op
 * @flags: must be zero
 * @arg: ns for %SLEEPTIMER_STEP_SLEEP; must be zero for others
 * @reserved: must be zero
 */
struct sleeptimer_step {
	__u32 op;
	__u32 flags;
	__u64 arg;
	__u64 reserved[2];
};

/**
 * struct sleeptimer_program_create - a list of steps for timers to run
 * @steps: address of an array of &struct sleeptimer_step
 * @nr_steps: its length, 1 to %SLEEPTIMER_MAX_STEPS
 * @flags: must be zero
 * @reserved: must be zero
 * @program: (out) names the program in this map
 * @pad: (out) zero
 */
struct sleeptimer_program_create {
	__u64 steps;
	__u32 nr_steps;
	__u32 flags;
	__u64 reserved;
	__u32 program;
	__u32 pad;
};

/**
 * enum sleeptimer_timer_flags - flags of %SLEEPTIMER_IOC_TIMER_INIT
 * @SLEEPTIMER_TIMER_SLEEPABLE: run in a worker, where the callback may sleep,
 *	instead of softirq. Such a timer starts with a delay of 0 only.
 */
enum sleeptimer_timer_flags {
	SLEEPTIMER_TIMER_SLEEPABLE	= 1 << 0,
};

/**
 * struct sleeptimer_timer_init - a new timer
 * @clock: CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME or CLOCK_TAI
 * @flags: of &enum sleeptimer_timer_flags
 * @user_data: comes back in the timer's events
 * @reserved: must be zero
 * @handle: (out) names the timer in this map, and nothing else once it is freed
 */
struct sleeptimer_timer_init {
	__u32 clock;
	__u32 flags;
	__u64 user_data;
	__u64 reserved;
	__u64 handle;
};

/**
 * struct sleeptimer_set_callback - bind a program to a timer
 * @handle: the timer
 * @program: from %SLEEPTIMER_IOC_PROGRAM_CREATE
 * @flags: must be zero
 */
struct sleeptimer_set_callback {
	__u64 handle;
	__u32 program;
	__u32 flags;
};

/**
 * enum sleeptimer_start_flags - flags of %SLEEPTIMER_IOC_TIMER_START
 * @SLEEPTIMER_START_ABS: @expires_ns is a time on the timer's clock, not a
 *	delay from now
 */
enum sleeptimer_start_flags {
	SLEEPTIMER_START_ABS	= 1 << 0,
};

/**
 * struct sleeptimer_timer_start - arm a timer
 * @handle: the timer
 * @expires_ns: delay or, with %SLEEPTIMER_START_ABS, time, in ns; 0 for a
 *	sleepable timer. A time beyond the kernel's range (292 years) is that
 *	range.
 * @flags: of &enum sleeptimer_start_flags
 * @pad: must be zero
 * @reserved: must be zero
 */
struct sleeptimer_timer_start {
	__u64 handle;
	__u64 expires_ns;
	__u32 flags;
	__u32 pad;
	__u64 reserved[3];
};

/**
 * struct sleeptimer_timer_ref - a timer and nothing else
 * @handle: the timer
 * @flags: must be zero
 * @pad: must be zero
 */
struct sleeptimer_timer_ref {
	__u64 handle;
	__u32 flags;
	__u32 pad;
};

/**
 * enum sleeptimer_context - where a callback ran
 * @SLEEPTIMER_CONTEXT_SOFTIRQ: in the timer softirq, where nothing may sleep
 * @SLEEPTIMER_CONTEXT_PROCESS: in a worker of the map's workqueue
 */
enum sleeptimer_context {
	SLEEPTIMER_CONTEXT_SOFTIRQ	= 1,
	SLEEPTIMER_CONTEXT_PROCESS	= 2,
};

/**
 * struct sleeptimer_event - what read() returns, one record an event
 * @handle: the timer
 * @user_data: as given to %SLEEPTIMER_IOC_TIMER_INIT
 * @count: how many EVENT steps this record stands for: 1, or more when they
 *	came faster than they were read
 * @time_ns: when the (last) step ran, CLOCK_MONOTONIC
 * @context: one of &enum sleeptimer_context
 * @cpu: number of the CPU it ran on
 * @worker: thread id of the worker in the initial PID namespace; 0 in softirq
 * @pad: zero
 */
struct sleeptimer_event {
	__u64 handle;
	__u64 user_data;
	__u64 count;
	__u64 time_ns;
	__u32 context;
	__u32 cpu;
	__u32 worker;
	__u32 pad;
};

#define SLEEPTIMER_IOC_MAGIC	0xDA

/* The map. */
#define SLEEPTIMER_IOC_GET_INFO \
	_IOR(SLEEPTIMER_IOC_MAGIC, 0x00, struct sleeptimer_info)
#define SLEEPTIMER_IOC_SETUP \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x01, struct sleeptimer_setup)
#define SLEEPTIMER_IOC_PROGRAM_CREATE \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x02, struct sleeptimer_program_create)

/* The entry points. */
#define SLEEPTIMER_IOC_TIMER_INIT \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x10, struct sleeptimer_timer_init)
#define SLEEPTIMER_IOC_TIMER_SET_CALLBACK \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x11, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x12, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_TIMER_START \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x13, struct sleeptimer_timer_start)
#define SLEEPTIMER_IOC_TIMER_CANCEL \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x14, struct sleeptimer_timer_ref)
#define SLEEPTIMER_IOC_FREE \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x1f, struct sleeptimer_timer_ref)

#endif /* _UAPI_LINUX_SLEEPTIMER_H */
