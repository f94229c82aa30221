/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints. Documentation/observing.rst describes them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sleeptimer

#if !defined(SLEEPTIMER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SLEEPTIMER_TRACE_H

#include <linux/tracepoint.h>

#include "../include/uapi/linux/sleeptimer.h"

/* Tools that read the formats do not know the names of enums. */
TRACE_DEFINE_ENUM(SLEEPTIMER_KIND_TIMER);
TRACE_DEFINE_ENUM(SLEEPTIMER_KIND_SLEEPABLE_TIMER);
TRACE_DEFINE_ENUM(SLEEPTIMER_KIND_WQ);
TRACE_DEFINE_ENUM(SLEEPTIMER_KIND_DELAYED_WQ);
TRACE_DEFINE_ENUM(SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ);
TRACE_DEFINE_ENUM(SLEEPTIMER_CONTEXT_SOFTIRQ);
TRACE_DEFINE_ENUM(SLEEPTIMER_CONTEXT_PROCESS);

#define sleeptimer_show_kind(kind) \
	__print_symbolic(kind, \
		{ SLEEPTIMER_KIND_TIMER, "timer" }, \
		{ SLEEPTIMER_KIND_SLEEPABLE_TIMER, "sleepable_timer" }, \
		{ SLEEPTIMER_KIND_WQ, "wq" }, \
		{ SLEEPTIMER_KIND_DELAYED_WQ, "delayed_wq" }, \
		{ SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ, "delayed_wq_highres" })

TRACE_EVENT(sleeptimer_init,
	    TP_PROTO(u64 map, u64 handle, u32 kind, u32 clock),
	    TP_ARGS(map, handle, kind, clock),
	    TP_STRUCT__entry(__field(u64, map)
			     __field(u64, handle)
			     __field(u32, kind)
			     __field(u32, clock)),
	    TP_fast_assign(__entry->map = map;
			   __entry->handle = handle;
			   __entry->kind = kind;
			   __entry->clock = clock;),
	    TP_printk("map=%llu handle=%#llx kind=%s clock=%u",
		      __entry->map, __entry->handle,
		      sleeptimer_show_kind(__entry->kind), __entry->clock));

TRACE_EVENT(sleeptimer_start,
	    TP_PROTO(u64 map, u64 handle, u64 expires, bool absolute, u64 period, int result),
	    TP_ARGS(map, handle, expires, absolute, period, result),
	    TP_STRUCT__entry(__field(u64, map)
			     __field(u64, handle)
			     __field(u64, expires)
			     __field(u64, period)
			     __field(int, result)
			     __field(bool, absolute)),
	    TP_fast_assign(__entry->map = map;
			   __entry->handle = handle;
			   __entry->expires = expires;
			   __entry->period = period;
			   __entry->result = result;
			   __entry->absolute = absolute;),
	    TP_printk("map=%llu handle=%#llx expires=%llu mode=%s period=%llu result=%d",
		      __entry->map, __entry->handle, __entry->expires,
		      __entry->absolute ? "abs" : "rel", __entry->period, __entry->result));

TRACE_EVENT(sleeptimer_expire,
	    TP_PROTO(u64 map, u64 handle, u32 context, u64 expirations),
	    TP_ARGS(map, handle, context, expirations),
	    TP_STRUCT__entry(__field(u64, map)
			     __field(u64, handle)
			     __field(u64, expirations)
			     __field(u32, context)),
	    TP_fast_assign(__entry->map = map;
			   __entry->handle = handle;
			   __entry->expirations = expirations;
			   __entry->context = context;),
	    TP_printk("map=%llu handle=%#llx context=%s expirations=%llu",
		      __entry->map, __entry->handle,
		      __print_symbolic(__entry->context,
				       { SLEEPTIMER_CONTEXT_SOFTIRQ, "softirq" },
				       { SLEEPTIMER_CONTEXT_PROCESS, "process" }),
		      __entry->expirations));

DECLARE_EVENT_CLASS(sleeptimer_result,
		    TP_PROTO(u64 map, u64 handle, int result),
		    TP_ARGS(map, handle, result),
		    TP_STRUCT__entry(__field(u64, map)
				     __field(u64, handle)
				     __field(int, result)),
		    TP_fast_assign(__entry->map = map;
				   __entry->handle = handle;
				   __entry->result = result;),
		    TP_printk("map=%llu handle=%#llx result=%d",
			      __entry->map, __entry->handle, __entry->result));

DEFINE_EVENT(sleeptimer_result, sleeptimer_cancel,
	     TP_PROTO(u64 map, u64 handle, int result),
	     TP_ARGS(map, handle, result));

DEFINE_EVENT(sleeptimer_result, sleeptimer_free,
	     TP_PROTO(u64 map, u64 handle, int result),
	     TP_ARGS(map, handle, result));

TRACE_EVENT(sleeptimer_step_failure,
	    TP_PROTO(u64 map, u64 handle, u32 step, int error),
	    TP_ARGS(map, handle, step, error),
	    TP_STRUCT__entry(__field(u64, map)
			     __field(u64, handle)
			     __field(u32, step)
			     __field(int, error)),
	    TP_fast_assign(__entry->map = map;
			   __entry->handle = handle;
			   __entry->step = step;
			   __entry->error = error;),
	    TP_printk("map=%llu handle=%#llx step=%u error=%d",
		      __entry->map, __entry->handle, __entry->step, __entry->error));

#endif /* SLEEPTIMER_TRACE_H */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
