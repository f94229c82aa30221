/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a C program does with the header and nothing else: a map, a program, a timer, an event.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/sleeptimer.h>
#include <linux/time.h>

#include "scenario.h"

#define USER_DATA	((__u64)0x01234567 << 32 | 0x89abcdef)
#define DELAY_NS	20000000U
#define WAIT_MS		10000

static void print(const char *text)
{
	unsigned int length = 0;

	while (text[length])
		length++;
	sys_write(1, text, length);
}

/* Ends the test with what was not true. */
#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			print("# not " #condition "\n"); \
			return 0; \
		} \
	} while (0)

static __u64 address_of(const void *memory)
{
	return (unsigned long)memory;
}

static int tells_what_it_offers(int fd)
{
	struct sleeptimer_info info;
	unsigned int i;

	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_GET_INFO, &info) == 0);
	CHECK(info.features & SLEEPTIMER_FEATURE_SUBMIT);
	CHECK(info.features & SLEEPTIMER_FEATURE_QUERY);
	CHECK(info.features & SLEEPTIMER_FEATURE_MMAP);
	CHECK(info.resolution_ns > 0 && info.resolution_ns <= 100000000);
	CHECK(info.min_period_ns > 0 && info.min_period_ns <= 1000000);
	CHECK(info.max_sleep_ns > DELAY_NS);
	CHECK(info.max_timers > 0 && info.max_timers <= SLEEPTIMER_MAX_TIMERS);
	CHECK(info.max_programs == SLEEPTIMER_MAX_PROGRAMS);
	CHECK(info.max_events == SLEEPTIMER_MAX_EVENTS);
	CHECK(info.max_steps == SLEEPTIMER_MAX_STEPS);
	CHECK(info.event_size == sizeof(struct sleeptimer_event));
	CHECK(info.max_ops == SLEEPTIMER_MAX_OPS);
	CHECK(info.timer_size >= 64 && info.timer_size <= 1024);
	for (i = 0; i < 4; i++)
		CHECK(info.reserved[i] == 0);
	return 1;
}

static int sets_up(int fd)
{
	static struct sleeptimer_setup setup;

	setup.max_timers = 4;
	setup.max_programs = 2;
	setup.max_events = 8;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_SETUP, &setup) == 0);
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_SETUP, &setup) == -EBUSY);
	return 1;
}

static int creates_program(int fd, __u32 *program)
{
	static struct sleeptimer_program_create create;
	static struct sleeptimer_step step;

	step.op = SLEEPTIMER_STEP_EVENT;
	create.steps = address_of(&step);
	create.nr_steps = 1;
	create.pad = 1;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_PROGRAM_CREATE, &create) == 0);
	CHECK(create.steps == address_of(&step) && create.nr_steps == 1);
	CHECK(create.pad == 0);
	*program = create.program;
	return 1;
}

static int makes_timer(int fd, __u32 program, __u64 *handle)
{
	static struct sleeptimer_init init;
	static struct sleeptimer_set_callback set;

	init.clock = CLOCK_MONOTONIC;
	init.user_data = USER_DATA;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_INIT, &init) == 0);
	CHECK(init.handle != SLEEPTIMER_HANDLE_LAST);
	CHECK(init.user_data == USER_DATA);
	set.handle = init.handle;
	set.program = program;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_SET_CALLBACK, &set) == 0);
	*handle = init.handle;
	return 1;
}

static int fires(int fd, __u64 handle)
{
	static struct sleeptimer_start start;
	static struct sleeptimer_event events[2];
	static struct pollfd file;

	file.fd = fd;
	file.events = POLLIN;
	CHECK(sys_poll(&file, 1, 0) == 0);
	start.handle = handle;
	start.expires_ns = DELAY_NS;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_START, &start) == 0);
	CHECK(sys_poll(&file, 1, WAIT_MS) == 1);
	CHECK(file.revents & POLLIN);
	CHECK(sys_read(fd, events, sizeof(events)) == sizeof(events[0]));
	CHECK(events[0].handle == handle);
	CHECK(events[0].user_data == USER_DATA);
	CHECK(events[0].count == 1);
	CHECK(events[0].time_ns > DELAY_NS);
	CHECK(events[0].context == SLEEPTIMER_CONTEXT_SOFTIRQ);
	CHECK(events[0].cpu < 4096);
	CHECK(events[0].worker == 0);
	CHECK(events[0].flags == 0);
	CHECK(sys_read(fd, events, sizeof(events)) == -EAGAIN);
	return 1;
}

