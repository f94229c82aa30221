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
 * @timer_size: kernel memory of one timer object, in bytes; that of a
 *	high-resolution delayed_wq is larger
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
 * @max_programs: most programs at a time, 1 to %SLEEPTIMER_MAX_PROGRAMS
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
 * struct sleeptimer_program_ref - a program and nothing else
 * @program: from %SLEEPTIMER_IOC_PROGRAM_CREATE
 * @flags: must be zero
 */
struct sleeptimer_program_ref {
	__u32 program;
	__u32 flags;
};

/**
 * enum sleeptimer_init_flags - flags of the init calls
 * @SLEEPTIMER_TIMER_SLEEPABLE: for %SLEEPTIMER_IOC_TIMER_INIT: run in a worker,
 *	where the callback may sleep, instead of softirq. Such a timer starts
 *	with a delay of 0 only.
 * @SLEEPTIMER_DELAYED_WQ_HIGHRES: for %SLEEPTIMER_IOC_DELAYED_WQ_INIT: measure
 *	the delay with an hrtimer, in ns and on any clock, instead of jiffies
 */
enum sleeptimer_init_flags {
	SLEEPTIMER_TIMER_SLEEPABLE	= 1 << 0,
	SLEEPTIMER_DELAYED_WQ_HIGHRES	= 1 << 0,
};

/**
 * struct sleeptimer_init - a new timer, wq or delayed_wq
 * @clock: CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME or CLOCK_TAI;
 *	CLOCK_MONOTONIC for what does not measure time with an hrtimer
 * @flags: of &enum sleeptimer_init_flags
 * @user_data: comes back in the timer's events
 * @reserved: must be zero
 * @handle: (out) names the timer in this map, and nothing else once it is freed
 */
struct sleeptimer_init {
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
 * enum sleeptimer_start_flags - flags of the start calls
 * @SLEEPTIMER_START_ABS: @expires_ns is a time on the timer's clock, not a
 *	delay from now
 * @SLEEPTIMER_START_CPU_PIN: fire on the CPU that makes the call
 * @SLEEPTIMER_START_CPU: fire on the CPU that &struct sleeptimer_start.cpu names
 */
enum sleeptimer_start_flags {
	SLEEPTIMER_START_ABS		= 1 << 0,
	SLEEPTIMER_START_CPU_PIN	= 1 << 1,
	/* 1 << 2 stays free: it is an error for bpf_timer_start() too. */
	SLEEPTIMER_START_CPU		= 1 << 3,
};

/**
 * struct sleeptimer_start - arm a timer, wq or delayed_wq
 * @handle: the timer
 * @expires_ns: delay or, with %SLEEPTIMER_START_ABS, time, in ns. A time beyond
 *	the kernel's range (292 years) is that range.
 * @flags: of &enum sleeptimer_start_flags
 * @cpu: the CPU, with %SLEEPTIMER_START_CPU; else must be zero
 * @slack_ns: how much later it may fire, to fire together with others
 * @period_ns: fire again and again, this far apart; 0 for once
 * @reserved: must be zero
 *
 * A sleepable timer and a wq take no more than @handle; a delayed_wq without
 * %SLEEPTIMER_DELAYED_WQ_HIGHRES takes @handle and a delay.
 */
struct sleeptimer_start {
	__u64 handle;
	__u64 expires_ns;
	__u32 flags;
	__u32 cpu;
	__u64 slack_ns;
	__u64 period_ns;
	__u64 reserved;
};

/**
 * struct sleeptimer_ref - a timer and nothing else
 * @handle: the timer
 * @flags: must be zero
 * @pad: must be zero
 */
struct sleeptimer_ref {
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
 * @count: how many expirations this record stands for: 1, or more when a
 *	periodic timer fired late, or when events came faster than they were read
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
#define SLEEPTIMER_IOC_PROGRAM_DESTROY \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x03, struct sleeptimer_program_ref)

/* The entry points: timers. */
#define SLEEPTIMER_IOC_TIMER_INIT \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x10, struct sleeptimer_init)
#define SLEEPTIMER_IOC_TIMER_SET_CALLBACK \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x11, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x12, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_TIMER_START \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x13, struct sleeptimer_start)
#define SLEEPTIMER_IOC_TIMER_CANCEL \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x14, struct sleeptimer_ref)
#define SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x15, struct sleeptimer_ref)
#define SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x16, struct sleeptimer_ref)

/* The entry points: work queues. */
#define SLEEPTIMER_IOC_WQ_INIT \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x20, struct sleeptimer_init)
#define SLEEPTIMER_IOC_WQ_SET_CALLBACK \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x21, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_WQ_START \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x22, struct sleeptimer_start)
#define SLEEPTIMER_IOC_WQ_CANCEL \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x23, struct sleeptimer_ref)

/* The entry points: delayed work queues. */
#define SLEEPTIMER_IOC_DELAYED_WQ_INIT \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x30, struct sleeptimer_init)
#define SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x31, struct sleeptimer_set_callback)
#define SLEEPTIMER_IOC_DELAYED_WQ_START \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x32, struct sleeptimer_start)
#define SLEEPTIMER_IOC_DELAYED_WQ_MOD \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x33, struct sleeptimer_start)
#define SLEEPTIMER_IOC_DELAYED_WQ_CANCEL \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x34, struct sleeptimer_ref)

/* The entry point of all of them. */
#define SLEEPTIMER_IOC_FREE \
	_IOW(SLEEPTIMER_IOC_MAGIC, 0x40, struct sleeptimer_ref)

#endif /* _UAPI_LINUX_SLEEPTIMER_H */
