/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of the ABI, for every compiler that includes the header: C90, C++, 32 and 64 bits.
 *
 * The numbers are written out: an ABI is what does not follow when a structure changes.
 */
#include <stddef.h>

#include <linux/sleeptimer.h>

/* C90 and C++98 have no static assertion: an array of -1 elements is one. */
#define NAMED(line)	assertion_ ## line
#define ASSERT_AT(line, condition) \
	typedef char NAMED(line)[(condition) ? 1 : -1]
#define ASSERT(condition)	ASSERT_AT(__LINE__, condition)

#define SIZE(type, size)	ASSERT(sizeof(struct type) == (size))
#define FIELD(type, field, offset) \
	ASSERT(offsetof(struct type, field) == (offset))
#define NUMBER(name, value)	ASSERT((name) == (value))

SIZE(sleeptimer_info, 96);
FIELD(sleeptimer_info, features, 0);
FIELD(sleeptimer_info, resolution_ns, 8);
FIELD(sleeptimer_info, min_period_ns, 16);
FIELD(sleeptimer_info, max_sleep_ns, 24);
FIELD(sleeptimer_info, max_timers, 32);
FIELD(sleeptimer_info, max_programs, 36);
FIELD(sleeptimer_info, max_events, 40);
FIELD(sleeptimer_info, max_steps, 44);
FIELD(sleeptimer_info, event_size, 48);
FIELD(sleeptimer_info, timer_size, 52);
FIELD(sleeptimer_info, max_write, 56);
FIELD(sleeptimer_info, max_ops, 60);
FIELD(sleeptimer_info, reserved, 64);

SIZE(sleeptimer_setup, 32);
FIELD(sleeptimer_setup, max_timers, 0);
FIELD(sleeptimer_setup, max_programs, 4);
FIELD(sleeptimer_setup, max_events, 8);
FIELD(sleeptimer_setup, flags, 12);
FIELD(sleeptimer_setup, reserved, 16);

SIZE(sleeptimer_step, 32);
FIELD(sleeptimer_step, op, 0);
FIELD(sleeptimer_step, flags, 4);
FIELD(sleeptimer_step, arg, 8);
FIELD(sleeptimer_step, len, 16);
FIELD(sleeptimer_step, fd, 20);
FIELD(sleeptimer_step, offset, 24);

SIZE(sleeptimer_program_create, 32);
FIELD(sleeptimer_program_create, steps, 0);
FIELD(sleeptimer_program_create, nr_steps, 8);
FIELD(sleeptimer_program_create, flags, 12);
FIELD(sleeptimer_program_create, reserved, 16);
FIELD(sleeptimer_program_create, program, 24);
FIELD(sleeptimer_program_create, pad, 28);

SIZE(sleeptimer_program_ref, 8);
FIELD(sleeptimer_program_ref, program, 0);
FIELD(sleeptimer_program_ref, flags, 4);

SIZE(sleeptimer_step_status, 16);
FIELD(sleeptimer_step_status, failures, 0);
FIELD(sleeptimer_step_status, last_error, 8);
FIELD(sleeptimer_step_status, pad, 12);

SIZE(sleeptimer_program_query, 32);
FIELD(sleeptimer_program_query, status, 0);
FIELD(sleeptimer_program_query, nr_status, 8);
FIELD(sleeptimer_program_query, program, 12);
FIELD(sleeptimer_program_query, flags, 16);
FIELD(sleeptimer_program_query, reserved, 20);
FIELD(sleeptimer_program_query, nr_steps, 24);
FIELD(sleeptimer_program_query, pad, 28);

SIZE(sleeptimer_init, 32);
FIELD(sleeptimer_init, clock, 0);
FIELD(sleeptimer_init, flags, 4);
FIELD(sleeptimer_init, user_data, 8);
FIELD(sleeptimer_init, reserved, 16);
FIELD(sleeptimer_init, handle, 24);

SIZE(sleeptimer_set_callback, 16);
FIELD(sleeptimer_set_callback, handle, 0);
FIELD(sleeptimer_set_callback, program, 8);
FIELD(sleeptimer_set_callback, flags, 12);

