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
 * One open of /dev/sleeptimer is a *map*: it owns timers, programs and a ring
 * of events. Its last close cancels, waits for and frees all of them.
 */

/* Limits that the ABI itself sets; a kernel may set lower ones (GET_INFO). */
#define SLEEPTIMER_MAX_TIMERS		(1U << 24)
#define SLEEPTIMER_MAX_PROGRAMS		4095U
#define SLEEPTIMER_MAX_EVENTS		(1U << 20)
#define SLEEPTIMER_MAX_STEPS		16U
#define SLEEPTIMER_MAX_WRITE		4096U
#define SLEEPTIMER_MAX_OPS		(1U << 20)

/**
 * enum sleeptimer_features - bits of &struct sleeptimer_info.features
 * @SLEEPTIMER_FEATURE_SUBMIT: %SLEEPTIMER_IOC_SUBMIT
 * @SLEEPTIMER_FEATURE_QUERY: %SLEEPTIMER_IOC_QUERY and
 *	%SLEEPTIMER_IOC_PROGRAM_QUERY
 * @SLEEPTIMER_FEATURE_MMAP: the ring of events can be mapped
 * @SLEEPTIMER_FEATURE_EVENTFD: %SLEEPTIMER_STEP_EVENTFD
 * @SLEEPTIMER_FEATURE_FILES: %SLEEPTIMER_STEP_WRITE, %SLEEPTIMER_STEP_FSYNC and
 *	%SLEEPTIMER_STEP_FDATASYNC
 */
enum sleeptimer_features {
	SLEEPTIMER_FEATURE_SUBMIT	= 1 << 0,
	SLEEPTIMER_FEATURE_QUERY	= 1 << 1,
	SLEEPTIMER_FEATURE_MMAP		= 1 << 2,
	SLEEPTIMER_FEATURE_EVENTFD	= 1 << 3,
	SLEEPTIMER_FEATURE_FILES	= 1 << 4
};

/**
 * struct sleeptimer_info - what this kernel offers
 * @features: bitmap of &enum sleeptimer_features
 * @resolution_ns: resolution of the timers, in ns
 * @min_period_ns: shortest &struct sleeptimer_start.period_ns, in ns
 * @max_sleep_ns: longest %SLEEPTIMER_STEP_SLEEP, in ns
 * @max_timers: largest &struct sleeptimer_setup.max_timers
 * @max_programs: largest &struct sleeptimer_setup.max_programs
 * @max_events: largest &struct sleeptimer_setup.max_events
 * @max_steps: most steps of one program
 * @event_size: size of one &struct sleeptimer_event, in bytes
 * @timer_size: kernel memory of one timer object, in bytes; that of a
 *	high-resolution delayed_wq is larger
 * @max_write: longest %SLEEPTIMER_STEP_WRITE, in bytes
 * @max_ops: largest &struct sleeptimer_submit.nr_ops
 * @reserved: zero
 */
struct sleeptimer_info {
	__u64 features;
	__u64 resolution_ns;
	__u64 min_period_ns;
	__u64 max_sleep_ns;
	__u32 max_timers;
	__u32 max_programs;
	__u32 max_events;
	__u32 max_steps;
	__u32 event_size;
	__u32 timer_size;
	__u32 max_write;
	__u32 max_ops;
	__u64 reserved[4];
};