/* Makes a timer by a batch, which fires, and is seen in the ring. */
static int submits_and_maps(int fd, __u32 program)
{
	struct sleeptimer_ring_consumer *consumer = sys_map(fd, 0, 1, 1);
	const struct sleeptimer_ring_producer *producer = sys_map(fd, 1, 1, 0);
	const struct sleeptimer_event *records = sys_map(fd, 2, 1, 0);
	const struct sleeptimer_event *event;
	static struct sleeptimer_submit submit;
	static struct sleeptimer_op ops[4];
	static struct pollfd file;
	__u32 head;

	CHECK(consumer && producer && records);
	CHECK(!sys_map(fd, 1, 1, 1) && !sys_map(fd, 2, 1, 1));
	CHECK(producer->capacity == 8);
	CHECK(producer->event_size == sizeof(*records));
	CHECK(producer->head == consumer->tail);

	ops[0].opcode = SLEEPTIMER_OP_TIMER_INIT;
	ops[0].op_flags = SLEEPTIMER_OP_LINK;
	ops[0].clock = CLOCK_MONOTONIC;
	ops[0].program = program;
	ops[0].value = USER_DATA;
	ops[1].opcode = SLEEPTIMER_OP_TIMER_START;
	ops[1].handle = SLEEPTIMER_HANDLE_LAST;
	ops[1].value = DELAY_NS;
	ops[2].opcode = SLEEPTIMER_OP_FREE;
	ops[2].op_flags = SLEEPTIMER_OP_LINK;
	ops[2].handle = USER_DATA;
	ops[3].opcode = SLEEPTIMER_OP_FREE;
	submit.ops = address_of(ops);
	submit.nr_ops = 4;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_SUBMIT, &submit) == 0);
	CHECK(submit.nr_done == 4 && submit.nr_failed == 2);
	CHECK(ops[0].result == 0 && ops[1].result == 0);
	CHECK(ops[2].result == -ENOENT && ops[3].result == -ECANCELED);

	file.fd = fd;
	file.events = POLLIN;
	CHECK(sys_poll(&file, 1, WAIT_MS) == 1);
	head = __atomic_load_n(&producer->head, __ATOMIC_ACQUIRE);
	CHECK(head - consumer->tail == 1);
	event = &records[consumer->tail % producer->capacity];
	CHECK(event->handle == ops[0].handle);
	CHECK(event->user_data == USER_DATA && event->count == 1);
	__atomic_store_n(&consumer->tail, head, __ATOMIC_RELEASE);
	CHECK(sys_poll(&file, 1, 0) == 0);
	return 1;
}

/* Whether a query tells of a timer that is armed, all in the right fields. */
static int is_armed(int fd, __u64 handle)
{
	static struct sleeptimer_query query;

	query.handle = handle;
	query.pad = 1;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_QUERY, &query) == 0);
	CHECK(query.handle == handle && query.user_data == USER_DATA);
	CHECK(query.expires_ns > query.remaining_ns);
	CHECK(query.remaining_ns > DELAY_NS);
	CHECK(query.period_ns == 0 && query.backlog == 0 && query.pad == 0);
	CHECK(query.kind == SLEEPTIMER_KIND_TIMER);
	CHECK(query.clock == CLOCK_MONOTONIC);
	CHECK(query.state == SLEEPTIMER_STATE_ARMED);
	return 1;
}

static int cancels_and_frees(int fd, __u64 handle)
{
	static struct sleeptimer_start start;
	static struct sleeptimer_ref timer;

	start.handle = handle;
	start.expires_ns = (__u64)DELAY_NS << 20;
	timer.handle = handle;
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_START, &start) == 0);
	CHECK(is_armed(fd, handle));
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_CANCEL, &timer) == 1);
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_CANCEL, &timer) == 0);
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_TIMER_START, &start) == -EINVAL);
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_FREE, &timer) == 0);
	CHECK(sys_ioctl(fd, SLEEPTIMER_IOC_FREE, &timer) == -ENOENT);
	return 1;
}

static int passes(void)
{
	__u32 program;
	__u64 handle;
	long fd;

	fd = sys_open("/dev/sleeptimer", O_RDWR | O_NONBLOCK);
	CHECK(fd >= 0);
	return tells_what_it_offers(fd) && sets_up(fd) &&
	       creates_program(fd, &program) &&
	       makes_timer(fd, program, &handle) && fires(fd, handle) &&
	       submits_and_maps(fd, program) &&
	       cancels_and_frees(fd, handle) && sys_close(fd) == 0;
}

int scenario(void)
{
	print("TAP version 13\n1..1\n");
	if (!passes()) {
		print("not ok 1 - a C program gets its event\n");
		return 1;
	}
	print("ok 1 - a C program gets its event\n");
	return 0;
}