SIZE(sleeptimer_start, 48);
FIELD(sleeptimer_start, handle, 0);
FIELD(sleeptimer_start, expires_ns, 8);
FIELD(sleeptimer_start, flags, 16);
FIELD(sleeptimer_start, cpu, 20);
FIELD(sleeptimer_start, slack_ns, 24);
FIELD(sleeptimer_start, period_ns, 32);
FIELD(sleeptimer_start, reserved, 40);

SIZE(sleeptimer_ref, 16);
FIELD(sleeptimer_ref, handle, 0);
FIELD(sleeptimer_ref, flags, 8);
FIELD(sleeptimer_ref, pad, 12);

SIZE(sleeptimer_query, 72);
FIELD(sleeptimer_query, handle, 0);
FIELD(sleeptimer_query, flags, 8);
FIELD(sleeptimer_query, reserved, 12);
FIELD(sleeptimer_query, user_data, 16);
FIELD(sleeptimer_query, expires_ns, 24);
FIELD(sleeptimer_query, remaining_ns, 32);
FIELD(sleeptimer_query, period_ns, 40);
FIELD(sleeptimer_query, backlog, 48);
FIELD(sleeptimer_query, kind, 56);
FIELD(sleeptimer_query, clock, 60);
FIELD(sleeptimer_query, state, 64);
FIELD(sleeptimer_query, pad, 68);

SIZE(sleeptimer_op, 32);
FIELD(sleeptimer_op, opcode, 0);
FIELD(sleeptimer_op, op_flags, 1);
FIELD(sleeptimer_op, flags, 2);
FIELD(sleeptimer_op, clock, 3);
FIELD(sleeptimer_op, program, 4);
FIELD(sleeptimer_op, value, 8);
FIELD(sleeptimer_op, handle, 16);
FIELD(sleeptimer_op, result, 24);
FIELD(sleeptimer_op, pad, 28);

SIZE(sleeptimer_submit, 32);
FIELD(sleeptimer_submit, ops, 0);
FIELD(sleeptimer_submit, nr_ops, 8);
FIELD(sleeptimer_submit, flags, 12);
FIELD(sleeptimer_submit, reserved, 16);
FIELD(sleeptimer_submit, nr_done, 24);
FIELD(sleeptimer_submit, nr_failed, 28);

SIZE(sleeptimer_event, 48);
FIELD(sleeptimer_event, handle, 0);
FIELD(sleeptimer_event, user_data, 8);
FIELD(sleeptimer_event, count, 16);
FIELD(sleeptimer_event, time_ns, 24);
FIELD(sleeptimer_event, context, 32);
FIELD(sleeptimer_event, cpu, 36);
FIELD(sleeptimer_event, worker, 40);
FIELD(sleeptimer_event, flags, 44);

SIZE(sleeptimer_ring_consumer, 8);
FIELD(sleeptimer_ring_consumer, tail, 0);
FIELD(sleeptimer_ring_consumer, reserved, 4);

SIZE(sleeptimer_ring_producer, 16);
FIELD(sleeptimer_ring_producer, head, 0);
FIELD(sleeptimer_ring_producer, flags, 4);
FIELD(sleeptimer_ring_producer, capacity, 8);
FIELD(sleeptimer_ring_producer, event_size, 12);

NUMBER(SLEEPTIMER_IOC_GET_INFO, 0x8060DA00U);
NUMBER(SLEEPTIMER_IOC_SETUP, 0x4020DA01U);
NUMBER(SLEEPTIMER_IOC_PROGRAM_CREATE, 0xC020DA02U);
NUMBER(SLEEPTIMER_IOC_PROGRAM_DESTROY, 0x4008DA03U);
NUMBER(SLEEPTIMER_IOC_SUBMIT, 0xC020DA04U);
NUMBER(SLEEPTIMER_IOC_QUERY, 0xC048DA05U);
NUMBER(SLEEPTIMER_IOC_PROGRAM_QUERY, 0xC020DA06U);
NUMBER(SLEEPTIMER_IOC_TIMER_INIT, 0xC020DA10U);
NUMBER(SLEEPTIMER_IOC_TIMER_SET_CALLBACK, 0x4010DA11U);
NUMBER(SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB, 0x4010DA12U);
NUMBER(SLEEPTIMER_IOC_TIMER_START, 0x4030DA13U);
NUMBER(SLEEPTIMER_IOC_TIMER_CANCEL, 0x4010DA14U);
NUMBER(SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP, 0x4010DA15U);
NUMBER(SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC, 0x4010DA16U);
NUMBER(SLEEPTIMER_IOC_WQ_INIT, 0xC020DA20U);
NUMBER(SLEEPTIMER_IOC_WQ_SET_CALLBACK, 0x4010DA21U);
NUMBER(SLEEPTIMER_IOC_WQ_START, 0x4030DA22U);
NUMBER(SLEEPTIMER_IOC_WQ_CANCEL, 0x4010DA23U);
NUMBER(SLEEPTIMER_IOC_DELAYED_WQ_INIT, 0xC020DA30U);
NUMBER(SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK, 0x4010DA31U);
NUMBER(SLEEPTIMER_IOC_DELAYED_WQ_START, 0x4030DA32U);
NUMBER(SLEEPTIMER_IOC_DELAYED_WQ_MOD, 0x4030DA33U);
NUMBER(SLEEPTIMER_IOC_DELAYED_WQ_CANCEL, 0x4010DA34U);
NUMBER(SLEEPTIMER_IOC_FREE, 0x4010DA40U);