/**
 * struct sleeptimer_setup - sizes of a map, fixed for its lifetime
 * @max_timers: most timers at a time, 1 to &struct sleeptimer_info.max_timers
 * @max_programs: most programs at a time, 1 to
 *	&struct sleeptimer_info.max_programs
 * @max_events: undelivered events that are kept one by one, 1 to
 *	&struct sleeptimer_info.max_events, rounded up to a power of two; beyond
 *	them expirations are counted per timer and delivered as one event each
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
 * @SLEEPTIMER_STEP_EVENT: deliver a &struct sleeptimer_event
 * @SLEEPTIMER_STEP_SLEEP: sleep for &struct sleeptimer_step.arg ns. A cancel or
 *	the close ends the sleep early, and the steps behind it run at once.
 * @SLEEPTIMER_STEP_EVENTFD: add 1 to the eventfd &struct sleeptimer_step.fd
 * @SLEEPTIMER_STEP_WRITE: write to the file &struct sleeptimer_step.fd the
 *	&struct sleeptimer_step.len bytes that were at &struct sleeptimer_step.arg
 *	when the program was created, at &struct sleeptimer_step.offset of a file
 *	that has positions. Never waits for room: a pipe, socket or device that
 *	takes nothing, or not all, is a failure of the step.
 * @SLEEPTIMER_STEP_FSYNC: as fsync() of the file &struct sleeptimer_step.fd
 * @SLEEPTIMER_STEP_FDATASYNC: as fdatasync() of that file
 *
 * EVENT and EVENTFD may run in softirq. A program with any other step is
 * sleepable: it is for timers that run in a worker.
 *
 * A step that fails is counted (%SLEEPTIMER_IOC_PROGRAM_QUERY), and the steps
 * behind it run.
 */
enum sleeptimer_step_op {
	SLEEPTIMER_STEP_EVENT		= 1,
	SLEEPTIMER_STEP_SLEEP		= 2,
	SLEEPTIMER_STEP_EVENTFD		= 3,
	SLEEPTIMER_STEP_WRITE		= 4,
	SLEEPTIMER_STEP_FSYNC		= 5,
	SLEEPTIMER_STEP_FDATASYNC	= 6
};

/**
 * struct sleeptimer_step - one step of a program
 * @op: one of &enum sleeptimer_step_op
 * @flags: must be zero
 * @arg: ns for %SLEEPTIMER_STEP_SLEEP, an address for %SLEEPTIMER_STEP_WRITE;
 *	must be zero for others
 * @len: bytes for %SLEEPTIMER_STEP_WRITE, 1 to &struct sleeptimer_info.max_write;
 *	must be zero for others
 * @fd: the file, for the steps that have one; must be zero for others. The
 *	program keeps the file open, under whatever number.
 * @offset: where %SLEEPTIMER_STEP_WRITE writes, in bytes from the start of a
 *	file that has positions; must be zero for others
 */
