/* SPDX-License-Identifier: GPL-2.0 */
/* What all programs share: what user space asks for, and how it is told. */
#ifndef BATCH_H
#define BATCH_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define BATCH 128

struct entry {
	__u64 time;
	__u32 slot;
	__u32 unused;
};

/* User space has it mapped, and writes it before it runs a program. */
struct batch {
	__u32 count;
	__u32 unused;
	/* What expires is armed anew, so many ns after the time before, if not 0. */
	__u64 period;
	__u64 next;
	struct entry entries[BATCH];
} batch SEC(".data.batch");

/* The slots of those that have expired. The loader tells how large the maps are. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
} events SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct entry *entry_of(__u64 number)
{
	return number < BATCH ? &batch.entries[number] : NULL;
}

/* A program that does NAME_one to each entry of the batch, until that fails. */
#define PROGRAM(name)							\
static long name##_each(__u64 number, long *error)			\
{									\
	struct entry *entry = entry_of(number);				\
									\
	*error = entry ? name##_one(entry) : -ERANGE;			\
	return *error ? 1 : 0;						\
}									\
									\
SEC("syscall")								\
int name(void *unused)							\
{									\
	long error = 0;							\
									\
	bpf_loop(batch.count, name##_each, &error, 0);			\
	return error;							\
}

#endif