/* An opcode is the number in the request. */
#define OPCODE(name) \
	ASSERT(SLEEPTIMER_OP_ ## name == _IOC_NR(SLEEPTIMER_IOC_ ## name))

OPCODE(TIMER_INIT);
OPCODE(TIMER_SET_CALLBACK);
OPCODE(TIMER_SET_SLEEPABLE_CB);
OPCODE(TIMER_START);
OPCODE(TIMER_CANCEL);
OPCODE(TIMER_CANCEL_NO_DROP);
OPCODE(TIMER_CANCEL_ASYNC);
OPCODE(WQ_INIT);
OPCODE(WQ_SET_CALLBACK);
OPCODE(WQ_START);
OPCODE(WQ_CANCEL);
OPCODE(DELAYED_WQ_INIT);
OPCODE(DELAYED_WQ_SET_CALLBACK);
OPCODE(DELAYED_WQ_START);
OPCODE(DELAYED_WQ_MOD);
OPCODE(DELAYED_WQ_CANCEL);
OPCODE(FREE);

NUMBER(SLEEPTIMER_FEATURE_SUBMIT, 1);
NUMBER(SLEEPTIMER_FEATURE_QUERY, 2);
NUMBER(SLEEPTIMER_FEATURE_MMAP, 4);
NUMBER(SLEEPTIMER_FEATURE_EVENTFD, 8);
NUMBER(SLEEPTIMER_FEATURE_FILES, 16);
NUMBER(SLEEPTIMER_STEP_EVENT, 1);
NUMBER(SLEEPTIMER_STEP_SLEEP, 2);
NUMBER(SLEEPTIMER_STEP_EVENTFD, 3);
NUMBER(SLEEPTIMER_STEP_WRITE, 4);
NUMBER(SLEEPTIMER_STEP_FSYNC, 5);
NUMBER(SLEEPTIMER_STEP_FDATASYNC, 6);
NUMBER(SLEEPTIMER_TIMER_SLEEPABLE, 1);
NUMBER(SLEEPTIMER_DELAYED_WQ_HIGHRES, 1);
NUMBER(SLEEPTIMER_START_ABS, 1);
NUMBER(SLEEPTIMER_START_CPU_PIN, 2);
NUMBER(SLEEPTIMER_START_CPU, 8);
NUMBER(SLEEPTIMER_KIND_TIMER, 1);
NUMBER(SLEEPTIMER_KIND_SLEEPABLE_TIMER, 2);
NUMBER(SLEEPTIMER_KIND_WQ, 3);
NUMBER(SLEEPTIMER_KIND_DELAYED_WQ, 4);
NUMBER(SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ, 5);
NUMBER(SLEEPTIMER_STATE_ARMED, 1);
NUMBER(SLEEPTIMER_STATE_RUNNING, 2);
NUMBER(SLEEPTIMER_OP_LINK, 1);
NUMBER(SLEEPTIMER_OP_PERIODIC, 2);
NUMBER(SLEEPTIMER_HANDLE_LAST, 0);
NUMBER(SLEEPTIMER_CONTEXT_SOFTIRQ, 1);
NUMBER(SLEEPTIMER_CONTEXT_PROCESS, 2);
NUMBER(SLEEPTIMER_EVENT_ACCUMULATED, 1);
NUMBER(SLEEPTIMER_RING_BACKLOG, 1);