struct sleeptimer_step {
	__u32 op;
	__u32 flags;
	__u64 arg;
	__u32 len;
	__s32 fd;
	__u64 offset;
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
 * struct sleeptimer_step_status - how a step has fared
 * @failures: how many of its runs have failed
 * @last_error: the error number of the last of them; 0: none has failed
 * @pad: zero
 */
struct sleeptimer_step_status {
	__u64 failures;
	__u32 last_error;
	__u32 pad;
};

/**
 * struct sleeptimer_program_query - how the steps of a program have fared
 * @status: address of an array of &struct sleeptimer_step_status
 * @nr_status: its length; of a program with more steps, only so many are told
 * @program: from %SLEEPTIMER_IOC_PROGRAM_CREATE
 * @flags: must be zero
 * @reserved: must be zero
 * @nr_steps: (out) how many steps the program has
 * @pad: (out) zero
 */
struct sleeptimer_program_query {
	__u64 status;
	__u32 nr_status;
	__u32 program;
	__u32 flags;
	__u32 reserved;
	__u32 nr_steps;
	__u32 pad;
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
	SLEEPTIMER_DELAYED_WQ_HIGHRES	= 1 << 0
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
 * @SLEEPTIMER_START_ABS: the expiry is a time on the timer's clock, as the
 *	caller's time namespace shows it, not a delay from now
 * @SLEEPTIMER_START_CPU_PIN: fire on the CPU that makes the call
 * @SLEEPTIMER_START_CPU: fire on the CPU that &struct sleeptimer_start.cpu names
 */
enum sleeptimer_start_flags {
	SLEEPTIMER_START_ABS		= 1 << 0,
	SLEEPTIMER_START_CPU_PIN	= 1 << 1,
	/* 1 << 2 stays free: it is an error for bpf_timer_start() too. */
	SLEEPTIMER_START_CPU		= 1 << 3
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
 * enum sleeptimer_kind - what a timer is
 * @SLEEPTIMER_KIND_TIMER: a timer, whose callback runs in softirq
 * @SLEEPTIMER_KIND_SLEEPABLE_TIMER: a timer with %SLEEPTIMER_TIMER_SLEEPABLE
 * @SLEEPTIMER_KIND_WQ: a wq
 * @SLEEPTIMER_KIND_DELAYED_WQ: a delayed_wq in jiffies
 * @SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ: a delayed_wq with
 *	%SLEEPTIMER_DELAYED_WQ_HIGHRES
 */
enum sleeptimer_kind {
	SLEEPTIMER_KIND_TIMER			= 1,
	SLEEPTIMER_KIND_SLEEPABLE_TIMER		= 2,
	SLEEPTIMER_KIND_WQ			= 3,
	SLEEPTIMER_KIND_DELAYED_WQ		= 4,
	SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ	= 5
};

/**
 * enum sleeptimer_state - bits of &struct sleeptimer_query.state
 * @SLEEPTIMER_STATE_ARMED: the callback will run
 * @SLEEPTIMER_STATE_RUNNING: the callback runs
 */
enum sleeptimer_state {
	SLEEPTIMER_STATE_ARMED		= 1 << 0,
	SLEEPTIMER_STATE_RUNNING	= 1 << 1
};

/**
 * struct sleeptimer_query - a look at a timer, which may change meanwhile
 * @handle: the timer
 * @flags: must be zero
 * @reserved: must be zero
 * @user_data: (out) as given to the init call
 * @expires_ns: (out) the time on the timer's clock, as the caller's time
 *	namespace shows it, when it fires next; 0 if it is not armed, or fires as
 *	soon as there is a worker
 * @remaining_ns: (out) how long that is from now; 0 if it is due
 * @period_ns: (out) as given to the start call
 * @backlog: (out) expirations that found the ring of events full, and have not
 *	been delivered yet
 * @kind: (out) one of &enum sleeptimer_kind
 * @clock: (out) as given to the init call
 * @state: (out) bits of &enum sleeptimer_state
 * @pad: (out) zero
 */
struct sleeptimer_query {
	__u64 handle;
	__u32 flags;
	__u32 reserved;
	__u64 user_data;
	__u64 expires_ns;
	__u64 remaining_ns;
	__u64 period_ns;
	__u64 backlog;
	__u32 kind;
	__u32 clock;
	__u32 state;
	__u32 pad;
};

/**
 * enum sleeptimer_opcode - which entry point a &struct sleeptimer_op calls
 * @SLEEPTIMER_OP_TIMER_INIT: %SLEEPTIMER_IOC_TIMER_INIT, and then the binding of
 *	&struct sleeptimer_op.program, unless that is 0
 * @SLEEPTIMER_OP_TIMER_SET_CALLBACK: %SLEEPTIMER_IOC_TIMER_SET_CALLBACK
 * @SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB: %SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB
 * @SLEEPTIMER_OP_TIMER_START: %SLEEPTIMER_IOC_TIMER_START
 * @SLEEPTIMER_OP_TIMER_CANCEL: %SLEEPTIMER_IOC_TIMER_CANCEL
 * @SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP: %SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP
 * @SLEEPTIMER_OP_TIMER_CANCEL_ASYNC: %SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC
 * @SLEEPTIMER_OP_WQ_INIT: %SLEEPTIMER_IOC_WQ_INIT, and the binding
 * @SLEEPTIMER_OP_WQ_SET_CALLBACK: %SLEEPTIMER_IOC_WQ_SET_CALLBACK
 * @SLEEPTIMER_OP_WQ_START: %SLEEPTIMER_IOC_WQ_START
 * @SLEEPTIMER_OP_WQ_CANCEL: %SLEEPTIMER_IOC_WQ_CANCEL
 * @SLEEPTIMER_OP_DELAYED_WQ_INIT: %SLEEPTIMER_IOC_DELAYED_WQ_INIT, and the
 *	binding
 * @SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK:
 *	%SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK
 * @SLEEPTIMER_OP_DELAYED_WQ_START: %SLEEPTIMER_IOC_DELAYED_WQ_START
 * @SLEEPTIMER_OP_DELAYED_WQ_MOD: %SLEEPTIMER_IOC_DELAYED_WQ_MOD
 * @SLEEPTIMER_OP_DELAYED_WQ_CANCEL: %SLEEPTIMER_IOC_DELAYED_WQ_CANCEL
 * @SLEEPTIMER_OP_FREE: %SLEEPTIMER_IOC_FREE
 *
 * Each is the number of the request in its ioctl command.
 */
enum sleeptimer_opcode {
	SLEEPTIMER_OP_TIMER_INIT		= 0x10,
	SLEEPTIMER_OP_TIMER_SET_CALLBACK	= 0x11,
	SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB	= 0x12,
	SLEEPTIMER_OP_TIMER_START		= 0x13,
	SLEEPTIMER_OP_TIMER_CANCEL		= 0x14,
	SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP	= 0x15,
	SLEEPTIMER_OP_TIMER_CANCEL_ASYNC	= 0x16,
	SLEEPTIMER_OP_WQ_INIT			= 0x20,
	SLEEPTIMER_OP_WQ_SET_CALLBACK		= 0x21,
	SLEEPTIMER_OP_WQ_START			= 0x22,
	SLEEPTIMER_OP_WQ_CANCEL			= 0x23,
	SLEEPTIMER_OP_DELAYED_WQ_INIT		= 0x30,
	SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK	= 0x31,
	SLEEPTIMER_OP_DELAYED_WQ_START		= 0x32,
	SLEEPTIMER_OP_DELAYED_WQ_MOD		= 0x33,
	SLEEPTIMER_OP_DELAYED_WQ_CANCEL		= 0x34,
	SLEEPTIMER_OP_FREE			= 0x40
};

/**
 * enum sleeptimer_op_flags - bits of &struct sleeptimer_op.op_flags
 * @SLEEPTIMER_OP_LINK: if this op fails, the next one does not run: its result
 *	is -ECANCELED, and that counts as its failure
 * @SLEEPTIMER_OP_PERIODIC: for starts: the value is the period, too
 */
enum sleeptimer_op_flags {
	SLEEPTIMER_OP_LINK	= 1 << 0,
	SLEEPTIMER_OP_PERIODIC	= 1 << 1
};

/* In an op: the timer of the last init op before it in the same batch. */
#define SLEEPTIMER_HANDLE_LAST	0U

/**
 * struct sleeptimer_op - one call of a batch
 * @opcode: one of &enum sleeptimer_opcode
 * @op_flags: bits of &enum sleeptimer_op_flags
 * @flags: flags of the call: of &enum sleeptimer_init_flags or
 *	&enum sleeptimer_start_flags
 * @clock: for init, else must be zero
 * @program: the program to bind, for set_callback and init (0: none); the CPU,
 *	for a start with %SLEEPTIMER_START_CPU; else must be zero
 * @value: user_data, for init; expires_ns, for starts; else must be zero
 * @handle: the timer; of an init, must be zero, and (out) the new one
 * @result: (out) what the call returns: 0 or more, or minus the error number
 * @pad: must be zero
 *
 * A slack, and a period that is not the delay, take the single call.
 */
struct sleeptimer_op {
	__u8 opcode;
	__u8 op_flags;
	__u8 flags;
	__u8 clock;
	__u32 program;
	__u64 value;
	__u64 handle;
	__s32 result;
	__u32 pad;
};

/**
 * struct sleeptimer_submit - a batch of calls, which run one after the other
 * @ops: address of an array of &struct sleeptimer_op
 * @nr_ops: its length, 1 to %SLEEPTIMER_MAX_OPS
 * @flags: must be zero
 * @reserved: must be zero
 * @nr_done: (out) how many ops have a result. Fewer than @nr_ops: a signal came,
 *	or an op could not be read or written; submit the rest.
 * @nr_failed: (out) how many of these results are errors
 */
struct sleeptimer_submit {
	__u64 ops;
	__u32 nr_ops;
	__u32 flags;
	__u64 reserved;
	__u32 nr_done;
	__u32 nr_failed;
};

/**
 * enum sleeptimer_context - where a callback ran
 * @SLEEPTIMER_CONTEXT_SOFTIRQ: in the timer softirq, where nothing may sleep
 * @SLEEPTIMER_CONTEXT_PROCESS: in a worker of the map's workqueue
 */
enum sleeptimer_context {
	SLEEPTIMER_CONTEXT_SOFTIRQ	= 1,
	SLEEPTIMER_CONTEXT_PROCESS	= 2
};

/**
 * enum sleeptimer_event_flags - bits of &struct sleeptimer_event.flags
 * @SLEEPTIMER_EVENT_ACCUMULATED: the record stands for all that a timer had to
 *	tell while the ring was full. Its time is when the record was made;
 *	context, CPU and worker are 0.
 */
enum sleeptimer_event_flags {
	SLEEPTIMER_EVENT_ACCUMULATED	= 1 << 0
};

/**
 * struct sleeptimer_event - a record of the ring, which read() returns too
 * @handle: the timer
 * @user_data: as given to the init call
 * @count: how many expirations this record stands for: 1, or more when a
 *	periodic timer fired late, or when events came faster than they were read
 * @time_ns: when the step ran, CLOCK_MONOTONIC in the time namespace of the task
 *	that set the map up
 * @context: one of &enum sleeptimer_context
 * @cpu: number of the CPU it ran on
 * @worker: thread id of the worker in the initial PID namespace; 0 in softirq
 * @flags: bits of &enum sleeptimer_event_flags
 */
struct sleeptimer_event {
	__u64 handle;
	__u64 user_data;
	__u64 count;
	__u64 time_ns;
	__u32 context;
	__u32 cpu;
	__u32 worker;
	__u32 flags;
};

/**
 * DOC: the mapped ring
 *
 * mmap() of the device maps, at these offsets, in units of the page size:
 *
 * - 0: a page with &struct sleeptimer_ring_consumer, which may be written;
 * - 1: a page with &struct sleeptimer_ring_producer, read only;
 * - 2: &struct sleeptimer_ring_producer.capacity records of
 *   &struct sleeptimer_event, read only.
 *
 * Record number n is at n modulo capacity. The consumer loads head (acquire),
 * reads the records from tail to head, and stores the new tail (release). When
 * there are none, and %SLEEPTIMER_RING_BACKLOG is set, poll() or read() moves on
 * what found the ring full. A tail that makes no sense makes the ring full.
 * A map stays open as long as it is mapped.
 */

/**
 * struct sleeptimer_ring_consumer - what user space writes of the ring
 * @tail: number of the next record that it has not taken, modulo 2^32
 * @reserved: leave it alone
 */
struct sleeptimer_ring_consumer {
	__u32 tail;
	__u32 reserved;
};

/**
 * enum sleeptimer_ring_flags - bits of &struct sleeptimer_ring_producer.flags
 * @SLEEPTIMER_RING_BACKLOG: expirations have found the ring full
 */
enum sleeptimer_ring_flags {
	SLEEPTIMER_RING_BACKLOG	= 1 << 0
};

/**
 * struct sleeptimer_ring_producer - what the kernel writes of the ring
 * @head: number of the next record that it will add, modulo 2^32
 * @flags: bits of &enum sleeptimer_ring_flags
 * @capacity: how many records the ring holds, a power of two
 * @event_size: size of a record, in bytes
 */
struct sleeptimer_ring_producer {
	__u32 head;
	__u32 flags;
	__u32 capacity;
	__u32 event_size;
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
#define SLEEPTIMER_IOC_SUBMIT \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x04, struct sleeptimer_submit)
#define SLEEPTIMER_IOC_QUERY \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x05, struct sleeptimer_query)
#define SLEEPTIMER_IOC_PROGRAM_QUERY \
	_IOWR(SLEEPTIMER_IOC_MAGIC, 0x06, struct sleeptimer_program_query)

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
